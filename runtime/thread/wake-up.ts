/**
 * Wake-up: how a thread falls asleep without missing what comes, and how another wakes it without a system call when it is awake. One word a thread.
 *
 *   sleeper                                  producer
 *   S1 store ASLEEP = 1                      P1 store the ring's head (RingWriter.publish)
 *   S2 look at all heads and sources again   P2 load ASLEEP; 0: done
 *   S3 found: store ASLEEP = 0, go on        P3 compare-exchange 1 → 0; won: notify
 *   S4 nothing: wait while ASLEEP = 1
 *
 * Dekker's pattern: S1 before S2 and P1 before P2 in one total order (all four are sequentially consistent Atomics), so either the sleeper sees
 * the head or the producer sees the sleeper. A notify between S2 and S4 is not lost either: the word is 0 by then and S4 does not wait.
 * test/runtime/wake-up.test.ts enumerates all interleavings of exactly these steps.
 */
import { ASLEEP, blockOf, IS_ASLEEP, IS_AWAKE, IS_UNSTARTED, STARTS_WANTED_WORD } from './thread-block.ts';

const ROOT = 0;

/** P2 and P3. True: it slept and was woken. */
export function wake(words: Int32Array, thread: number): boolean {
  const word = blockOf(thread) + ASLEEP;
  // Pairs with `declareAsleep`: after the head was stored, it decides whether anybody sleeps on it.
  const state = Atomics.load(words, word);
  if (state === IS_AWAKE) return false;
  if (state === IS_UNSTARTED) return wantStart(words, word);
  // One of several producers makes the system call; pairs with the wait, which ends at once when the word is no longer 1.
  if (Atomics.compareExchange(words, word, IS_ASLEEP, IS_AWAKE) !== IS_ASLEEP) return false;
  Atomics.notify(words, word);
  return true;
}

/** A thread that starts when first used is woken by waking the root, which looks at STARTS_WANTED in every turn and before it sleeps. */
function wantStart(words: Int32Array, word: number): boolean {
  if (Atomics.compareExchange(words, word, IS_UNSTARTED, IS_AWAKE) !== IS_UNSTARTED) return false;
  // Pairs with the root's load; before its wake, as a head is stored before a reader is woken.
  Atomics.add(words, STARTS_WANTED_WORD, 1);
  wake(words, ROOT);
  return true;
}

/** S1. The caller looks at everything again afterwards. */
export function declareAsleep(words: Int32Array, thread: number): void {
  // Pairs with the load in `wake`: without it a producer would think this thread awake, and its record would wait for the next one.
  Atomics.store(words, blockOf(thread) + ASLEEP, IS_ASLEEP);
}

/** S3, and after waking: producers need not ring any more. */
export function declareAwake(words: Int32Array, thread: number): void {
  // Pairs with the load in `wake`: without it every producer would make a system call.
  Atomics.store(words, blockOf(thread) + ASLEEP, IS_AWAKE);
}

/** Ends the wait of a thread whose loop is over: V8 keeps a wait, and with it the shared memory, until somebody ends it. */
export function endSleep(words: Int32Array, thread: number): void {
  declareAwake(words, thread);
  // Pairs with the waitAsync in `sleepAsync`, whose promise then settles.
  Atomics.notify(words, blockOf(thread) + ASLEEP);
}

/** S4 for a blocking thread: at most `timeoutMs`. */
export function sleep(words: Int32Array, thread: number, timeoutMs: number): void {
  // Pairs with notify in `wake`; the compare inside sees a wake that came since `declareAsleep`.
  Atomics.wait(words, blockOf(thread) + ASLEEP, IS_ASLEEP, timeoutMs);
}

const pillow = new Int32Array(new SharedArrayBuffer(4));

/** Rests for a fraction of a millisecond. Nobody can end it: what comes is found afterwards. */
export function nap(ms: number): void {
  Atomics.wait(pillow, 0, 0, ms);
}

/** S4 for an event loop: a promise of the next notify; undefined: woken already. */
export function sleepAsync(words: Int32Array, thread: number): Promise<unknown> | undefined {
  // Pairs with notify in `wake`, as above. It does not keep the event loop alive.
  const result = Atomics.waitAsync(words, blockOf(thread) + ASLEEP, IS_ASLEEP);
  return result.async ? result.value : undefined;
}
