/**
 * Which half messages were committed or given up among the log's last bytes, without an op record that says so: those whose end the log
 * holds, but not the word that they are ended. Only a crash between the two leaves such ones, at the log's end, or before it where a power
 * cut has torn what was not synced. Pure, over bytes from anywhere in the log: where a record begins tells its magic together with its own
 * place in it. Owns what was found so far.
 */
import { MAGIC_AT, RECORD_FIXED_BYTES } from '../../model/message-record.ts';
import { TRANSACTION_COMMIT, transactionType } from '../../model/system-flag.ts';
import { TRANS_CHECK_MAX_TIME_TOPIC, TRANS_OP_HALF_TOPIC } from '../../model/topic.ts';
import { SCAN_BLANK, ScannedRecord, scanRecord } from '../../storage/commit-log/scan-record.ts';
import { recordsBefore } from '../../storage/dispatch-records.ts';

const RECORD_BYTES_MAX = 16 * 1024 * 1024;
/** What both magics begin with. */
const MAGIC_HEAD = Buffer.of(0xda, 0xa3, 0x20);
const OP_TOPIC = Buffer.from(TRANS_OP_HALF_TOPIC);
const GIVEN_UP_TOPIC = Buffer.from(TRANS_CHECK_MAX_TIME_TOPIC);

/** A half message's place in the log, and the unique key of what was made of it: who names the place 0 may mean none. */
export type CommitAtEnd = { readonly physical: number; readonly uniqueKey: string };

export class CommitsAtEnd {
  /** In the log's order, each with the number of its record. */
  #found: { readonly commit: CommitAtEnd; readonly number: number }[] = [];
  /** Records so far, and how many of them lie behind the last bytes that are none. */
  #records = 0;
  #whole = Number.POSITIVE_INFINITY;
  readonly #record = new ScannedRecord();

  get found(): CommitAtEnd[] {
    return this.#found.map(({ commit }) => commit);
  }

  /**
   * The next bytes of the log.
   * @param bytes of one segment, from `position` in the log on
   */
  add(bytes: Uint8Array, position: number, segmentBytes: number): void {
    const record = this.#record;
    const buffer = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length);
    for (let at = 0; at + RECORD_FIXED_BYTES <= bytes.length; ) {
      const here = position + at;
      const size = scanRecord(bytes, at, bytes.length, here, segmentBytes - (here % segmentBytes), RECORD_BYTES_MAX, record);
      if (size === SCAN_BLANK) return;
      if (size <= 0) {
        this.#whole = 0;
        const next = buffer.indexOf(MAGIC_HEAD, at + MAGIC_AT + 1);
        if (next < 0) return;
        at = next - MAGIC_AT;
        continue;
      }
      this.#add(buffer);
      at += size;
    }
  }

  #add(buffer: Buffer): void {
    const record = this.#record;
    const topic = buffer.subarray(record.topicAt, record.topicAt + record.topicLength);
    if (topic.equals(OP_TOPIC)) this.#onOp();
    else if (transactionType(record.sysFlag) === TRANSACTION_COMMIT || topic.equals(GIVEN_UP_TOPIC)) {
      const { preparedTransactionOffset: physical, uniqueKeyAt, uniqueKeyLength } = record;
      const uniqueKey = buffer.toString('utf8', uniqueKeyAt, uniqueKeyAt + uniqueKeyLength);
      this.#found.push({ commit: { physical, uniqueKey }, number: this.#records });
    }
    this.#records++;
    this.#whole++;
  }

  /** It speaks of what it was stored with, if all of that is there; that of a broker which does not say so, of everything before it. */
  #onOp(): void {
    const before = recordsBefore(this.#record);
    if (before === null) this.#found = [];
    else if (before <= this.#whole) {
      const from = this.#records - before;
      while (this.#found.length > 0 && this.#found.at(-1)!.number >= from) this.#found.pop();
    }
  }
}
