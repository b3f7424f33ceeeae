/**
 * Thread stats: what the shared counters of a system's threads and the fill of their rings say. Reads only; no thread is disturbed. One a system.
 */
import type { Clock } from '../clock.ts';
import type { DeadLetter } from '../dead-letters.ts';
import { ringFill } from '../ring/ring-layout.ts';
import type { ThreadName } from './placement.ts';
import {
  ACTOR_RESTARTS,
  ACTORS,
  BUSY_US,
  blockOf,
  DEAD_LETTERS,
  GENERATION,
  IN_CALL,
  MAILBOX_DEPTH,
  MESSAGES,
  REFUSED,
  RESTARTS,
  RING_FULL,
  SLEEPS,
  STATE,
  STATES,
  type ThreadState,
  TIMERS,
  TURNS,
} from './thread-block.ts';

/** What the shared counters say of one thread; counters wrap at 2^32. */
export interface ThreadStats {
  readonly name: string;
  readonly index: number;
  readonly state: ThreadState;
  readonly generation: number;
  readonly restarts: number;
  readonly isAsleep: boolean;
  readonly isInCall: boolean;
  readonly mailboxDepth: number;
  readonly actors: number;
  readonly messages: number;
  readonly turns: number;
  readonly busyMicroseconds: number;
  /** Of the time since the last `stats()`: 0…1. */
  readonly busyShare: number;
  readonly messagesPerSecond: number;
  readonly deadLetters: number;
  readonly refused: number;
  readonly actorRestarts: number;
  readonly timers: number;
  readonly sleeps: number;
  readonly ringFull: number;
  /** Bytes that wait in the rings to this thread. */
  readonly ringFill: number;
  readonly lastError: string | undefined;
}

export interface SystemStats {
  readonly threads: readonly ThreadStats[];
  /** The fill of each ring that holds something. */
  readonly rings: readonly { readonly from: string; readonly to: string; readonly fill: number; readonly capacity: number }[];
  /** The root's own; other threads log theirs. */
  readonly lastDeadLetters: readonly DeadLetter[];
}

export class StatsReader {
  readonly #names: readonly ThreadName[];
  readonly #words: Int32Array;
  readonly #ringWords: readonly (readonly (Int32Array | undefined)[])[];
  readonly #ringBytes: number;
  readonly #clock: Clock;
  #atMs: number;
  readonly #messages: Int32Array;
  readonly #busy: Int32Array;

  /** @param ringWords of the ring from each thread to each; `ringBytes`: of each of them */
  constructor(
    names: readonly ThreadName[],
    words: Int32Array,
    ringWords: readonly (readonly (Int32Array | undefined)[])[],
    ringBytes: number,
    clock: Clock,
  ) {
    this.#names = names;
    this.#words = words;
    this.#ringWords = ringWords;
    this.#ringBytes = ringBytes;
    this.#clock = clock;
    this.#atMs = clock.monotonicMs();
    this.#messages = new Int32Array(names.length);
    this.#busy = new Int32Array(names.length);
  }

  /** Shares and rates are of the time since the call before. */
  read(lastErrors: ReadonlyMap<string, string>, lastDeadLetters: readonly DeadLetter[]): SystemStats {
    const nowMs = this.#clock.monotonicMs();
    const elapsedMs = Math.max(1, nowMs - this.#atMs);
    const rings: { from: string; to: string; fill: number; capacity: number }[] = [];
    const fillTo = new Array<number>(this.#names.length).fill(0);
    this.#ringWords.forEach((row, from) => {
      row.forEach((words, to) => {
        const fill = words === undefined ? 0 : ringFill(words);
        if (fill === 0) return;
        fillTo[to] = (fillTo[to] as number) + fill;
        rings.push({ from: this.#nameOf(from), to: this.#nameOf(to), fill, capacity: this.#ringBytes });
      });
    });
    const threads = this.#names.map(({ name }, index) =>
      this.#ofThread(name, index, fillTo[index] as number, elapsedMs, lastErrors.get(name)),
    );
    this.#atMs = nowMs;
    return { threads, rings, lastDeadLetters };
  }

  /** The thread's counters begin again at 0 with its replacement. */
  forget(thread: number): void {
    this.#messages[thread] = 0;
    this.#busy[thread] = 0;
  }

  #ofThread(name: string, index: number, fill: number, elapsedMs: number, lastError: string | undefined): ThreadStats {
    const block = blockOf(index);
    const read = (word: number): number => Atomics.load(this.#words, block + word) >>> 0;
    const messages = Atomics.load(this.#words, block + MESSAGES);
    const busy = Atomics.load(this.#words, block + BUSY_US);
    const newMessages = (messages - (this.#messages[index] as number)) >>> 0;
    const newBusy = (busy - (this.#busy[index] as number)) >>> 0;
    this.#messages[index] = messages;
    this.#busy[index] = busy;
    return {
      name,
      index,
      state: STATES[read(STATE)] ?? 'down',
      generation: read(GENERATION),
      restarts: read(RESTARTS),
      isAsleep: read(0) === 1,
      isInCall: (read(IN_CALL) & 1) === 1,
      mailboxDepth: read(MAILBOX_DEPTH),
      actors: read(ACTORS),
      messages: read(MESSAGES),
      turns: read(TURNS),
      busyMicroseconds: read(BUSY_US),
      busyShare: Math.min(1, newBusy / 1000 / elapsedMs),
      messagesPerSecond: (newMessages * 1000) / elapsedMs,
      deadLetters: read(DEAD_LETTERS),
      refused: read(REFUSED),
      actorRestarts: read(ACTOR_RESTARTS),
      timers: read(TIMERS),
      sleeps: read(SLEEPS),
      ringFull: read(RING_FULL),
      ringFill: fill,
      lastError,
    };
  }

  #nameOf(index: number): string {
    return (this.#names[index] as ThreadName).name;
  }
}
