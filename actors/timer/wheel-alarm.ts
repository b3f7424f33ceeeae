/**
 * Wheel alarm: when the timing wheel has its next turn. Part of the wheel actor; owns its one timer, which is moved to the earliest wish.
 */
import type { ActorContext, ActorRef, TimerId } from '../../runtime/actor.ts';

/** What the actor tells itself for the alarm. */
export type AlarmMessage = { readonly kind: 'turn' } | { readonly kind: 'wake' };

/** The wall clock may be set: a longer wait is looked at in between. */
const WAIT_MS_MAX = 1_000;

export class WheelAlarm {
  #timer: TimerId | null = null;
  #timerAt = 0;
  #isTurnTold = false;

  /** It rings: the actor takes its turn. */
  rang({ kind }: AlarmMessage): void {
    if (kind === 'turn') this.#isTurnTold = false;
    else this.#timer = null;
  }

  /** In so many ms at the latest; +∞: whenever something comes. */
  wakeIn(ms: number, context: ActorContext): void {
    if (ms === Number.POSITIVE_INFINITY) return;
    const waitMs = Math.max(1, Math.min(ms, WAIT_MS_MAX));
    const at = context.monotonicMs() + waitMs;
    if (this.#timer !== null) {
      if (this.#timerAt <= at) return;
      context.cancel(this.#timer);
    }
    this.#timerAt = at;
    this.#timer = context.schedule(waitMs, { kind: 'wake' } satisfies AlarmMessage);
  }

  /** Behind what is in the mailbox by now. */
  turnSoon(context: ActorContext): void {
    if (this.#isTurnTold) return;
    this.#isTurnTold = (context.self as ActorRef<AlarmMessage>).tell({ kind: 'turn' });
  }
}
