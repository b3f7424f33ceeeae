/**
 * Which half messages were committed or given up among the log's last bytes, behind the last op record there: those whose end the log holds,
 * but not the word that they are ended. Only a crash between the two leaves such ones. Pure, over bytes from anywhere in the log: where a
 * record begins tells its magic together with its own place in it.
 */
import { MAGIC_AT, RECORD_FIXED_BYTES } from '../../model/message-record.ts';
import { TRANSACTION_COMMIT, transactionType } from '../../model/system-flag.ts';
import { TRANS_CHECK_MAX_TIME_TOPIC, TRANS_OP_HALF_TOPIC } from '../../model/topic.ts';
import { SCAN_BLANK, ScannedRecord, scanRecord } from '../../storage/commit-log/scan-record.ts';

const RECORD_BYTES_MAX = 16 * 1024 * 1024;
/** What both magics begin with. */
const MAGIC_HEAD = Buffer.of(0xda, 0xa3, 0x20);

/** A half message's place in the log, and the unique key of what was made of it: who names the place 0 may mean none. */
export type CommitAtEnd = { readonly physical: number; readonly uniqueKey: string };

/**
 * @param bytes of one segment, from `position` in the log on
 * @param found in the segments before; added to, or emptied by an op record
 */
export function commitsAtEnd(bytes: Uint8Array, position: number, segmentBytes: number, found: CommitAtEnd[]): void {
  const record = new ScannedRecord();
  const buffer = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length);
  const op = Buffer.from(TRANS_OP_HALF_TOPIC);
  const givenUp = Buffer.from(TRANS_CHECK_MAX_TIME_TOPIC);
  for (let at = 0; at + RECORD_FIXED_BYTES <= bytes.length; ) {
    const here = position + at;
    const size = scanRecord(bytes, at, bytes.length, here, segmentBytes - (here % segmentBytes), RECORD_BYTES_MAX, record);
    if (size === SCAN_BLANK) return;
    if (size <= 0) {
      const next = buffer.indexOf(MAGIC_HEAD, at + MAGIC_AT + 1);
      if (next < 0) return;
      at = next - MAGIC_AT;
      continue;
    }
    const topic = buffer.subarray(record.topicAt, record.topicAt + record.topicLength);
    if (topic.equals(op)) found.length = 0;
    else if (transactionType(record.sysFlag) === TRANSACTION_COMMIT || topic.equals(givenUp)) {
      const { preparedTransactionOffset: physical, uniqueKeyAt, uniqueKeyLength } = record;
      found.push({ physical, uniqueKey: buffer.toString('utf8', uniqueKeyAt, uniqueKeyAt + uniqueKeyLength) });
    }
    at += size;
  }
}
