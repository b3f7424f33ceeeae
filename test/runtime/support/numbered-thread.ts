/**
 * Threads for the test of death under load: one sends records that name its generation and their number, the other notes in shared memory, which
 * outlives it, what it has seen.
 */
import type { ThreadContext } from '../../../runtime/thread/thread-context.ts';

const NUMBERED_RECORD = 9;
const LENGTH_MAX = 300;

/** Words of `shared`. */
export const LAST_GENERATION = 0;
export const LAST_NUMBER = 1;
export const RECEIVED = 2;
/** A record that is not what was written. */
export const TORN = 3;
/** A record that was read before, or came before its time. */
export const REPEATED = 4;
/** Records that are missing within a generation. */
export const MISSING = 5;

export interface NumberedData {
  readonly shared: SharedArrayBuffer;
  /** Name of the thread to send to; null: receive. */
  readonly to: string | null;
}

export function main(thread: ThreadContext, data: unknown): void {
  const { shared, to } = data as NumberedData;
  if (to === null) receive(thread, new Int32Array(shared));
  else send(thread, thread.threadIndex(to));
}

function send(thread: ThreadContext, target: number): void {
  let number = 0;
  let length = 0;
  const write = (bytes: Uint8Array, view: DataView, offset: number): void => {
    view.setInt32(offset, thread.generation);
    view.setInt32(offset + 4, number);
    bytes.fill((number + thread.generation) & 0xff, offset + 8, offset + length);
  };
  const burst = (): void => {
    do length = 8 + ((number * 7) % (LENGTH_MAX - 8));
    while (thread.sendRecord(target, NUMBERED_RECORD, length, write) && ++number % 200 !== 0);
    thread.schedule(1, burst);
  };
  burst();
}

function receive(thread: ThreadContext, words: Int32Array): void {
  const note = (word: number, by: number): void => {
    Atomics.add(words, word, by);
  };
  thread.onRecord(NUMBERED_RECORD, (bytes, view, offset, length) => {
    const generation = view.getInt32(offset);
    const number = view.getInt32(offset + 4);
    let isWhole = length === 8 + ((number * 7) % (LENGTH_MAX - 8));
    for (let i = 8; isWhole && i < length; i++) isWhole = bytes[offset + i] === ((number + generation) & 0xff);
    if (!isWhole) note(TORN, 1);
    const lastGeneration = Atomics.load(words, LAST_GENERATION);
    const expected = generation === lastGeneration ? Atomics.load(words, LAST_NUMBER) + 1 : 0;
    if (generation < lastGeneration || number < expected) note(REPEATED, 1);
    else note(MISSING, number - expected);
    Atomics.store(words, LAST_GENERATION, generation);
    Atomics.store(words, LAST_NUMBER, number);
    note(RECEIVED, 1);
  });
}
