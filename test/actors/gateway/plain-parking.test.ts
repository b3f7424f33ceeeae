/** What is parked by its bytes is what is parked the general way. */
import fc from 'fast-check';
import { test } from 'tap';
import { decideUnusualSend } from '../../../actors/gateway/decide-unusual-send.ts';
import { PlainParking } from '../../../actors/gateway/plain-parking.ts';
import { parkMessage } from '../../../actors/timer/delayed-message.ts';
import { parkTimed } from '../../../actors/timer/timed-message.ts';
import { plainTopic } from '../../../actors/topic/topic-config.ts';
import { topicState } from '../../../actors/topic/topic-table.ts';
import { formatProperties, parseProperties } from '../../../model/message-property.ts';
import { SendHeader } from '../../../protocol/remoting/send-header.ts';

const NOW = 1_700_000_000_000;
const LEVELS = 18;
const MAX_SEC = 1000;
const target = topicState(plainTopic('T', 4), Int32Array.of(1, 2, 3, 4));
const timer = topicState(plainTopic('rmq_sys_wheel_timer', 1), Int32Array.of(5));
const schedule = topicState(plainTopic('SCHEDULE_TOPIC_XXXX', LEVELS), new Int32Array(LEVELS));
const GONE = new Set(['MSG_REGION', 'CLUSTER', 'TRACE_ON', 'POP_CK', 'WAIT']);

function headerOf(text: string, isEscaped: boolean): SendHeader {
  const header = new SendHeader();
  const bytes = Buffer.from(`xx${isEscaped ? JSON.stringify(text).slice(1, -1) : text}yy`);
  header.text = bytes;
  header.propertiesStart = 2;
  header.propertiesEnd = bytes.length - 2;
  header.arePropertiesEscaped = isEscaped;
  return header;
}

/** What the general way makes of it; null: it refuses, or does not park. */
function general(text: string): { properties: string; level: number; unitTime: number } | null {
  const client = parseProperties(text);
  const timers = { isEnabled: true, maxDelaySec: MAX_SEC };
  const send = { properties: client, sysFlag: 0, reconsumeTimes: 0, maxReconsumeTimes: -1, version: 400, group: null, now: NOW, timers };
  const decision = decideUnusualSend(send);
  if (decision.kind !== 'store' || (decision.delayLevel <= 0 && decision.deliverMs <= 0)) return null;
  const properties = new Map([['MSG_REGION', 'R']]);
  for (const [name, value] of client) if (!GONE.has(name)) properties.set(name, value);
  properties.set('CLUSTER', 'C').set('TRACE_ON', 'true');
  const rest = { flag: 0, sysFlag: 0, bornTimestamp: 0, bornHost: { address: new Uint8Array(4), port: 0 }, reconsumeTimes: 0 };
  const message = { ...rest, topic: target, queueId: 3, preparedTransactionOffset: 0, body: new Uint8Array(0), properties, delayLevel: 0 };
  const parked =
    decision.delayLevel > 0
      ? parkMessage(message, decision.delayLevel, LEVELS, schedule)
      : parkTimed(message, decision.deliverMs, NOW, 1e12, timer);
  return { properties: formatProperties(parked.properties), level: parked.delayLevel, unitTime: parked.unitTime ?? 0 };
}

function parked(plain: PlainParking, text: string, isEscaped: boolean): boolean {
  const limits = { levels: LEVELS, longestMs: MAX_SEC * 1000 };
  return plain.read(headerOf(text, isEscaped), target.nameBytes, 3, NOW, limits);
}

test('PlainParking parks as the general way does', (t) => {
  const plain = new PlainParking('R', 'C');
  const wish = fc.oneof(
    fc.tuple(fc.constantFrom('DELAY', 'TIMER_DELAY_SEC', 'TIMER_DELAY_MS'), fc.integer({ min: -2, max: 1200 }).map(String)),
    fc.tuple(fc.constant('TIMER_DELIVER_MS'), fc.integer({ min: NOW - 5, max: NOW + 2_000_000 }).map(String)),
    fc.tuple(fc.constantFrom('DELAY', 'TIMER_DELAY_MS', 'K'), fc.constantFrom('+5', '', '1e3', '007', 'x')),
  );
  const name = fc.oneof(
    fc.stringMatching(/^[a-zA-Z_]{1,12}$/),
    fc.constantFrom('TAGS', 'KEYS', 'WAIT', 'CLUSTER', 'POP_CK', 'TRAN_MSG', 'REAL_TOPIC', 'TIMER_OUT_MS', 'MSG_REGION'),
  );
  const value = fc.oneof(fc.stringMatching(/^[a-zA-Z0-9 %"\\]{1,20}$/), fc.constantFrom('ü中文', 'true'));
  let taken = 0;
  fc.assert(
    fc.property(
      fc.uniqueArray(fc.oneof({ weight: 3, arbitrary: fc.tuple(name, value) }, wish), { selector: ([one]) => one, maxLength: 6 }),
      fc.boolean(),
      fc.boolean(),
      (own, isEscaped, isEnded) => {
        const all = formatProperties([['UNIQ_KEY', 'U1'], ...own.filter(([one]) => one !== 'UNIQ_KEY')]);
        const text = isEnded ? all : all.slice(0, -1);
        if (!parked(plain, text, isEscaped)) return true;
        taken++;
        const expected = general(text);
        if (expected === null) return false;
        const made = Buffer.from(plain.bytes.subarray(0, plain.length)).toString();
        const uniqueKey = Buffer.from(plain.bytes.subarray(plain.uniqueStart, plain.uniqueEnd)).toString();
        return (
          made === expected.properties &&
          plain.level === expected.level &&
          (plain.level > 0 || plain.deliverMs === expected.unitTime) &&
          uniqueKey === 'U1' &&
          plain.hasKeys === parseProperties(text).has('KEYS')
        );
      },
    ),
    { numRuns: 5000 },
  );
  t.ok(taken > 300, `${taken} were plain`);
  t.end();
});

test('PlainParking leaves to the general way what is not plain', (t) => {
  const plain = new PlainParking('R', 'C');
  const text = (...own: [string, string][]): string => formatProperties([['UNIQ_KEY', 'U1'], ...own]);
  t.ok(parked(plain, text(['DELAY', '3']), false));
  t.ok(parked(plain, text(['TIMER_DELAY_MS', '1000']), false));
  for (const [what, properties] of [
    ['two wishes', text(['DELAY', '3'], ['TIMER_DELAY_MS', '1000'])],
    ['no wish', text()],
    ['a level that is none', text(['DELAY', '19'])],
    ['a time that has passed', text(['TIMER_DELIVER_MS', '5'])],
    ['a time too far away', text(['TIMER_DELAY_SEC', '1001'])],
    ['no unique key', formatProperties([['DELAY', '3']])],
    ['a name twice', text(['DELAY', '3'], ['DELAY', '3'])],
    ['a half message', text(['DELAY', '3'], ['TRAN_MSG', 'true'])],
    ['a word that takes one back', text(['TIMER_DELAY_MS', '1000'], ['TIMER_DEL_UNIQKEY', 'x'])],
    ['an item without a name', `\u0001x\u0002${text(['DELAY', '3'])}`],
    ['long ones', text(['DELAY', '3'], ['x', 'y'.repeat(20_000)])],
  ] as const)
    t.notOk(parked(plain, properties, false), what);
  const odd = headerOf('UNIQ_KEY\u0001U\u0002DELAY\u00013\u0002', true);
  odd.text = Buffer.from(odd.text.toString().replace('\\u0002', '\\q0002'));
  t.notOk(plain.read(odd, target.nameBytes, 3, NOW, { levels: LEVELS, longestMs: 1 }), 'an escape that JSON does not have');
  t.end();
});
