/**
 * Due run: messages of one delay level whose time has come and that go to the log in one piece, made by their bytes. Part of the timer actor;
 * bounded. What is not plain it does not take (`delayed-message.ts` has the general way).
 */
import type { InnerAppend, InnerRecord } from '../commit-log/inner-append.ts';
import { RecordMemory } from '../commit-log/record-memory.ts';
import type { TopicTable } from '../topic/topic-table.ts';
import { hostBytes, ParkedRecord } from './parked-record.ts';

const RUN_MAX = 64;
const RUN_BYTES_MAX = 128 * 1024;
/** Messages of a delay level carry no times of their way. */
const NO_TIMES = -1;

export type Due = {
  /** In the level's queue, of the records. */
  readonly offsets: readonly number[];
  readonly records: readonly InnerRecord[];
};

export class DueRun {
  readonly #topics: Pick<TopicTable, 'find'>;
  readonly #host: Uint8Array | null;
  readonly #parked = new ParkedRecord();
  readonly #memory = new RecordMemory();
  #offsets: number[] = [];
  #records: InnerRecord[] = [];
  #bytes = 0;

  constructor(topics: Pick<TopicTable, 'find'>, append: Pick<InnerAppend, 'host'>) {
    this.#topics = topics;
    this.#host = hostBytes(append.host);
  }

  /** Takes the record at `at`, whose lengths were checked. False: there is no room, or it is for the general way. */
  add(offset: number, bytes: Uint8Array, at: number): boolean {
    if (this.#host === null || this.#records.length === RUN_MAX || this.#bytes >= RUN_BYTES_MAX || !this.#parked.read(bytes, at))
      return false;
    const record = this.#parked.delivered(this.#topics, NO_TIMES, this.#host, this.#memory);
    if (record === null) return false;
    this.#offsets.push(offset);
    this.#records.push(record);
    this.#bytes += record.size;
    return true;
  }

  /** What was taken; the run begins anew. The records are good until something is added. */
  take(): Due {
    const due = { offsets: this.#offsets, records: this.#records };
    this.#offsets = [];
    this.#records = [];
    this.#bytes = 0;
    this.#memory.clear();
    return due;
  }
}
