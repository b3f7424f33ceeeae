import { test } from 'tap';
import { poppedTopic, popRetryOf, popTopicName } from '../../model/pop-topic.ts';

test('popTopicName and poppedTopic are each other’s reverse, for both kinds of retry topics', async (t) => {
  t.equal(popTopicName('G', 'T', 0), 'T');
  t.equal(popTopicName('G', 'T', 1), '%RETRY%G_T');
  t.equal(popTopicName('G', 'T', 2), '%RETRY%G+T');
  for (const retry of [0, 1, 2] as const) t.same(poppedTopic('G', popTopicName('G', 'T', retry)), { topic: 'T', retry });
  t.same(poppedTopic('H', '%RETRY%G_T'), { topic: '%RETRY%G_T', retry: 0 }, 'of another group');
  t.same(poppedTopic('G', '%RETRY%G'), { topic: '%RETRY%G', retry: 0 }, 'the retry topic of pulls');
  t.same(poppedTopic('G', '%RETRY%G_'), { topic: '%RETRY%G_', retry: 0 }, 'no topic behind it');
  t.same(['0', '1', '2', '3', ''].map(popRetryOf), [0, 1, 2, null, null]);
});
