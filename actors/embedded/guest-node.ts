/**
 * Guest node: the caller's thread as a guest of one node of its cluster: a loop on its event loop, with rings to the node's threads and,
 * for a broker, a lane of its own. Holds the links of the clients to that node. What fails here ends the guest and its links, never the
 * application; the cluster writes what the lane held.
 */

import type { Link, LinkEvents } from '../../protocol/remoting/link.ts';
import type { Actor, ActorContext, ActorRef, LogLevel } from '../../runtime/actor.ts';
import { toError } from '../../runtime/errors.ts';
import { createGuest } from '../../runtime/thread/guest-thread.ts';
import type { ThreadContext } from '../../runtime/thread/thread-context.ts';
import type { ThreadLoop } from '../../runtime/thread/thread-loop.ts';
import type { GuestInvitation } from '../broker/running-broker.ts';
import { SHARD_COUNTERS, ShardCounterBlock, type ShardCounts } from '../shard/shard-counters.ts';
import { DirectPulls } from './direct-pulls.ts';
import { DirectSends } from './direct-sends.ts';
import { type AskLease, type GuestHello, guestDoorPath } from './guest-door.ts';
import { GuestLink, type LinkParts } from './guest-link.ts';
import { Leases } from './leases.ts';
import { PIPE_CLOSE, PIPE_DATA, PIPE_ID_BYTES, PIPE_OPENED, PIPE_PAUSE, PIPE_RESUME } from './pipe.ts';

/** An orderly leave waits so long for the lane's last records. */
const LEAVE_MAX_MS = 2_000;
const LOOK_EVERY_MS = 5;

type ShardGone = { readonly kind: 'shard-gone'; readonly shard: number };

export type GuestNodeHooks = {
  readonly log: (level: LogLevel, text: string, fields?: Record<string, unknown>) => void;
  /** It has ended by itself. */
  readonly failed: (error: Error) => void;
};

export class GuestNode {
  readonly #thread: ThreadLoop;
  readonly #hooks: GuestNodeHooks;
  readonly #shards: readonly string[];
  readonly #links: Map<number, GuestLink> = new Map();
  readonly #paths: LinkParts['paths'];
  readonly #greeted: Set<number> = new Set();
  #self: ActorContext | undefined;
  #nextPipe = 1;
  #isLeaving = false;
  #hasEnded = false;

  constructor(invitation: GuestInvitation, hooks: GuestNodeHooks) {
    const { birth, config, memory, shards, producer } = invitation;
    this.#hooks = hooks;
    this.#shards = shards;
    this.#thread = createGuest(birth, { log: hooks.log, failed: (error) => this.#fail(error) });
    const thread = this.#thread;
    guard(thread, (error) => thread.fail(error));
    thread.spawn(
      `${birth.name}/guest`,
      () =>
        new GuestActor(
          (context) => this.#started(context),
          (shard) => this.#shardGone(shard),
        ),
    );
    this.#hear(thread);
    if (memory === null) this.#paths = null;
    else {
      const leases = new Leases(thread, thread.ref<AskLease>(guestDoorPath(shards[0]!)));
      const sends = new DirectSends(thread, config, memory, producer, () => this.#released());
      thread.addSource(sends);
      const pulls = new DirectPulls(thread, config, memory, leases);
      this.#paths = { sends, pulls, leases };
      this.#count(new ShardCounterBlock(memory.counters, producer), sends, pulls);
    }
    this.#thread.runOnEvents(() => {});
  }

  open(events: LinkEvents): Link {
    const pipe = this.#nextPipe++;
    const shard = this.#thread.threadIndex(this.#shards[pipe % this.#shards.length]!);
    this.#greet(shard);
    const link = new GuestLink({
      thread: this.#thread,
      shard,
      pipe,
      events,
      paths: this.#paths,
      ended: (gone) => this.#links.delete(gone.pipe),
    });
    this.#links.set(pipe, link);
    return link;
  }

  /** Closes the links; in order: behind what was sent, else at once. */
  async leave(isOrderly: boolean, reason: string): Promise<void> {
    if (this.#isLeaving) return;
    this.#isLeaving = true;
    const until = this.#thread.monotonicMs() + LEAVE_MAX_MS;
    const sends = this.#paths?.sends;
    while (isOrderly && !this.#hasEnded && (sends?.pending ?? 0) > 0 && this.#thread.monotonicMs() < until) {
      this.#thread.requestTurn();
      await new Promise((resolve) => void this.#thread.schedule(LOOK_EVERY_MS, () => resolve(undefined)));
    }
    this.#closeLinks(reason);
    if (this.#hasEnded) return;
    this.#hasEnded = true;
    if (isOrderly) await this.#thread.drain();
    else this.#thread.end();
  }

  #fail(error: Error): void {
    if (this.#hasEnded) return;
    this.#hasEnded = true;
    this.#hooks.log('error', 'The way to a node of this process has failed', { error: error.stack ?? error.message });
    this.#thread.end();
    this.#closeLinks(error.message);
    this.#hooks.failed(error);
  }

  #closeLinks(reason: string): void {
    for (const link of [...this.#links.values()]) link.gone(reason);
  }

  #started(context: ActorContext): void {
    this.#self = context;
    this.#greeted.clear();
    for (const { shard } of this.#links.values()) this.#greet(shard);
  }

  /** Tells a shard that this guest is there, and hears when the shard is not any more. */
  #greet(shard: number): void {
    if (this.#greeted.has(shard) || this.#self === undefined) return;
    this.#greeted.add(shard);
    const door: ActorRef<GuestHello> = this.#thread.ref(
      guestDoorPath(this.#shards.find((name) => this.#thread.threadIndex(name) === shard)!),
    );
    door.tell({ kind: 'guest-hello', thread: this.#thread.index, guest: this.#self.self as ActorRef<never> });
    this.#self.watch(door as ActorRef<never>, { kind: 'shard-gone', shard } as ShardGone);
  }

  #shardGone(shard: number): void {
    this.#greeted.delete(shard);
    this.#paths?.leases.drop();
    for (const link of [...this.#links.values()]) if (link.shard === shard) link.gone('the shard that served the link has ended');
  }

  #released(): void {
    for (const link of this.#links.values()) link.room();
  }

  #hear(thread: ThreadContext): void {
    const link = (view: DataView, offset: number): GuestLink | undefined => this.#links.get(view.getInt32(offset));
    thread.onRecord(PIPE_OPENED, (_bytes, view, offset) => link(view, offset)?.opened());
    thread.onRecord(PIPE_DATA, (bytes, view, offset, length) => {
      link(view, offset)?.arrived(bytes.subarray(offset + PIPE_ID_BYTES, offset + length));
    });
    thread.onRecord(PIPE_PAUSE, (_bytes, view, offset) => link(view, offset)?.paused(PIPE_PAUSE));
    thread.onRecord(PIPE_RESUME, (_bytes, view, offset) => link(view, offset)?.paused(PIPE_RESUME));
    thread.onRecord(PIPE_CLOSE, (_bytes, view, offset) => link(view, offset)?.gone('closed by the broker'));
  }

  #count(block: ShardCounterBlock, sends: DirectSends, pulls: DirectPulls): void {
    const sources: Partial<Record<keyof ShardCounts, () => number>> = {
      messagesIn: () => sends.messages,
      bytesIn: () => sends.bytes,
      messagesOut: () => pulls.messages,
      bytesOut: () => pulls.bytes,
      heldPulls: () => pulls.held,
      pendingSends: () => sends.pending,
    };
    const counted = SHARD_COUNTERS.flatMap((name, index) => (sources[name] === undefined ? [] : [{ index, read: sources[name] }]));
    this.#thread.addTurnEnd(() => {
      for (let i = 0; i < counted.length; i++) block.set(counted[i]!.index, counted[i]!.read());
    });
  }
}

/** The actor `<guest>/guest`: what doors watch, and what watches them. */
class GuestActor implements Actor<ShardGone> {
  readonly #started: (context: ActorContext) => void;
  readonly #shardGone: (shard: number) => void;

  constructor(started: (context: ActorContext) => void, shardGone: (shard: number) => void) {
    this.#started = started;
    this.#shardGone = shardGone;
  }

  started(context: ActorContext): void {
    this.#started(context);
  }

  receive(message: ShardGone): void {
    this.#shardGone(message.shard);
  }
}

/** Catches what sources, turn ends and record handlers throw: a throw out of a turn would end the application. */
function guard(thread: ThreadLoop, fail: (error: Error) => void): void {
  const attempt = (run: () => void): void => {
    try {
      run();
    } catch (thrown) {
      fail(toError(thrown));
    }
  };
  const { addSource, addTurnEnd, onRecord } = thread;
  thread.addSource = (source) => {
    let did = false;
    const poll = (): void => {
      did = source.poll();
    };
    addSource.call(thread, {
      poll: () => {
        did = false;
        attempt(poll);
        return did;
      },
    });
  };
  thread.addTurnEnd = (run) => addTurnEnd.call(thread, () => attempt(run));
  thread.onRecord = (type, handler) =>
    onRecord.call(thread, type, (bytes, view, offset, length, from) => attempt(() => handler(bytes, view, offset, length, from)));
}
