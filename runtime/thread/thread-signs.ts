/**
 * Thread signs: what a thread shows of itself in its block of shared words: that it lives, how busy it is, what its actors did; and when it has been
 * quiet for a while, its memory given back. One a thread, written by it alone. All but IN_CALL are plain stores: they are read for show, and a
 * wrapped word is a word. Cannot fail.
 */
import type { ActorHost } from '../actor-host.ts';
import {
  ACTOR_RESTARTS,
  ACTORS,
  BUSY_US,
  blockOf,
  DEAD_LETTERS,
  HEARTBEAT,
  IN_CALL,
  MAILBOX_DEPTH,
  MESSAGES,
  REFUSED,
  RING_FULL,
  SLEEPS,
  TIMERS,
  TURNS,
} from './thread-block.ts';
import type { ThreadParts } from './thread-parts.ts';
import { TrimGovernor } from './trim-governor.ts';

export class ThreadSigns {
  readonly #words: Int32Array;
  readonly #block: number;
  readonly #heap: ThreadParts['heap'];
  readonly #trims: TrimGovernor;
  #busyMs = 0;
  #turns = 0;

  constructor({ words, index, heap, clock }: ThreadParts) {
    this.#words = words;
    this.#block = blockOf(index);
    this.#heap = heap;
    this.#trims = new TrimGovernor(clock.monotonicMs());
  }

  /** A turn's end. @param ringFull how often a ring was full, ever */
  count(host: ActorHost, ringFull: number): void {
    const words = this.#words;
    const block = this.#block;
    words[block + TURNS] = ++this.#turns;
    words[block + MAILBOX_DEPTH] = host.queued;
    words[block + MESSAGES] = host.handled;
    words[block + ACTORS] = host.actors;
    words[block + TIMERS] = host.timers;
    words[block + DEAD_LETTERS] = host.deadLetters.count;
    words[block + REFUSED] = host.refused;
    words[block + ACTOR_RESTARTS] = host.restarts;
    words[block + RING_FULL] = ringFull;
  }

  /** The loop turns. */
  beat(): void {
    this.#words[this.#block + HEARTBEAT] = ((this.#words[this.#block + HEARTBEAT] as number) + 1) | 0;
  }

  /** The thread falls asleep. */
  slept(): void {
    this.#words[this.#block + SLEEPS] = ((this.#words[this.#block + SLEEPS] as number) + 1) | 0;
  }

  /** The thread was at work for `ms`. Shown in microseconds, as a word that wraps. */
  busy(ms: number): void {
    this.#busyMs += ms;
    this.#words[this.#block + BUSY_US] = ((this.#words[this.#block + BUSY_US] as number) + ms * 1000) | 0;
  }

  /** A call that may take long begins, or has ended. */
  callChanged(): void {
    // Pairs with the supervisor's load at its ticks: odd means that no heartbeat can come.
    Atomics.add(this.#words, this.#block + IN_CALL, 1);
  }

  /** Gives back what a burst has left, when the thread has been quiet for a while. */
  trim(nowMs: number): void {
    const heap = this.#heap;
    if (heap === undefined || !this.#trims.shouldTrim(nowMs, this.#busyMs, heap.bytes)) return;
    heap.collect();
    this.#trims.trimmed(heap.bytes());
  }
}
