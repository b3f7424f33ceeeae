/**
 * Filtered pulls of one shard: those whose messages are looked at one by one before they are answered, by a SQL92 filter, by the tags themselves where
 * their codes are not enough, by plugins on threads of their own. A pull whose filter lets nothing through goes on behind what was looked at, until it
 * has waited for its time. A pull whose plugins have no room waits without its messages, so that what waits with them is bounded.
 * Source: RocketMQ 5.3 `ExpressionMessageFilter`, `PullRequestHoldService`.
 */
import type { ThreadContext } from '../../runtime/thread/thread-context.ts';
import type { LaneReader } from '../commit-log/lane-reader.ts';
import { copyRecords, type PluginDoor } from '../filter/plugin-door.ts';
import { type Kept, keepRecords } from '../filter/record-filter.ts';
import type { PullReply } from '../queue/queue-actor.ts';
import type { LookedAt, PullAnswers } from './pull-answers.ts';
import { FILTERED_BYTES_MAX, FILTERED_MAX, type Pending, type PullsUnderWay } from './pulls-under-way.ts';

/** A pull whose filter lets nothing through is answered after so many of these, so that its client's offset moves on. */
const FILTER_ROUNDS_MAX = 64;
/** What has found messages is judged, though it may not wait for any. */
const JUDGE_MS_MAX = 1_000;

export class FilteredPulls {
  readonly #thread: ThreadContext;
  readonly #lanes: LaneReader;
  readonly #plugins: PluginDoor;
  readonly #underWay: PullsUnderWay;
  readonly #answers: PullAnswers;
  /** Where records are looked at by filters. */
  #aside = new Uint8Array(0);

  constructor(parts: { thread: ThreadContext; lanes: LaneReader; plugins: PluginDoor; underWay: PullsUnderWay; answers: PullAnswers }) {
    this.#thread = parts.thread;
    this.#lanes = parts.lanes;
    this.#plugins = parts.plugins;
    this.#underWay = parts.underWay;
    this.#answers = parts.answers;
  }

  /**
   * Takes the `count` messages of together `bytes` that `reply` names from the lanes; they are copied aside, for a filter looks at them before the
   * answer's header can say how many there are. False: they have left the lanes, and the pull is still under way.
   */
  fromLanes(pending: Pending, reply: PullReply, count: number, bytes: number): boolean {
    const { plugins } = pending.wanted;
    if (plugins.length > 0 && !this.#plugins.isReady(plugins)) {
      this.#underWay.settle(reply.ticket, pending);
      this.#awaitPlugins(pending);
      return true;
    }
    if (plugins.length === 0 && this.#aside.length < bytes) this.#aside = new Uint8Array(bytes);
    const aside = plugins.length === 0 ? this.#aside : this.#plugins.buffer(bytes);
    // A message beyond the usual is not kept room for.
    if (bytes > FILTERED_BYTES_MAX) this.#aside = new Uint8Array(0);
    if (!this.#lanes.copyUnits(reply.units, count, aside, 0)) {
      if (plugins.length > 0) this.#plugins.giveBack(aside);
      return false;
    }
    this.#underWay.settle(reply.ticket, pending);
    if (plugins.length === 0) this.#filter(pending, reply, aside, 0, bytes);
    else this.#judge(pending, reply, aside, bytes);
    return true;
  }

  /** Takes the records of `bytes[start, end)`, for a pull that is settled; without plugins they are moved together where they lie. */
  fromBuffer(pending: Pending, at: LookedAt, bytes: Uint8Array, start: number, end: number): void {
    if (pending.wanted.plugins.length === 0) this.#filter(pending, at, bytes, start, end);
    else this.#judge(pending, at, copyRecords(this.#plugins, bytes, start, end), end - start);
  }

  /** Answers with the records of `bytes[start, end)` that pass. */
  #filter(pending: Pending, at: LookedAt, bytes: Uint8Array, start: number, end: number): void {
    const { filter, tags } = pending.wanted;
    const kept = keepRecords(filter ?? tags!, bytes, start, end, pending.max, pending.bytesMax);
    this.#answerKept(pending, at, kept, bytes, start);
  }

  /** When none is left, the pull goes on behind them. */
  #answerKept(pending: Pending, at: LookedAt, kept: Kept, bytes: Uint8Array, start: number): void {
    const next = kept.next < 0 ? at.nextOffset : kept.next;
    if (kept.count > 0) this.#answers.found(pending, kept.count, at, next, bytes, start, start + kept.length);
    else if (pending.rounds >= FILTER_ROUNDS_MAX || !this.#underWay.askAgain(pending, next, pending.rounds + 1, at.max))
      this.#answers.missed(pending, 'NO_MATCHED_MESSAGE', at, next);
  }

  /** Plugins look at the records, which are the door's buffer, on threads of their own; the answer comes later. */
  #judge(pending: Pending, at: LookedAt, bytes: Uint8Array, length: number): void {
    const { filter, plugins } = pending.wanted;
    const left = filter === null ? length : keepRecords(filter, bytes, 0, length, FILTERED_MAX, Number.MAX_SAFE_INTEGER).length;
    const deadlineMs = this.#judgedUntilMs(pending);
    const ticket = this.#underWay.park(pending, deadlineMs);
    this.#plugins.judge(plugins, pending.group, bytes, left, pending.max, pending.bytesMax, deadlineMs, (kept) => {
      // Answered meanwhile: the group was paused, or bound to another plugin.
      if (!this.#unpark(ticket, pending)) return;
      if (kept.count >= 0) this.#answerKept(pending, at, kept, bytes, 0);
      else if (deadlineMs <= this.#thread.monotonicMs()) this.#answerHeld(pending);
      else this.#awaitPlugins(pending);
    });
  }

  /** The plugins have no room now, or hold everything back: the pull waits without its records, and looks again. */
  #awaitPlugins(pending: Pending): void {
    const { plugins } = pending.wanted;
    const deadlineMs = this.#plugins.isHeld(plugins) ? pending.holdUntilMs : this.#judgedUntilMs(pending);
    const ticket = this.#underWay.park(pending, deadlineMs);
    this.#plugins.whenReady(plugins, deadlineMs, (isReady) => {
      if (!this.#unpark(ticket, pending)) return;
      const goesOn = isReady && this.#underWay.askAgain(pending, pending.offset, pending.rounds, Number.MAX_SAFE_INTEGER);
      if (!goesOn) this.#answerHeld(pending);
    });
  }

  /** What has found messages is not sent away because its time to wait for them is over. */
  #judgedUntilMs(pending: Pending): number {
    return Math.max(pending.holdUntilMs, this.#thread.monotonicMs() + JUDGE_MS_MAX);
  }

  /** False: nobody waits for the answer any more. */
  #unpark(ticket: number, pending: Pending): boolean {
    if (this.#underWay.get(ticket) !== pending) return false;
    this.#underWay.settle(ticket, pending);
    this.#thread.requestTurn();
    return pending.connection.isOpen;
  }

  /** As if there were nothing yet: the client pulls again from where it is. */
  #answerHeld(pending: Pending): void {
    this.#answers.missedNow(pending, 'OFFSET_OVERFLOW_ONE', pending.offset);
  }
}
