/** What is committed by its bytes is what is committed the general way. */
import fc from 'fast-check';
import { test } from 'tap';
import { RecordMemory } from '../../../actors/commit-log/record-memory.ts';
import { plainTopic } from '../../../actors/topic/topic-config.ts';
import { TopicTable, topicState } from '../../../actors/topic/topic-table.ts';
import { committedMessage } from '../../../actors/transaction/half-message.ts';
import { PlainHalf } from '../../../actors/transaction/plain-half.ts';
import { formatProperties, parseProperties } from '../../../model/message-property.ts';
import { decodeMessageRecord, encodeMessageRecord } from '../../../model/message-record.ts';

const HOST = { address: Uint8Array.of(127, 0, 0, 1), port: 10911 };
const HALF = 'RMQ_SYS_TRANS_HALF_TOPIC';
const NAME = fc.stringMatching(/^[a-zA-Z_]{1,12}$/);
const VALUE = fc.stringMatching(/^[a-zA-Z0-9 %]{1,20}$/);

function record(properties: Iterable<readonly [string, string]>, more: Record<string, unknown> = {}): Uint8Array {
  const fields = {
    topic: HALF,
    queueOffset: 7,
    physicalOffset: 4_294_967_300,
    sysFlag: 3,
    flag: 9,
    body: Buffer.from('body'),
    reconsumeTimes: 2,
  };
  const hosts = { bornHost: HOST, storeHost: HOST, bornTimestamp: 5, storeTimestamp: 6 };
  return encodeMessageRecord({ ...fields, ...hosts, properties: formatProperties(properties), ...more });
}

const REAL: readonly (readonly [string, string])[] = [
  ['REAL_TOPIC', 'T'],
  ['REAL_QID', '3'],
  ['PGROUP', 'PG'],
];

test('PlainHalf commits as committedMessage does', (t) => {
  const plain = new PlainHalf();
  const topic = topicState(plainTopic('T', 4), Int32Array.of(1, 2, 3, 4));
  const topics = new TopicTable();
  topics.put(topic);
  fc.assert(
    fc.property(fc.uniqueArray(fc.tuple(NAME, VALUE), { selector: ([name]) => name, maxLength: 6 }), fc.nat(1000), (own, seed) => {
      const names = new Set(['KEYS', 'TAGS', 'DELAY', 'REAL_TOPIC', 'REAL_QID', 'PGROUP']);
      const all = [...own.filter(([name]) => !names.has(name)), ...REAL];
      // In any order.
      all.sort(([a], [b]) => ((a.charCodeAt(0) * 31 + a.length * seed) % 97) - ((b.charCodeAt(0) * 31 + b.length * seed) % 97));
      const bytes = record(all);
      if (!plain.read(bytes)) return false;
      const half = decodeMessageRecord(bytes, 0);
      const general = committedMessage(half, parseProperties(half.properties), topic, 3);
      const expected = encodeMessageRecord({
        ...general,
        topic: 'T',
        queueOffset: -1,
        physicalOffset: -1,
        storeHost: HOST,
        storeTimestamp: 6,
        properties: formatProperties(general.properties),
      });
      const memory = new RecordMemory();
      memory.room(5);
      const made = plain.committed(topics, memory);
      if (made === null || made.at !== 5 || made.queueId !== 3) return false;
      return plain.isOfGroup('PG') && Buffer.compare(made.record.subarray(5, 5 + made.size), expected) === 0;
    }),
    { numRuns: 300 },
  );
  t.end();
});

test('PlainHalf leaves to the general way what is not plain', (t) => {
  const plain = new PlainHalf();
  t.ok(plain.read(record(REAL)));
  t.notOk(plain.isOfGroup('P'));
  t.notOk(plain.isOfGroup('PGX'));
  t.notOk(plain.read(record(REAL, { topic: 'T' })), 'no half message');
  t.notOk(plain.read(record(REAL.slice(1))), 'without a destination');
  t.notOk(plain.read(record([...REAL, ['REAL_QID', '4']])), 'a name twice');
  t.notOk(plain.read(record([['REAL_QID', 'x'], ...REAL.filter(([name]) => name !== 'REAL_QID')])));
  for (const name of [
    'DELAY',
    'CHECK_IMMUNITY_TIME_IN_SECONDS',
    'TRANSACTION_CHECK_TIMES',
    'TRAN_ORIGIN_QUEUE_OFFSET',
    'TRAN_PREPARED_QUEUE_OFFSET',
  ])
    t.notOk(plain.read(record([...REAL, [name, '1']])), name);
  t.notOk(plain.read(record(REAL, { bornHost: { address: new Uint8Array(16), port: 1 } })), 'IPv6');
  t.notOk(plain.read(record(REAL, { properties: `${formatProperties(REAL)}odd` })), 'properties that no broker writes');
  t.end();
});
