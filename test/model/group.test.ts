import { test } from 'tap';
import { GROUP_NAME_CREATE_MAX, groupNameFault, isSystemGroup } from '../../model/group.ts';

test('groupNameFault names the rule that is broken', async (t) => {
  t.equal(groupNameFault('g'.repeat(255)), null);
  t.match(groupNameFault('g'.repeat(121), GROUP_NAME_CREATE_MAX), /max length 120: 121/);
  t.match(groupNameFault(''), /blank/);
  t.match(groupNameFault('a/b'), /illegal characters/);
  t.ok(isSystemGroup('CID_RMQ_SYS_TRANS'));
  t.notOk(isSystemGroup('G'));
});
