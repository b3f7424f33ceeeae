/**
 * Pops and notifications that wait for a message, in the order in which they came. One a pop actor; bounded by its asker. It only keeps them and
 * says whom to try: what they want alike is tried once when nothing is there.
 * Source: RocketMQ 5.3 `PopLongPollingService`.
 */
import type { TimerId } from '../../runtime/actor.ts';
import type { AwaitPoppable, Pop } from './pop-messages.ts';

export type Waiting = { readonly message: Pop | AwaitPoppable; readonly timer: TimerId; readonly likeness: string };

export class PopHolds {
  readonly #waiting: Map<number, Waiting> = new Map();
  #next = 0;

  get size(): number {
    return this.#waiting.size;
  }

  count(queueId: number): number {
    let count = 0;
    for (const { message } of this.#waiting.values()) if (message.kind === 'pop' && message.queueId === queueId) count++;
    return count;
  }

  /** @param schedule gives the timer that ends the waiting of this number */
  add(message: Pop | AwaitPoppable, schedule: (hold: number) => TimerId): void {
    const hold = this.#next++;
    this.#waiting.set(hold, { message, timer: schedule(hold), likeness: likenessOf(message) });
  }

  /** It waits no longer. */
  take(hold: number): Waiting | undefined {
    const waiting = this.#waiting.get(hold);
    this.#waiting.delete(hold);
    return waiting;
  }

  /** Tries those that wait, oldest first; those that `serve` says are served are forgotten, their timers given to `cancel`. */
  serve(serve: (message: Pop | AwaitPoppable) => boolean, cancel: (timer: TimerId) => void): void {
    const inVain = new Set<string>();
    for (const [hold, { message, timer, likeness }] of this.#waiting) {
      if (inVain.has(likeness)) continue;
      if (serve(message)) {
        this.#waiting.delete(hold);
        cancel(timer);
      } else inVain.add(likeness);
    }
  }
}

function likenessOf(message: Pop | AwaitPoppable): string {
  const codes = message.kind === 'pop' ? message.codes.join(',') : '';
  return `${message.kind} ${message.queueId} ${message.isOrdered} ${codes} ${message.isOrdered ? message.attemptId : ''}`;
}
