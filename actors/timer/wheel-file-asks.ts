/**
 * Wheel file asks: what the timing wheel asks of its files (`wheel-files-actor.ts`). Part of the wheel actor; owns how much of the queue is
 * sorted, as far as it was told, and whether more is being sorted. What gives no answer in time, or whose thread has died, is told as null, once.
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

/** What the actor is told; `life` is that in which it has asked, `ask` which question it was. */
export type FilesAnswered =
  | { readonly kind: 'counted'; readonly life: number; readonly ask: number; readonly counted: TimersCounted | null }
  | { readonly kind: 'taken'; readonly life: number; readonly ask: number; readonly taken: TimersTaken | null }
  | { readonly kind: 'indexed'; readonly ask: number; readonly indexed: number };

/** The files' thread has died with what it was asked. */
export type FilesGone = { readonly kind: 'files-gone' };
const FILES_GONE: FilesGone = { kind: 'files-gone' };

const TAKE_MAX_MS = 5_000;
/** A count may read all files. */
const COUNT_MAX_MS = 30_000;

export class WheelFileAsks {
  readonly #path: string;
  readonly #indexLeast: number;
  readonly #units: () => WheelUnits;
  #indexed = 0;
  #isIndexing = false;
  #nextAsk = 0;
  /** What the actor is told of the questions that are open, should nobody answer. */
  readonly #open: Map<number, FilesAnswered> = new Map();
  #isWatched = false;

  /** @param indexLeast units that are in no file before some are sorted @param units of the queue, as they are now */
  constructor(path: string, indexLeast: number, units: () => WheelUnits) {
    this.#path = path;
    this.#indexLeast = indexLeast;
    this.#units = units;
  }

  /** How many timers wait. */
  count(life: number, context: ActorContext): void {
    const units = this.#units();
    const ask = this.#begin((number) => ({ kind: 'counted', life, ask: number, counted: null }), context);
    context.ask<TimersCounted, CountTimers>(
      context.ref<WheelFilesCommand>(this.#path),
      (replyTo) => ({ kind: 'count-timers', ...units, replyTo }),
      COUNT_MAX_MS,
      (counted): FilesAnswered => ({ kind: 'counted', life, ask, counted: counted ?? null }),
    );
  }

  /** The timers that come behind a place. */
  take(from: Pick<TakeTimers, 'key' | 'physical' | 'untilKey'>, life: number, context: ActorContext): void {
    const units = this.#units();
    const ask = this.#begin((number) => ({ kind: 'taken', life, ask: number, taken: null }), context);
    context.ask<TimersTaken, TakeTimers>(
      context.ref<WheelFilesCommand>(this.#path),
      (replyTo) => ({ kind: 'take-timers', ...units, ...from, replyTo }),
      TAKE_MAX_MS,
      (taken): FilesAnswered => ({ kind: 'taken', life, ask, taken: taken ?? null }),
    );
  }

  /** Has what has come sorted, when it is enough; what is settled is left out. @param seen offset behind the last unit that was seen */
  index(seen: number, context: ActorContext): void {
    if (this.#isIndexing || seen - this.#indexed < this.#indexLeast) return;
    this.#isIndexing = true;
    const units = this.#units();
    const ask = this.#begin((number) => ({ kind: 'indexed', ask: number, indexed: 0 }), context);
    context.ask<TimersIndexed, IndexTimers>(
      context.ref<WheelFilesCommand>(this.#path),
      (replyTo) => ({ kind: 'index-timers', ...units, replyTo }),
      COUNT_MAX_MS,
      (reply): FilesAnswered => ({ kind: 'indexed', ask, indexed: reply?.indexed ?? 0 }),
    );
  }

  #begin(unanswered: (ask: number) => FilesAnswered, context: ActorContext): number {
    const ask = this.#nextAsk++;
    this.#open.set(ask, unanswered(ask));
    if (!this.#isWatched) context.watch(context.ref(this.#path), FILES_GONE);
    this.#isWatched = true;
    return ask;
  }

  /** False: the actor was told of this question before. */
  close({ ask }: FilesAnswered): boolean {
    return this.#open.delete(ask);
  }

  /** The files' thread has died: its successor is to be asked. Gives what the actor is to hear. */
  gone(): readonly FilesAnswered[] {
    this.#isWatched = false;
    return [...this.#open.values()];
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
