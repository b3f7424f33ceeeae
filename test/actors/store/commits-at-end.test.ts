import { test } from 'tap';
import { CommitsAtEnd } from '../../../actors/store/commits-at-end.ts';
import { plainTopic } from '../../../actors/topic/topic-config.ts';
import { topicState } from '../../../actors/topic/topic-table.ts';
import { opMessage } from '../../../actors/transaction/half-message.ts';
import { formatProperties } from '../../../model/message-property.ts';
import { encodeMessageRecord } from '../../../model/message-record.ts';
import { TRANSACTION_COMMIT } from '../../../model/system-flag.ts';
import { TRANS_OP_HALF_TOPIC } from '../../../model/topic.ts';

const SEGMENT_BYTES = 1024 * 1024;
const OP = topicState(plainTopic(TRANS_OP_HALF_TOPIC, 1), Int32Array.of(0));
const HOST = { address: Uint8Array.of(10, 0, 0, 1), port: 10911 };

/** c7: a committed message made of the half message at 7; m: another message; o2: an op record stored with two records; o: one that does not say. */
function logOf(words: string): { bytes: Uint8Array; at: number[] } {
  const records: Uint8Array[] = [];
  const at: number[] = [];
  let physicalOffset = 0;
  for (const word of words.split(' ')) {
    const number = Number(word.slice(1));
    const base = { queueId: 0, queueOffset: records.length, physicalOffset, storeTimestamp: 1 };
    const op = opMessage([1], OP, 1, HOST, number);
    const opProperties = word === 'o' ? new Map([['TAGS', 'd']]) : op.properties;
    const record =
      word[0] === 'c'
        ? { ...base, topic: 'T', sysFlag: TRANSACTION_COMMIT, preparedTransactionOffset: number, body: Buffer.from(word) }
        : word[0] === 'o'
          ? { ...base, topic: TRANS_OP_HALF_TOPIC, body: op.body, properties: formatProperties(opProperties) }
          : { ...base, topic: 'T', body: Buffer.from(word) };
    const bytes = encodeMessageRecord(record);
    records.push(bytes);
    at.push(physicalOffset);
    physicalOffset += bytes.length;
  }
  return { bytes: Buffer.concat(records), at };
}

function foundIn(words: string, tornRecord = -1, from = 0): number[] {
  const { bytes, at } = logOf(words);
  if (tornRecord >= 0) bytes.fill(0, at[tornRecord]! + 60, at[tornRecord]! + 95);
  const commits = new CommitsAtEnd();
  commits.add(bytes.subarray(from), from, SEGMENT_BYTES);
  return commits.found.map(({ physical }) => physical);
}

test('CommitsAtEnd finds what no op record speaks of', (t) => {
  t.same(foundIn('c1 c2 o2 m c3 c4'), [3, 4], 'cut off before its op record');
  t.same(foundIn('c1 c2 o2 c3 o1'), [], 'nothing');
  t.same(foundIn('c1 c2 o2 c3 c4 o2', 1), [1], 'its op record lacks the second one, and says nothing');
  t.same(foundIn('c1 c2 o2 c3 c4 o2', 2), [1, 2], 'its op record is torn: the next one speaks of its own piece');
  t.same(foundIn('c1 c2 o2 m o0', 2), [1, 2], 'one that ends without a message, too');
  t.same(foundIn('c1 c2 o', 0), [], 'one of a Java broker speaks of all before it');
  t.same(foundIn('c1 c2 o2 c3', -1, 7), [2, 3], 'where the beginning is not seen, too much is found rather than too little');
  t.end();
});
