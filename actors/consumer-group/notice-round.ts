/**
 * Rounds of notices to the members of one group. Pure. One change is told at once; what changes while a large group is being
 * told, or shortly after, is told in one further round: 10 000 members that join within a second make a few rounds, not
 * 10 000. A member hears of a change at most 60 ms after it, plus the time to write the notices.
 * Source: RocketMQ `DefaultConsumerIdsChangeListener`, which tells all members of every change.
 */

const WINDOW_MAX_MS = 60;
/** Members that make a round worth one millisecond of waiting. */
const MEMBERS_PER_MS = 64;
/** Notices told in one go: the actor's other work goes on in between. */
const BURST = 512;
/** How long to wait for room. */
const NO_ROOM_MS = 5;

export class NoticeRound {
  /** Members that are still to be told in this round, from `#at` on. */
  #keys: number[] = [];
  #at = 0;
  #isWanted = false;
  #isDue = false;
  #nextMs = Number.NEGATIVE_INFINITY;

  /**
   * Wants all members told but `except`. Gives 0: `run` now; more than 0: `run` after so many milliseconds; −1: a `run` is coming.
   * @param now milliseconds that never go back.
   */
  request(members: Iterable<number>, count: number, except: number, now: number): number {
    if (this.#isDue) {
      this.#isWanted = true;
      return -1;
    }
    this.#isDue = true;
    if (now < this.#nextMs) {
      this.#isWanted = true;
      return this.#nextMs - now;
    }
    this.#begin(members, count, except, now);
    return 0;
  }

  /**
   * Tells on. `tell` gives false when there is no room now. Gives the milliseconds after which `run` is to be called again,
   * −1: not again.
   */
  run(members: Iterable<number>, count: number, now: number, tell: (key: number) => boolean): number {
    if (this.#at >= this.#keys.length && this.#isWanted) this.#begin(members, count, -1, now);
    const end = Math.min(this.#keys.length, this.#at + BURST);
    while (this.#at < end && tell(this.#keys[this.#at]!)) this.#at++;
    if (this.#at < this.#keys.length) return this.#at === end ? 1 : NO_ROOM_MS;
    this.#keys = [];
    this.#at = 0;
    if (this.#isWanted) return Math.max(0, this.#nextMs - now);
    this.#isDue = false;
    return -1;
  }

  #begin(members: Iterable<number>, count: number, except: number, now: number): void {
    this.#isWanted = false;
    this.#keys = [];
    this.#at = 0;
    for (const key of members) if (key !== except) this.#keys.push(key);
    this.#nextMs = now + Math.min(WINDOW_MAX_MS, Math.floor(count / MEMBERS_PER_MS));
  }
}
