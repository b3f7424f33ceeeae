/**
 * Wheel file asks: what the timing wheel asks of its files (`wheel-files-actor.ts`). Part of the wheel actor; owns how much of the queue is
 * sorted, as far as it was told, and whether more is being sorted. What gives no answer in time is told as null.
 */
import type { ActorContext } from '../../runtime/actor.ts';
import type {
  CountTimers,
  IndexTimers,
  TakeTimers,
  TimersCounted,
  TimersIndexed,
  TimersTaken,
  WheelFilesCommand,
  WheelUnits,
} from './wheel-messages.ts';

/** What the actor is told; `life` is that in which it has asked. */
export type FilesAnswered =
  | { readonly kind: 'counted'; readonly life: number; readonly counted: TimersCounted | null }
  | { readonly kind: 'taken'; readonly life: number; readonly taken: TimersTaken | null }
  | { readonly kind: 'indexed'; readonly indexed: number };

const TAKE_MAX_MS = 5_000;
/** A count may read all files; a reader that died is asked again. */
const COUNT_MAX_MS = 30_000;

export class WheelFileAsks {
  readonly #path: string;
  readonly #indexLeast: number;
  readonly #units: () => WheelUnits;
  #indexed = 0;
  #isIndexing = false;

  /** @param indexLeast units that are in no file before some are sorted @param units of the queue, as they are now */
  constructor(path: string, indexLeast: number, units: () => WheelUnits) {
    this.#path = path;
    this.#indexLeast = indexLeast;
    this.#units = units;
  }

  /** How many timers wait. */
  count(life: number, context: ActorContext): void {
    const units = this.#units();
    context.ask<TimersCounted, CountTimers>(
      context.ref<WheelFilesCommand>(this.#path),
      (replyTo) => ({ kind: 'count-timers', ...units, replyTo }),
      COUNT_MAX_MS,
      (counted): FilesAnswered => ({ kind: 'counted', life, counted: counted ?? null }),
    );
  }

  /** The timers that come behind a place. */
  take(from: Pick<TakeTimers, 'key' | 'physical' | 'untilKey'>, life: number, context: ActorContext): void {
    const units = this.#units();
    context.ask<TimersTaken, TakeTimers>(
      context.ref<WheelFilesCommand>(this.#path),
      (replyTo) => ({ kind: 'take-timers', ...units, ...from, replyTo }),
      TAKE_MAX_MS,
      (taken): FilesAnswered => ({ kind: 'taken', life, taken: taken ?? null }),
    );
  }

  /** Has what has come sorted, when it is enough; what is settled is left out. @param seen offset behind the last unit that was seen */
  index(seen: number, context: ActorContext): void {
    if (this.#isIndexing || seen - this.#indexed < this.#indexLeast) return;
    this.#isIndexing = true;
    const units = this.#units();
    context.ask<TimersIndexed, IndexTimers>(
      context.ref<WheelFilesCommand>(this.#path),
      (replyTo) => ({ kind: 'index-timers', ...units, replyTo }),
      COUNT_MAX_MS,
      (reply): FilesAnswered => ({ kind: 'indexed', indexed: reply?.indexed ?? 0 }),
    );
  }

  /** True: it has gone on, there may be more to sort. */
  onIndexed({ indexed }: Extract<FilesAnswered, { kind: 'indexed' }>): boolean {
    this.#isIndexing = false;
    if (indexed <= this.#indexed) return false;
    this.#indexed = indexed;
    return true;
  }

  /** So much was sorted before. */
  indexed(indexed: number): void {
    this.#indexed = indexed;
  }
}
