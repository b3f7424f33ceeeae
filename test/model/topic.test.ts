import { test } from 'tap';
import { dlqTopic, groupOfDerivedTopic, isSystemTopic, retryTopic, topicNameFault } from '../../model/topic.ts';

test('topicNameFault names the rule that is broken, and topics derived from groups are told apart', async (t) => {
  for (const topic of ['T', '%RETRY%g', 'a|b', 'ns%topic', 'x'.repeat(127), retryTopic('g'.repeat(248))])
    t.equal(topicNameFault(topic), null, topic);
  t.match(topicNameFault(' '), /blank/);
  t.match(topicNameFault('a b'), /illegal characters/);
  t.match(topicNameFault('中'), /illegal characters/);
  t.match(topicNameFault('x'.repeat(128)), /max length 127: 128/);
  t.match(topicNameFault(retryTopic('g'.repeat(249))), /max length 255: 256/);
  t.ok(isSystemTopic('rmq_sys_x'));
  t.notOk(isSystemTopic('T'));
  t.equal(groupOfDerivedTopic('%RETRY%g'), 'g');
  t.equal(groupOfDerivedTopic(dlqTopic('g')), 'g');
  t.equal(groupOfDerivedTopic('g'), null);
});
