/**
 * One delay level as the timer actor has it: how far its queue is delivered, its timer, and what is being read for it.
 */
import type { TimerId } from '../../runtime/actor.ts';
import { DeliveryProgress } from './delivery-progress.ts';

export class Level {
  readonly queueId: number;
  readonly handle: number;
  readonly progress: DeliveryProgress;
  timer: TimerId | null = null;
  /** Monotonic ms at which it goes off. */
  timerAt = 0;
  /** Units or records are being read for it. */
  isReading = false;
  /** What is read: offsets that were taken, by the places of their records. */
  readonly taken: Map<number, number> = new Map();

  constructor(queueId: number, handle: number, done: number) {
    this.queueId = queueId;
    this.handle = handle;
    this.progress = new DeliveryProgress(done);
  }
}
