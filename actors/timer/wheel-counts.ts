/**
 * What the timing wheel says of itself to whoever looks, without being asked: numbers that it writes and others read, on its thread.
 */
export class WheelCounts {
  /** Timers that wait, in memory or not. */
  pending = 0;
  /** When the oldest that is not settled is due; 0: none waits in memory. */
  firstMs = 0;
  /** Units of the timer queue that the wheel has not seen. */
  behind = 0;
  /** Since the start: seen, delivered, taken back. */
  parked = 0;
  delivered = 0;
  recalled = 0;
}
