/** What a delayed message becomes while it waits, and how far the levels are kept in the file. */
import { test } from 'tap';
import type { InnerMessage } from '../../../actors/commit-log/inner-append.ts';
import { delayOffsetsText, parseDelayOffsets } from '../../../actors/timer/delay-offsets-json.ts';
import { delayLevelOf, destinationOf, dueMessage, parkMessage } from '../../../actors/timer/delayed-message.ts';
import { hasTimer } from '../../../actors/timer/timed-message.ts';
import { plainTopic } from '../../../actors/topic/topic-config.ts';
import { topicState } from '../../../actors/topic/topic-table.ts';
import { decodeMessageRecord, encodeMessageRecord } from '../../../model/message-record.ts';
import { parseLenient } from '../../../storage/json-table.ts';

const topic = topicState(plainTopic('T', 4), Int32Array.of(0, 1, 2, 3));
const schedule = topicState(plainTopic('SCHEDULE_TOPIC_XXXX', 3), Int32Array.of(7, 8, 9));

function message(properties: Record<string, string>, queueId = 2): InnerMessage {
  const host = { address: Uint8Array.of(127, 0, 0, 1), port: 1 };
  const rest = { flag: 3, sysFlag: 1, bornTimestamp: 5, bornHost: host, reconsumeTimes: 1, preparedTransactionOffset: 0 };
  return { topic, queueId, ...rest, body: Buffer.from('b'), properties: new Map(Object.entries(properties)), delayLevel: 0 };
}

test('delayLevelOf reads DELAY as Java reads an int', (t) => {
  const cases: [string | undefined, number | null][] = [
    [undefined, 0],
    ['0', 0],
    ['1', 1],
    ['+2', 2],
    ['-1', -1],
    ['007', 7],
    ['2147483647', 2147483647],
    ['-2147483648', -2147483648],
    ['2147483648', null],
    ['99999999999999999999', null],
    ['', null],
    [' 1', null],
    ['1.0', null],
    ['1e3', null],
    ['0x1', null],
    ['abc', null],
  ];
  for (const [text, level] of cases) t.equal(delayLevelOf(new Map(text === undefined ? [] : [['DELAY', text]])), level, `DELAY ${text}`);
  t.end();
});

test('parkMessage keeps the destination, whatever the client said it is', (t) => {
  const forged = { DELAY: '2', REAL_TOPIC: 'elsewhere', REAL_QID: '9', own: 'x' };
  const parked = parkMessage(message(forged), 2, 3, schedule);
  t.equal(parked.topic, schedule);
  t.equal(parked.queueId, 1, 'the queue of level 2');
  t.equal(parked.delayLevel, 2);
  t.same(Object.fromEntries(parked.properties), { DELAY: '2', REAL_TOPIC: 'T', REAL_QID: '2', own: 'x' });
  const clamped = parkMessage(message({ DELAY: '99' }), 99, 3, schedule);
  t.equal(clamped.queueId, 2, 'a level above the last one is the last');
  t.equal(clamped.properties.get('DELAY'), '3');
  const timed = message({ DELAY: '1', TIMER_DELAY_SEC: '9', TIMER_DELAY_MS: '9', TIMER_DELIVER_MS: '9' });
  t.ok(hasTimer(timed.properties));
  t.notOk(hasTimer(parkMessage(timed, 1, 3, schedule).properties), 'a level goes before a time of its own');
  t.equal(timed.properties.size, 4, 'the message given is as it was');
  t.end();
});

test('destinationOf finds where a parked message is to go', (t) => {
  const of = (properties: Record<string, string>): unknown => destinationOf(new Map(Object.entries(properties)));
  t.same(of({ REAL_TOPIC: 'T', REAL_QID: '3' }), { topic: 'T', queueId: 3 });
  for (const bad of [{}, { REAL_TOPIC: 'T' }, { REAL_QID: '1' }, { REAL_TOPIC: 'T', REAL_QID: '-1' }, { REAL_TOPIC: 'T', REAL_QID: '1e9' }])
    t.equal(of(bad), null, JSON.stringify(bad));
  t.end();
});

test('dueMessage is the record with another place', (t) => {
  const { topic: _, delayLevel: __, ...fields } = parkMessage(message({ DELAY: '1', TAGS: 'a' }), 1, 3, schedule);
  const text = [...fields.properties].map(([name, value]) => `${name}\x01${value}\x02`).join('');
  const record = decodeMessageRecord(encodeMessageRecord({ ...fields, topic: 'SCHEDULE_TOPIC_XXXX', properties: text }), 0);
  const due = dueMessage(record, fields.properties, topic, 2);
  t.match(due, { topic, queueId: 2, flag: 3, sysFlag: 1, bornTimestamp: 5, reconsumeTimes: 1, delayLevel: 0 });
  t.equal(due.properties.get('DELAY'), '1', 'its properties stay, as the Java broker leaves them');
  t.end();
});

test('parseDelayOffsets reads what the Java broker writes, and what delayOffsetsText writes', (t) => {
  const java =
    '{\n\t"dataVersion":{\n\t\t"counter":3,\n\t\t"stateVersion":0,\n\t\t"timestamp":1\n\t},\n\t"offsetTable":{\n\t\t1:6,\n\t\t5:1\n\t}\n}';
  const read = parseDelayOffsets(parseLenient(java));
  t.equal(read.counter, 3);
  t.same(
    [...read.offsets],
    [
      [1, 6],
      [5, 1],
    ],
  );
  t.same(parseDelayOffsets(parseLenient('{"offsetTable":{1:2}}')), { counter: 0, offsets: new Map([[1, 2]]) }, 'of 4.x');
  t.same(parseDelayOffsets(JSON.parse(delayOffsetsText(read, 77))), read);
  for (const bad of [
    '[]',
    '{"offsetTable":[1]}',
    '{"offsetTable":{"0":1}}',
    '{"offsetTable":{"-1":1}}',
    '{"offsetTable":{"x":1}}',
    '{"offsetTable":{"1":-1}}',
    '{"offsetTable":{"1":"2"}}',
    '{"offsetTable":{"1":1.5}}',
  ])
    t.throws(() => parseDelayOffsets(JSON.parse(bad)), { code: 'MQ_TIMER_BAD_OFFSETS' }, bad);
  t.end();
});
