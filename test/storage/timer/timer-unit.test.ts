/** What a timer's unit says. */
import { test } from 'tap';
import { deliverTimeOf, flooredTime, isRecallKey, keyTime, timerKey, unitTimeOf } from '../../../storage/timer/timer-unit.ts';

const of = (properties: Record<string, string>): Map<string, string> => new Map(Object.entries(properties));

test("flooredTime is Java's: to the second, and an exact second to the one before", (t) => {
  t.equal(flooredTime(1_001), 1_000);
  t.equal(flooredTime(1_999), 1_000);
  t.equal(flooredTime(2_000), 1_000);
  t.equal(flooredTime(2_001), 2_000);
  t.end();
});

test("unitTimeOf takes the exact time, of a Java broker's message the latest that its time may stand for", (t) => {
  t.equal(unitTimeOf(of({ __RINGMQ_DELIVER_MS: '1700000000123', TIMER_OUT_MS: '1700000000000' })), 1_700_000_000_123);
  t.equal(unitTimeOf(of({ TIMER_OUT_MS: '1700000000000' })), 1_700_000_001_000);
  t.equal(
    unitTimeOf(of({ __RINGMQ_DELIVER_MS: '1800000000123', __RINGMQ_WAKE_MS: '1700000000000' })),
    1_700_000_000_000,
    'stored anew before',
  );
  t.equal(deliverTimeOf(of({ __RINGMQ_DELIVER_MS: '1800000000123', __RINGMQ_WAKE_MS: '1700000000000' })), 1_800_000_000_123);
  t.equal(unitTimeOf(of({ __RINGMQ_DELIVER_MS: '1700000000001', TIMER_DEL_UNIQKEY: 'U' })), -1_700_000_000_001, 'a word');
  t.equal(unitTimeOf(of({ TIMER_OUT_MS: '1700000000000', TIMER_DEL_UNIQKEY: 'U' })), -1_700_000_000_001, 'one of a Java broker');
  for (const bad of [{}, { TIMER_OUT_MS: 'x' }, { __RINGMQ_DELIVER_MS: '-5' }, { __RINGMQ_DELIVER_MS: '1e9' }])
    t.equal(unitTimeOf(of(bad)), 0, `${JSON.stringify(bad)}: looked at now`);
  t.end();
});

test('timerKey puts words before messages of their ms, and what a Java broker has written first', (t) => {
  const [message, word] = [timerKey(1_700_000_000_001), timerKey(-1_700_000_000_001)];
  t.ok(word < message);
  t.ok(timerKey(1_700_000_000_000) < word);
  t.ok(isRecallKey(word) && !isRecallKey(message));
  t.equal(keyTime(word), 1_700_000_000_001);
  for (const hash of [0, 2598919, -2147483648, 2147483647]) t.equal(timerKey(hash), 1, `the hash ${hash}`);
  t.ok(Number.isSafeInteger(timerKey(Number.MAX_SAFE_INTEGER)), 'exact however far away');
  t.end();
});
