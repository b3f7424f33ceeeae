/** Which time a message asks for, what it becomes while it waits, its handle, and what a Java broker is done with. */
import fc from 'fast-check';
import { test } from 'tap';
import type { InnerMessage } from '../../../actors/commit-log/inner-append.ts';
import { isDoneByJava, parseJavaTimerCheck } from '../../../actors/timer/java-timer-check.ts';
import { isNameable, parseRecallHandle, RecallHandleWriter } from '../../../actors/timer/recall-handle.ts';
import { RecalledTimers, recallName } from '../../../actors/timer/recalled-timers.ts';
import { parkTimed, timerWish } from '../../../actors/timer/timed-message.ts';
import { parseWheel, wheelText } from '../../../actors/timer/wheel-checkpoint.ts';
import { plainTopic } from '../../../actors/topic/topic-config.ts';
import { topicState } from '../../../actors/topic/topic-table.ts';

const NOW = 1_800_000_000_000;

test('RecallHandleWriter writes base64url of what the handle names', (t) => {
  const writer = new RecallHandleWriter('broker-ä');
  fc.assert(
    fc.property(
      fc.stringMatching(/^[%a-zA-Z0-9_-]{1,127}$/),
      fc.integer({ min: 1, max: 2 ** 51 }),
      fc.oneof(fc.stringMatching(/^[0-9A-F]{1,64}$/), fc.string({ minLength: 1, maxLength: 80 })),
      (topic, deliverMs, uniqueKey) => {
        const bytes = Buffer.from(`..${topic}..${uniqueKey}..`);
        const keyStart = 4 + topic.length;
        const keyEnd = bytes.length - 2;
        const isNamed = isNameable(bytes, keyStart, keyEnd);
        if (isNamed === uniqueKey.includes(' ') || !isNamed) return writer.handleOf(topic, deliverMs, uniqueKey) === null && !isNamed;
        const floored = (Math.ceil(deliverMs / 1000) - 1) * 1000;
        const expected = Buffer.from(`v1 ${topic} broker-ä ${floored + 1} ${uniqueKey}`)
          .toString('base64')
          .replace(/\+/g, '-')
          .replace(/\//g, '_');
        const written = writer.write(bytes, 2, 2 + topic.length, deliverMs, keyStart, keyEnd);
        return (
          Buffer.from(written).toString('latin1') === expected &&
          Buffer.from(writer.handleOf(topic, deliverMs, uniqueKey)!).toString('latin1') === expected
        );
      },
    ),
    { numRuns: 2000 },
  );
  t.notOk(isNameable(Buffer.alloc(256, 65), 0, 256), 'a long key');
  t.end();
});

test('timerWish reads times as Java does, and refuses what is none', (t) => {
  const of = (properties: Record<string, string>): unknown => {
    const wish = timerWish(new Map(Object.entries(properties)), NOW, 1000);
    return wish.kind === 'at' ? wish.deliverMs - NOW : wish.kind;
  };
  const cases: [Record<string, string>, unknown][] = [
    [{}, 'none'],
    [{ TIMER_DELAY_SEC: '2' }, 2000],
    [{ TIMER_DELAY_MS: '+7' }, 7],
    [{ TIMER_DELIVER_MS: String(NOW + 1) }, 1],
    [{ TIMER_DELIVER_MS: String(NOW) }, 'none'],
    [{ TIMER_DELAY_MS: '0' }, 'none'],
    [{ TIMER_DELAY_SEC: '-9223372036854775808' }, 'none'],
    [{ TIMER_DELAY_SEC: '1', TIMER_DELAY_MS: '5', TIMER_DELIVER_MS: 'x' }, 1000],
    [{ TIMER_DELAY_MS: '5', TIMER_DELIVER_MS: 'x' }, 5],
    [{ TIMER_DELAY_MS: '5', TIMER_OUT_MS: '1' }, 'none'],
    [{ TIMER_DELAY_SEC: '1000' }, 1_000_000],
    [{ TIMER_DELAY_SEC: '1001' }, 'illegal'],
    [{ TIMER_DELAY_SEC: '9223372036854775807' }, 'illegal'],
    [{ TIMER_DELIVER_MS: '9223372036854775808' }, 'illegal'],
    [{ TIMER_DELAY_MS: '' }, 'illegal'],
    [{ TIMER_DELAY_MS: ' 5' }, 'illegal'],
    [{ TIMER_DELAY_MS: '5.0' }, 'illegal'],
    [{ TIMER_DELIVER_MS: '1', TIMER_DEL_UNIQKEY: 'U' }, 'illegal'],
  ];
  for (const [properties, expected] of cases) t.equal(of(properties), expected, JSON.stringify(properties));
  t.end();
});

test('parkTimed wakes what waits for long at moments of its own within the window', (t) => {
  const topic = topicState(plainTopic('T', 1), Int32Array.of(0));
  const timer = topicState(plainTopic('rmq_sys_wheel_timer', 1), Int32Array.of(1));
  const host = { address: Uint8Array.of(127, 0, 0, 1), port: 1 };
  const rest = { flag: 0, sysFlag: 0, bornTimestamp: 5, bornHost: host, reconsumeTimes: 0, preparedTransactionOffset: 0, delayLevel: 0 };
  const wakes = new Set<number>();
  for (let i = 0; i < 200; i++) {
    const properties = new Map([['UNIQ_KEY', `U${i}`]]);
    const message: InnerMessage = { topic, queueId: 0, ...rest, body: Buffer.from('b'), properties };
    const parked = parkTimed(message, NOW + 1e9, NOW, 100_000, timer);
    t.ok(parked.unitTime! > NOW + 49_999 && parked.unitTime! <= NOW + 100_000);
    wakes.add(parked.unitTime!);
    t.equal(properties.size, 1, 'the message given is as it was');
    t.equal(parkTimed(message, NOW + 100_000, NOW, 100_000, timer).unitTime, NOW + 100_000, 'near enough');
  }
  t.ok(wakes.size > 150, 'not all at once');
  t.end();
});

test("A recall handle is the Java client's, and parseRecallHandle takes nothing else", (t) => {
  const java = 'djEgVG9waWNUZXN0IGJyb2tlci1hIDE3MDAwMDAwMDAwMDAgQUMxMTAwMDEwMDAwMkE5RjAwMDAwMDAwMDAwMDAwMDE=';
  const parsed = { topic: 'TopicTest', brokerName: 'broker-a', ms: 1_700_000_000_000, uniqueKey: 'AC11000100002A9F0000000000000001' };
  t.same(parseRecallHandle(java), parsed);
  const handleOf = (ms: number, uniqueKey: string): string | null => {
    const handle = new RecallHandleWriter('b').handleOf('T', ms, uniqueKey);
    return handle === null ? null : Buffer.from(handle).toString('latin1');
  };
  t.match(parseRecallHandle(handleOf(1_700_000_000_500, 'U')!), { ms: 1_700_000_000_001 }, 'its second and one');
  t.equal(handleOf(1, 'with blank'), null);
  t.equal(handleOf(1, 'U'.repeat(256)), null);
  t.equal(handleOf(1, 'ä'.repeat(128)), null, 'bytes count');
  fc.assert(
    fc.property(fc.string(), (text) => {
      const handle = parseRecallHandle(text);
      return handle === null || handle.ms >= 0;
    }),
  );
  fc.assert(
    fc.property(fc.array(fc.string({ maxLength: 20 }), { maxLength: 7 }), (parts) => {
      const handle = parseRecallHandle(Buffer.from(parts.join(' ')).toString('base64url'));
      return handle === null || (parts.length >= 1 && handle.topic !== '');
    }),
  );
  t.end();
});

test('RecalledTimers holds a name as long as any word for it, and means the topic of the word alone', (t) => {
  const recalled = new RecalledTimers();
  recalled.add(recallName('T', 'U'), 100);
  recalled.add(recallName('T', 'T+U'), 200);
  t.ok(recalled.has('T', 'U'));
  t.notOk(recalled.has('X', 'U'));
  recalled.forget(150);
  t.ok(recalled.has('T', 'U'), 'the second word');
  recalled.forget(201);
  t.notOk(recalled.has('T', 'U'));
  t.equal(recalled.size, 0);
  t.end();
});

test('isDoneByJava goes by what its wheel had read', (t) => {
  const bytes = Buffer.alloc(56);
  bytes.writeBigInt64BE(BigInt(NOW), 0);
  bytes.writeBigInt64BE(10n, 16);
  const check = parseJavaTimerCheck(bytes);
  t.same(check, { readMs: NOW, queueOffset: 10 });
  t.ok(isDoneByJava(check, 9, NOW - 1000, NOW - 5000));
  t.notOk(isDoneByJava(check, 10, NOW - 1000, NOW - 5000), 'its wheel had not seen it');
  t.notOk(isDoneByJava(check, 9, NOW, NOW - 5000), 'not due');
  const day = 86_400_000;
  t.ok(isDoneByJava(check, 9, NOW + day, NOW - 2.1 * day), 'stored anew by it');
  t.notOk(isDoneByJava(check, 9, NOW + 2.5 * day, NOW), 'still to be stored anew');
  t.notOk(isDoneByJava(null, 9, 1, 1));
  t.equal(parseJavaTimerCheck(Buffer.alloc(56)), null);
  t.equal(parseJavaTimerCheck(Buffer.alloc(3)), null);
  t.end();
});

test('timerWheel.json comes back as it was written, and nothing else is read', (t) => {
  const marks = [
    { key: 2 * NOW + 1, physical: 77, end: 1000 },
    { key: 2 * NOW, physical: 5, end: 2000 },
  ];
  const text = wheelText({ counter: 3, marks, pending: 9 }, NOW);
  t.same(parseWheel(JSON.parse(text)), { counter: 3, marks, pending: 9 });
  for (const bad of [
    null,
    [],
    {},
    { marks: [] },
    { marks: [{ ms: -1, physical: 0, end: 0 }], pending: 0 },
    { marks: [{ ms: 1, physical: 0, end: 'x' }], pending: 0 },
  ])
    t.throws(() => parseWheel(bad), { code: 'MQ_TIMER_BAD_WHEEL' }, JSON.stringify(bad));
  t.end();
});
