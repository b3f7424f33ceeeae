/**
 * Thread block: the words that threads share about each other, one block of 128 bytes (two cache lines) a thread in one SharedArrayBuffer, and a
 * block before them for the system. Written by their thread unless said otherwise; read by anybody, without a message.
 *
 *   word  0  ASLEEP       1: the thread sleeps or is about to (wake-up.ts); also the address slept on; 2: it starts when first woken
 *   word  1  COMMAND      0 run, 1 stop in order; written by the root
 *   word  2  DEATHS       how often this thread has died; written by the root
 *   word  3  GENERATION   written by the root
 *   word  4  HEARTBEAT    moves while the thread's loop turns
 *   word  5  IN_CALL      odd: in a system call that may take long; counts up at begin and end
 *   word  6  STATE        0 down, 1 starting, 2 running, 3 stopping; written by the root
 *   word  7  RESTARTS     of the thread; written by the root
 *   word 16… counters (wrapping): MAILBOX_DEPTH ACTORS MESSAGES TURNS BUSY_US DEAD_LETTERS REFUSED ACTOR_RESTARTS TIMERS SLEEPS RING_FULL
 *
 * System block: word 0 EPOCH, moved by the root whenever any DEATHS word has moved; word 1 STARTS_WANTED, moved by whoever woke a thread that had not
 * started.
 */

export const BLOCK_WORDS = 32;

export const ASLEEP = 0;
export const COMMAND = 1;
export const DEATHS = 2;
export const GENERATION = 3;
export const HEARTBEAT = 4;
export const IN_CALL = 5;
export const STATE = 6;
export const RESTARTS = 7;

export const MAILBOX_DEPTH = 16;
export const ACTORS = 17;
export const MESSAGES = 18;
export const TURNS = 19;
export const BUSY_US = 20;
export const DEAD_LETTERS = 21;
export const REFUSED = 22;
export const ACTOR_RESTARTS = 23;
export const TIMERS = 24;
export const SLEEPS = 25;
export const RING_FULL = 26;

export const EPOCH_WORD = 0;
export const STARTS_WANTED_WORD = 1;

/** Values of ASLEEP. */
export const IS_AWAKE = 0;
export const IS_ASLEEP = 1;
export const IS_UNSTARTED = 2;

export const COMMAND_RUN = 0;
export const COMMAND_STOP = 1;

export const STATES = ['down', 'starting', 'running', 'stopping'] as const;
export type ThreadState = (typeof STATES)[number];

/** First word of a thread's block. */
export function blockOf(thread: number): number {
  return (thread + 1) * BLOCK_WORDS;
}

/** Memory for the blocks of `threads` threads and the system's. */
export function createBlocks(threads: number): SharedArrayBuffer {
  return new SharedArrayBuffer((threads + 1) * BLOCK_WORDS * 4);
}
