/**
 * How far a Java broker's wheel came on this store: config/timercheck, eight-byte numbers. Pure. What it has delivered, or stored anew, is not
 * delivered here again. Its wheel has everything of the timer queue before its queue offset; a slot before its read time is done.
 *
 *   0 lastReadTimeMs | 8 lastTimerLogFlushPos | 16 lastTimerQueueOffset | 24 masterTimerQueueOffset | …
 *
 * Source: RocketMQ 5.4 `TimerCheckpoint`, `TimerMessageStore.doEnqueue`.
 */
import { readInt64 } from '../../model/message-record.ts';

export const JAVA_TIMER_CHECK_FILE = 'timercheck';
const BYTES_LEAST = 24;
/** Java's timerRollWindowSlot, unless configured otherwise. */
const ROLL_WINDOW_MS = 172_800_000;

export type JavaTimerCheck = { readonly readMs: number; readonly queueOffset: number };

/** Null: no Java broker has delivered timed messages of this store. */
export function parseJavaTimerCheck(bytes: Uint8Array | null): JavaTimerCheck | null {
  if (bytes === null || bytes.length < BYTES_LEAST) return null;
  const [readMs, queueOffset] = [readInt64(bytes, 0), readInt64(bytes, 16)];
  return Number.isSafeInteger(readMs) && Number.isSafeInteger(queueOffset) && readMs > 0 && queueOffset > 0
    ? { readMs, queueOffset }
    : null;
}

/** Whether a Java broker is done with a record. @param outMs its TIMER_OUT_MS */
export function isDoneByJava(check: JavaTimerCheck | null, queueOffset: number, outMs: number, storedMs: number): boolean {
  if (check === null || queueOffset >= check.queueOffset || !(outMs > 0)) return false;
  const waitMs = outMs - storedMs;
  if (waitMs <= ROLL_WINDOW_MS) return outMs < check.readMs;
  // One that waits for longer is stored anew after the window, or after half of it where little is left then.
  const restMs = waitMs - ROLL_WINDOW_MS;
  return storedMs + (restMs < ROLL_WINDOW_MS / 3 ? ROLL_WINDOW_MS / 2 : ROLL_WINDOW_MS) < check.readMs;
}
