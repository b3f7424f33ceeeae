/**
 * Queue mends: the damaged consume queues that the store worker was told of, mended one after the other in small steps between its
 * rounds. Owns the list, which is bounded: who reads a damaged queue tells it again. Fails by `DiskError`; a step that failed is done again.
 */
import { QueueMend } from '../../storage/consume-queue/mend-queue.ts';
import type { UnitWriter } from '../../storage/dispatch-records.ts';
import type { StoreFiles } from './open-store.ts';
import type { MendQueue } from './store-messages.ts';

const WAITING_MAX = 64;
/** Of the log in one step: some tenths of a second. */
const STEP_BYTES = 64 * 1024 * 1024;

type Mend = { readonly asked: MendQueue; readonly mend: QueueMend; readonly isThere: () => boolean };

export class QueueMends {
  readonly #files: StoreFiles;
  readonly #writeUnit: UnitWriter;
  readonly #writtenEnd: () => number;
  readonly #onMended: (asked: MendQueue, units: number, lost: number) => void;
  readonly #waiting: MendQueue[] = [];
  #current: Mend | null = null;

  /** @param onMended `units` were made again, `lost` of them stand for no message: their records are damaged, too */
  constructor(
    files: StoreFiles,
    writeUnit: UnitWriter,
    writtenEnd: () => number,
    onMended: (asked: MendQueue, units: number, lost: number) => void,
  ) {
    this.#files = files;
    this.#writeUnit = writeUnit;
    this.#writtenEnd = writtenEnd;
    this.#onMended = onMended;
  }

  get isBusy(): boolean {
    return this.#current !== null || this.#waiting.length > 0;
  }

  ask(asked: MendQueue): void {
    const isSame = (other: MendQueue): boolean =>
      other.topic === asked.topic && other.queueId === asked.queueId && other.offset === asked.offset;
    if (this.#waiting.length >= WAITING_MAX || this.#waiting.some(isSame)) return;
    if (this.#current !== null && isSame(this.#current.asked)) return;
    this.#waiting.push(asked);
  }

  step(): void {
    this.#current ??= this.#begin();
    const current = this.#current;
    if (current === null) return;
    // A topic that is deleted meanwhile must not get its files again.
    if (current.isThere() && !current.mend.step(STEP_BYTES)) return;
    this.#current = null;
    this.#onMended(current.asked, current.mend.mended, current.mend.lost);
  }

  #begin(): Mend | null {
    const asked = this.#waiting.shift();
    if (asked === undefined) return null;
    const { log, queues } = this.#files;
    const { topic, queueId, offset, count } = asked;
    const queue = queues.find(topic, queueId);
    if (queue === null) {
      this.#onMended(asked, 0, 0);
      return null;
    }
    const logEnd = this.#writtenEnd();
    const mend = new QueueMend({ log, queues, queue, from: offset, to: offset + count, logEnd, writeUnit: this.#writeUnit });
    return { asked, mend, isThere: () => queues.find(topic, queueId) === queue };
  }
}
