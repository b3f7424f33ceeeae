/**
 * Resumed marks: which of the half messages that were given up have been resumed. Each resumption stores a mark behind the message, in
 * TRANS_CHECK_MAX_TIME_TOPIC, in one piece with the half message that is asked about from then on. The marks of former lives are read when somebody
 * resumes for the first time; only they are, by the tag code of their units. One a life of the transaction actor, in its turns. What does
 * not answer is asked again. Bounded: the newest million is known, and one that was resumed before these may be resumed again.
 */
import { parseProperties } from '../../model/message-property.ts';
import { TRANS_CHECK_MAX_TIME_TOPIC } from '../../model/topic.ts';
import type { ActorContext } from '../../runtime/actor.ts';
import { unitTagLow } from '../../storage/consume-queue/queue-unit.ts';
import { isResumedMark, RESUMED_TAG_CODE } from './half-message.ts';
import { QueueStretch } from './queue-stretch.ts';
import type { Later, TransactionEvent, TransactionParts } from './transaction-messages.ts';

const MARKS_MAX = 1_000_000;
const AGAIN_MS = 20;

type Run = (context: ActorContext) => void;

export class ResumedMarks {
  readonly #parts: TransactionParts;
  readonly #later: Later;
  /** Where the resumed ones are kept, by their places in the log, in the order in which they were resumed. */
  readonly #resumed: Set<number> = new Set();
  #stretch: QueueStretch | null = null;
  #isRead = false;
  #waiting: Run[] = [];
  #again: Run | null = null;

  constructor(parts: TransactionParts, later: Later) {
    this.#parts = parts;
    this.#later = later;
  }

  /** Runs `then` when it is known what was resumed: at once, or in a later turn. */
  whenRead(context: ActorContext, then: Run): void {
    if (this.#isRead) {
      then(context);
      return;
    }
    this.#waiting.push(then);
    if (this.#stretch !== null) return;
    this.#stretch = new QueueStretch(this.#parts);
    const handle = this.#parts.topics.get(TRANS_CHECK_MAX_TIME_TOPIC)!.queueHandles[0]!;
    this.#read(handle, this.#parts.table.min(handle), this.#parts.table.next(handle), context);
  }

  /** After `whenRead`. @param physical where it is kept */
  has(physical: number): boolean {
    return this.#resumed.has(physical);
  }

  add(physical: number): void {
    const [oldest] = this.#resumed;
    if (this.#resumed.size >= MARKS_MAX) this.#resumed.delete(oldest!);
    this.#resumed.add(physical);
  }

  /** In a turn of the actor: goes on with what was to be tried again. */
  turn(context: ActorContext): void {
    const run = this.#again;
    this.#again = null;
    run?.(context);
  }

  #read(handle: number, from: number, end: number, context: ActorContext): void {
    if (from >= end) {
      this.#isRead = true;
      this.#stretch = null;
      for (const then of this.#waiting.splice(0)) then(context);
      return;
    }
    const isMark = (_: number, units: Uint8Array, at: number): boolean => unitTagLow(units, at) === RESUMED_TAG_CODE;
    this.#stretch!.read(TRANS_CHECK_MAX_TIME_TOPIC, handle, from, end, isMark, (stretch) =>
      this.#later((then) => {
        for (const { record } of stretch?.found ?? []) {
          if (record !== null && isResumedMark(parseProperties(record.properties))) this.add(record.preparedTransactionOffset);
        }
        if (stretch !== null) this.#read(handle, stretch.next, end, then);
        else {
          this.#again = (later) => this.#read(handle, from, end, later);
          then.schedule(AGAIN_MS, { kind: 'turn' } satisfies TransactionEvent);
        }
      }),
    );
  }
}
