import { test } from 'tap';
import { parseTags, tagCodes, tagSubscription } from '../../model/subscription.ts';

test('tagSubscription turns an expression into tags and codes', async (t) => {
  t.match(tagSubscription('T', 'TagA || TagB||TagA', 9), {
    tagsSet: ['TagA', 'TagB'],
    codeSet: [2_598_919, 2_598_920],
    subVersion: 9,
    expressionType: 'TAG',
  });
  for (const all of ['*', '', ' ']) t.same(tagCodes(tagSubscription('T', all, 0)), null, JSON.stringify(all));
  t.same([...(tagCodes(tagSubscription('T', 'TagA', 0)) as Int32Array)], [2_598_919]);
  t.throws(() => parseTags('||'), { name: 'MessageTextError' });
  t.throws(() => parseTags(Array.from({ length: 1025 }, (_, index) => index).join('||')), /1025 tags; 1024 are allowed/);
  t.throws(() => parseTags('x'.repeat(65_537)), /65536 are allowed/);
});
