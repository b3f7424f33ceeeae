/**
 * Input relief of one gateway: knows what memory its connections' unfinished requests take, and while they take too much decides who is
 * read on, who waits and who goes (unfinished-input.ts). Nothing is done and nothing allocated while they are within the limit.
 */
import type { ThreadContext } from '../../runtime/thread/thread-context.ts';
import { type ClientConnection, HOLD_INPUT, HOLD_LANE, HOLD_PARKED } from './client-connection.ts';
import {
  admitUnfinished,
  chooseClosed,
  closeInputFromBytes,
  type InputLimits,
  isBrokerBehind,
  isLate,
  isStale,
  relievedInputBytes,
  stalledInputBytes,
} from './unfinished-input.ts';

/** Time between two looks while somebody waits. */
const LOOK_AGAIN_MS = 50;
/** Part of the limit that is to come on top before all connections are looked at again, where none of them could go. */
const STEP = 1 / 8;

export class InputRelief {
  readonly #thread: ThreadContext;
  readonly #limits: InputLimits;
  readonly #connections: () => Iterable<ClientConnection>;
  /** Those that may go on while others wait. */
  readonly #admitted: Set<ClientConnection> = new Set();
  #bytes = 0;
  /** `#bytes` at which all are looked at again. */
  #againAt = 0;
  /** Some wait for room. */
  #isScarce = false;
  #isLooking = false;
  #isTimed = false;
  /** Connections closed so far. */
  closed = 0;

  constructor(thread: ThreadContext, limits: InputLimits, connections: () => Iterable<ClientConnection>) {
    this.#thread = thread;
    this.#limits = limits;
    this.#connections = connections;
  }

  /** Memory of all unfinished requests. */
  get bytes(): number {
    return this.#bytes;
  }

  changed(connection: ClientConnection, before: number): void {
    const { inputBytes } = connection;
    this.#bytes += inputBytes - before;
    // Those that it finished since its room grew last are not what it waits for now.
    if (inputBytes > before && connection.inputSinceMs <= connection.lastReadAt) connection.inputSinceMs = this.#thread.monotonicMs();
    if (this.#isLooking) return;
    if (this.#bytes <= this.#limits.shardBytes) this.#againAt = 0;
    if (inputBytes <= before) return;
    if (this.#isScarce && connection.missingBytes > 0 && !this.#admitted.has(connection)) this.#hold(connection);
    const limit = this.#isScarce ? closeInputFromBytes(this.#limits) : this.#limits.shardBytes;
    if (this.#bytes > limit && this.#bytes >= this.#againAt) this.#look();
  }

  /** Looks at all connections: trims, closes, holds, lets go on. */
  #look(): void {
    this.#isLooking = true;
    const now = this.#thread.monotonicMs();
    const unfinished: ClientConnection[] = [];
    const stalled: ClientConnection[] = [];
    let unfinishedBytes = 0;
    let stalledBytes = 0;
    for (const connection of this.#connections()) {
      if (connection.inputBytes === 0) continue;
      connection.trimInput();
      if (connection.inputBytes === 0) continue;
      connection.inputSinceMs = Math.max(connection.inputSinceMs, connection.lastReadAt);
      if (connection.isHeldFor(HOLD_LANE | HOLD_PARKED)) {
        stalled.push(connection);
        stalledBytes += connection.inputBytes;
      } else {
        unfinished.push(connection);
        unfinishedBytes += connection.inputBytes;
      }
    }
    const { closeFrom, downTo } = stalledInputBytes(this.#limits);
    if (stalledBytes > closeFrom) this.#close(chooseClosed(stalled, stalledBytes, downTo, now));
    unfinishedBytes -= this.#close(this.#chooseClosed(unfinished, unfinishedBytes, now));
    const left = unfinished.filter((one) => one.inputBytes > 0);
    this.#admit(left, isBrokerBehind(stalledBytes, this.#limits) ? 0 : this.#countAdmitted(left, unfinishedBytes, now), now);
    this.#againAt = this.#bytes > this.#limits.shardBytes ? this.#bytes + this.#limits.shardBytes * STEP : 0;
    this.#isLooking = false;
    if (!this.#isScarce || this.#isTimed) return;
    this.#isTimed = true;
    this.#thread.schedule(LOOK_AGAIN_MS, this.#lookAgain);
  }

  readonly #lookAgain = (): void => {
    this.#isTimed = false;
    if (this.#isScarce) this.#look();
  };

  #chooseClosed(unfinished: ClientConnection[], bytes: number, now: number): ClientConnection[] {
    if (bytes > closeInputFromBytes(this.#limits)) return chooseClosed(unfinished, bytes, this.#limits.shardBytes, now);
    if (!this.#isScarce) return [];
    const late = unfinished.filter((one) => isLate(one, now));
    const left = late.reduce((sum, one) => sum - one.inputBytes, bytes);
    // Who was told to wait is not to blame for a second.
    const stale = unfinished.filter((one) => !one.isHeldFor(HOLD_INPUT) && isStale(one, now) && !isLate(one, now));
    return [...late, ...chooseClosed(stale, left, relievedInputBytes(this.#limits), now)];
  }

  /** Sorts them; how many of the first are read on. */
  #countAdmitted(unfinished: ClientConnection[], bytes: number, now: number): number {
    if (!this.#isScarce && bytes <= this.#limits.shardBytes) return unfinished.length;
    return admitUnfinished(unfinished, bytes, this.#limits, now);
  }

  #admit(unfinished: readonly ClientConnection[], count: number, now: number): void {
    this.#isScarce = count < unfinished.length;
    this.#admitted.clear();
    for (let at = 0; at < unfinished.length; at++) {
      const connection = unfinished[at]!;
      if (at >= count) {
        this.#hold(connection);
        continue;
      }
      if (this.#isScarce) this.#admitted.add(connection);
      if (!connection.isHeldFor(HOLD_INPUT)) continue;
      connection.inputSinceMs = now;
      connection.resume(HOLD_INPUT);
    }
  }

  #hold(connection: ClientConnection): void {
    if (connection.isHeldFor(HOLD_INPUT)) return;
    connection.inputSinceMs = this.#thread.monotonicMs();
    connection.hold(HOLD_INPUT);
  }

  #close(worst: readonly ClientConnection[]): number {
    const first = worst[0];
    if (first === undefined) return 0;
    const limit = this.#limits.shardBytes;
    let bytes = 0;
    for (const connection of worst) bytes += connection.inputBytes;
    this.#thread.log('warn', 'Connections were closed for the memory that their unfinished requests take', {
      connections: worst.length,
      bytes,
      limit: `inputBytesMax=${limit}`,
      first: `${first.remoteAddress}:${first.remotePort}`,
      firstBytes: first.inputBytes,
      firstMissing: first.missingBytes,
    });
    this.closed += worst.length;
    for (const connection of worst) {
      const { inputBytes, missingBytes } = connection;
      connection.closeWithInput(
        `${inputBytes} bytes of requests wait, the last one wants ${missingBytes} more, and all take more than ${limit}`,
      );
    }
    return bytes;
  }
}
