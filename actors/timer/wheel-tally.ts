/**
 * Wheel tally: what the timing wheel counts, for metrics (`wheel-counts.ts`) and for tools that ask. Part of the wheel actor. A wheel that
 * begins anew, after the clock was set back, goes on with what the one before has counted.
 */
import type { WheelCounts } from './wheel-counts.ts';
import type { WheelDelivery } from './wheel-delivery.ts';
import type { WheelTold } from './wheel-messages.ts';

export class WheelTally {
  readonly #counts: WheelCounts;
  /** Timers that wait, as far as they were seen. */
  pending = 0;
  parked = 0;
  readonly #before = { delivered: 0, recalled: 0 };
  #rates = { parkedRate: 0, deliveredRate: 0 };
  #rated = { atMs: Number.NEGATIVE_INFINITY, parked: 0, delivered: 0 };

  constructor(counts: WheelCounts) {
    this.#counts = counts;
  }

  /** A delivery has come to its end, another one begins. */
  addFormer({ delivered, recalled }: WheelDelivery): void {
    this.#before.delivered += delivered;
    this.#before.recalled += recalled;
  }

  /** @param firstMs when the oldest is due that is not settled; 0: none is known @param behind units that were not seen */
  publish(firstMs: number, behind: number, delivery: WheelDelivery): void {
    const counts = this.#counts;
    counts.pending = Math.max(0, this.pending);
    counts.firstMs = firstMs;
    counts.behind = behind;
    counts.parked = this.parked;
    counts.delivered = this.#before.delivered + delivery.delivered;
    counts.recalled = this.#before.recalled + delivery.recalled;
  }

  /** Once in a while: how many a second. */
  rate(monotonicMs: number): void {
    const { parked, delivered } = this.#counts;
    const last = this.#rated;
    const seconds = (monotonicMs - last.atMs) / 1000;
    this.#rates = { parkedRate: (parked - last.parked) / seconds, deliveredRate: (delivered - last.delivered) / seconds };
    this.#rated = { atMs: monotonicMs, parked, delivered };
  }

  /** @param delivery null: the wheel has not begun */
  told(now: number, near: number, delivery: WheelDelivery | null): WheelTold {
    const { pending, firstMs, behind, parked, delivered, recalled } = this.#counts;
    const lagMs = firstMs === 0 ? 0 : Math.max(0, now - firstMs);
    const rolled = delivery?.rolled ?? 0;
    const dropped = delivery?.dropped ?? 0;
    return { kind: 'wheel-told', pending, near, lagMs, behind, parked, delivered, recalled, rolled, dropped, ...this.#rates };
  }
}
