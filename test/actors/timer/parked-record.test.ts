/** What is delivered by its bytes is what is delivered the general way. */
import fc from 'fast-check';
import { test } from 'tap';
import { RecordMemory } from '../../../actors/commit-log/record-memory.ts';
import { dueMessage, parkMessage } from '../../../actors/timer/delayed-message.ts';
import { hostBytes, ParkedRecord } from '../../../actors/timer/parked-record.ts';
import { deliverTimed, parkTimed } from '../../../actors/timer/timed-message.ts';
import { plainTopic } from '../../../actors/topic/topic-config.ts';
import { TopicTable, topicState } from '../../../actors/topic/topic-table.ts';
import { formatProperties, parseProperties } from '../../../model/message-property.ts';
import { decodeMessageRecord, encodeMessageRecord } from '../../../model/message-record.ts';
import { tagCode } from '../../../model/tag-hash.ts';
import { indexKeyHash } from '../../../storage/index/key-hash.ts';

const OLD_HOST = { address: Uint8Array.of(10, 0, 0, 1), port: 1 };
const HOST = { address: Uint8Array.of(127, 0, 0, 1), port: 10911 };
const NOW = 1_700_000_000_000;
const NAME = fc.oneof(fc.stringMatching(/^[a-zA-Z_]{1,12}$/), fc.constantFrom('TAGS', 'KEYS', 'UNIQ_KEY'));
const VALUE = fc.oneof(fc.stringMatching(/^[a-zA-Z0-9 %]{1,20}$/), fc.constantFrom('ü中文', 'k1 k2'));

const topics = new TopicTable();
const target = topicState(plainTopic('T', 4), Int32Array.of(1, 2, 3, 4));
topics.put(target);
const timer = topicState(plainTopic('rmq_sys_wheel_timer', 1), Int32Array.of(5));
const schedule = topicState(plainTopic('SCHEDULE_TOPIC_XXXX', 18), new Int32Array(18));

function stored(own: readonly (readonly [string, string])[], kind: 'timed' | 'level'): Uint8Array {
  const message = {
    topic: target,
    queueId: 3,
    flag: 7,
    sysFlag: 1,
    bornTimestamp: 5,
    bornHost: OLD_HOST,
    reconsumeTimes: 2,
    preparedTransactionOffset: 9,
    body: Buffer.from('body'),
    properties: new Map(own),
    delayLevel: 0,
  };
  const parked = kind === 'timed' ? parkTimed(message, NOW + 1500, NOW, 1e12, timer) : parkMessage(message, 3, 18, schedule);
  const place = { queueOffset: 7, physicalOffset: 4_294_967_300, storeHost: OLD_HOST, storeTimestamp: NOW + 1 };
  return encodeMessageRecord({ ...parked, ...place, topic: parked.topic.name, properties: formatProperties(parked.properties) });
}

for (const kind of ['timed', 'level'] as const) {
  test(`ParkedRecord delivers a ${kind === 'timed' ? 'timed message' : 'message of a delay level'} as the general way does`, (t) => {
    const parked = new ParkedRecord();
    fc.assert(
      fc.property(fc.uniqueArray(fc.tuple(NAME, VALUE), { selector: ([name]) => name, maxLength: 8 }), (own) => {
        const bytes = Buffer.concat([new Uint8Array(3), stored(own, kind)]);
        if (!parked.read(bytes, 3) || parked.physical !== 4_294_967_300 || parked.size !== bytes.length - 3) return false;
        const memory = new RecordMemory();
        memory.room(11);
        const made = parked.delivered(topics, kind === 'timed' ? NOW + 1501 : -1, hostBytes(HOST)!, memory);
        if (made === null || made.at !== 11) return false;
        const record = decodeMessageRecord(bytes, 3);
        const properties = parseProperties(record.properties);
        const general =
          kind === 'timed' ? deliverTimed(record, properties, target, 3, NOW + 1501) : dueMessage(record, properties, target, 3);
        const expected = encodeMessageRecord({
          ...general,
          topic: 'T',
          queueOffset: -1,
          physicalOffset: -1,
          storeHost: HOST,
          storeTimestamp: NOW + 1,
          properties: formatProperties(general.properties),
        });
        const uniqueKey = general.properties.get('UNIQ_KEY');
        return (
          Buffer.compare(made.record.subarray(11, 11 + made.size), expected) === 0 &&
          made.queueId === 3 &&
          made.tag === tagCode(general.properties.get('TAGS') ?? '') &&
          made.hasKeys === general.properties.has('KEYS') &&
          made.uniqueHash === (uniqueKey === undefined ? -1 : indexKeyHash('T', uniqueKey))
        );
      }),
      { numRuns: 300 },
    );
    t.end();
  });
}

test('ParkedRecord leaves to the general way what is not plain', (t) => {
  const parked = new ParkedRecord();
  const record = stored([['UNIQ_KEY', 'U']], 'timed');
  t.ok(parked.read(record, 0));
  t.equal(parked.deliverMs, NOW + 1500);
  t.equal(parked.delivered(new TopicTable(), NOW, hostBytes(HOST)!, new RecordMemory()), null, 'its topic is not there');
  for (const name of ['__RINGMQ_WAKE_MS', 'TIMER_ENQUEUE_MS', 'TIMER_ROLL_TIMES', 'TIMER_DEL_UNIQKEY'])
    t.notOk(parked.read(stored([[name, '1']], 'level'), 0), name);
  const { properties } = decodeMessageRecord(record, 0);
  const again = (text: string): Uint8Array => {
    const fields = decodeMessageRecord(record, 0);
    return encodeMessageRecord({ ...fields, properties: text });
  };
  t.notOk(parked.read(again(properties.replace('REAL_QID', 'OTHER')), 0), 'without a queue');
  t.notOk(parked.read(again(`${properties}REAL_TOPIC\u0001X\u0002`), 0), 'a name twice');
  t.notOk(parked.read(again(`${properties}odd`), 0), 'not as a broker writes it');
  t.ok(parked.read(again(properties.replace(String(NOW + 1500), 'soon')), 0));
  t.equal(parked.deliverMs, -1);
  t.equal(hostBytes({ address: new Uint8Array(16), port: 1 }), null);
  t.end();
});
