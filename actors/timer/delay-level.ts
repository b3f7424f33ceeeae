/**
 * One delay level as the timer actor has it: how far its queue is delivered, its timer, and what is being read for it.
 */
import type { TimerId } from '../../runtime/actor.ts';
import type { Place } from '../message/record-source.ts';
import { DeliveryProgress } from './delivery-progress.ts';

/** A message of the level's queue that was taken, and the place of its record. */
export type Taken = Place & { readonly offset: number };

export class Level {
  readonly queueId: number;
  readonly handle: number;
  readonly progress: DeliveryProgress;
  timer: TimerId | null = null;
  /** Monotonic ms at which it goes off. */
  timerAt = 0;
  /** Units or records are being read for it. */
  isReading = false;
  /** Messages taken since nothing was due. */
  burst = 0;
  /** What is read, in the log's order. */
  taken: readonly Taken[] = [];

  constructor(queueId: number, handle: number, done: number) {
    this.queueId = queueId;
    this.handle = handle;
    this.progress = new DeliveryProgress(done);
  }
}
