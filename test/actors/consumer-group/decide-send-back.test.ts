/** What becomes of a message that a consumer gives back. */
import { test } from 'tap';
import { decideSendBack, type SentBack, sentBackProperties } from '../../../actors/consumer-group/decide-send-back.ts';

test('decideSendBack gives each attempt a longer delay, and the last one none', (t) => {
  const cases: [string, Partial<SentBack>, number][] = [
    ['the first attempt again', {}, 3],
    ['the third', { reconsumeTimes: 2 }, 5],
    ['the last', { reconsumeTimes: 15 }, 18],
    ['no more', { reconsumeTimes: 16 }, 0],
    ['far too often', { reconsumeTimes: 100 }, 0],
    ['the client says how often', { reconsumeTimes: 2, maxReconsumeTimes: 2 }, 0],
    ['and may allow more than the group', { reconsumeTimes: 20, maxReconsumeTimes: 100 }, 23],
    ['never again', { delayLevel: -1 }, 0],
    ['a level of its own', { delayLevel: 1, reconsumeTimes: 5 }, 1],
    ['no attempt allowed', { maxReconsumeTimes: 0 }, 0],
    ['a group that allows none', { retryMaxTimes: 0 }, 0],
    ['a negative limit', { retryMaxTimes: -1 }, 0],
    ['a count below 0', { reconsumeTimes: -5 }, 3],
  ];
  for (const [what, more, level] of cases) {
    const back: SentBack = { delayLevel: 0, reconsumeTimes: 0, maxReconsumeTimes: null, retryMaxTimes: 16, ...more };
    t.equal(decideSendBack(back), level, what);
  }
  t.end();
});

test('sentBackProperties keep the first origin', (t) => {
  const first = sentBackProperties(new Map([['KEYS', 'k']]), { topic: 'T', messageId: 'ID1' }, 3);
  t.same(Object.fromEntries(first), { KEYS: 'k', RETRY_TOPIC: 'T', DELAY: '3', ORIGIN_MESSAGE_ID: 'ID1' });
  const second = sentBackProperties(first, { topic: '%RETRY%G', messageId: 'ID2' }, 4);
  t.same(Object.fromEntries(second), { KEYS: 'k', RETRY_TOPIC: 'T', DELAY: '4', ORIGIN_MESSAGE_ID: 'ID1' });
  t.equal(sentBackProperties(new Map([['ORIGIN_MESSAGE_ID', ' ']]), { topic: 'T', messageId: 'ID' }, 1).get('ORIGIN_MESSAGE_ID'), 'ID');
  t.equal(first.get('DELAY'), '3', 'what was given is as it was');
  t.end();
});
