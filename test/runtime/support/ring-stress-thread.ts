/**
 * A thread that writes or checks a stream of raw records whose contents follow from their number: used by the stress test and the nightly run.
 */
import type { ThreadContext } from '../../../runtime/thread/thread-context.ts';

export const STRESS_RECORD = 7;
/** Words in `shared`. */
export const SENT = 0;
export const CHECKED = 1;
export const BAD = 2;
/** Per thread, from here on: records received from it, low word. */
export const FROM = 16;

export interface StressData {
  readonly shared: SharedArrayBuffer;
  /** Records to send to each of `to`. */
  readonly records: number;
  readonly to: readonly string[];
  readonly lengthMax: number;
}

/** Length of record `number`, 8 to `lengthMax` bytes: every remainder of 8, and a long one now and then. */
export function stressLength(number: number, lengthMax: number): number {
  const mixed = Math.imul(number ^ (number >>> 13), 0x5bd1e995) >>> 0;
  const max = (mixed & 0xff00) === 0 ? lengthMax : Math.min(lengthMax, 64);
  return 8 + (mixed % (max - 7));
}

export function main(thread: ThreadContext, data: unknown): void {
  const { shared, records, to, lengthMax } = data as StressData;
  const words = new Int32Array(shared);
  const expected = new Float64Array(64);
  thread.onRecord(STRESS_RECORD, (bytes, view, offset, length, from) => {
    const number = expected[from] as number;
    expected[from] = number + 1;
    let isGood =
      length === stressLength(number, lengthMax) &&
      view.getUint32(offset, true) === number >>> 0 &&
      view.getUint32(offset + 4, true) === length;
    for (let i = 8; isGood && i < length; i++) isGood = bytes[offset + i] === ((number + i) & 0xff);
    if (!isGood) Atomics.add(words, BAD, 1);
    Atomics.store(words, FROM + from, number + 1);
    Atomics.add(words, CHECKED, 1);
    Atomics.notify(words, CHECKED);
  });
  const targets = to.map((name) => thread.threadIndex(name));
  const sent = targets.map(() => 0);
  let number = 0;
  let length = 0;
  const write = (bytes: Uint8Array, view: DataView, offset: number): void => {
    view.setUint32(offset, number, true);
    view.setUint32(offset + 4, length, true);
    for (let i = 8; i < length; i++) bytes[offset + i] = number + i;
  };
  // Bursts of varying size, and pauses without any, so that readers fall asleep and are woken all the time.
  let turn = 0;
  let isPaused = false;
  thread.addSource({
    poll: () => {
      if (isPaused) return false;
      turn++;
      if (turn % 512 === 0) {
        isPaused = true;
        thread.schedule(1 + (turn % 3), () => {
          isPaused = false;
          thread.requestTurn();
        });
        return false;
      }
      let isMore = false;
      for (let i = 0; i < targets.length; i++) {
        const burst = 1 + ((turn * 7919 + i) % 97);
        for (let n = 0; n < burst && (sent[i] as number) < records; n++) {
          number = sent[i] as number;
          length = stressLength(number, lengthMax);
          if (!thread.sendRecord(targets[i] as number, STRESS_RECORD, length, write)) break;
          sent[i] = number + 1;
        }
        if ((sent[i] as number) < records) isMore = true;
      }
      return isMore;
    },
  });
}
