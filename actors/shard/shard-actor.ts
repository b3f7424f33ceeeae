/**
 * Shard actor: the root's word to a shard, at `<shard>`: it has the shard put together and listen when the store is open, and sends
 * refused. One a shard, of a broker or of a name server alone. A shard that cannot listen says why; what else fails is its thread's end.
 */
import type { Actor, ActorContext, ActorRef } from '../../runtime/actor.ts';
import type { ThreadContext } from '../../runtime/thread/thread-context.ts';
import type { DiskLevel } from '../store/store-messages.ts';

/** Queues that the store knows, in pages, before `serve`; to the first shard only. `generation`: of the thread that it is meant for. */
export type KnownQueues = { kind: 'known-queues'; generation: number; topics: string[]; queueIds: number[]; handles: number[] };
/** The store is open: listen. Answered when the shard accepts connections. */
export type Serve = { kind: 'serve'; generation: number; replyTo: ActorRef<Serving> };
/** `error` is empty when the shard listens. */
export type Serving = { kind: 'serving'; error: string };
/** Refuse sends from now on; answered when every pending one is answered. */
export type StopSends = { kind: 'stop-sends'; reason: string; replyTo: ActorRef<SendsStopped> };
export type SendsStopped = { kind: 'sends-stopped'; pending: number };
export type ShardCommand = KnownQueues | Serve | StopSends | DiskLevel;

/** What is put together when the store is open. */
export interface ServedShard {
  /** Accepts connections when it resolves. */
  listen(): Promise<void>;
  /** @param reason empty: they are taken again */
  refuseSends(reason: string): void;
  stopSends(reason: string, replyTo: ActorRef<SendsStopped>): void;
}

export class ShardActor implements Actor<ShardCommand> {
  readonly #thread: ThreadContext;
  readonly #assemble: (known: readonly KnownQueues[]) => ServedShard;
  readonly #queues: KnownQueues[] = [];
  #shard: ServedShard | null = null;

  /** @param assemble puts the shard together, once */
  constructor(thread: ThreadContext, assemble: (known: readonly KnownQueues[]) => ServedShard) {
    this.#thread = thread;
    this.#assemble = assemble;
  }

  receive(message: ShardCommand, _context: ActorContext): void {
    if (message.kind === 'known-queues' || message.kind === 'serve') {
      // What was left in the ring by a predecessor that died at it may be a part of what was said: all of it comes again.
      if (message.generation !== this.#thread.generation) return;
      if (message.kind === 'serve') this.#serve(message.replyTo);
      else this.#queues.push(message);
    } else if (message.kind === 'disk-level') this.#shard?.refuseSends(message.reason);
    else this.#shard?.stopSends(message.reason, message.replyTo);
  }

  #serve(replyTo: ActorRef<Serving>): void {
    const say = (error: string): void => {
      // Nobody asks a second time: the answer waits until the ring has room.
      if (!replyTo.tell({ kind: 'serving', error })) this.#thread.schedule(1, () => say(error));
      this.#thread.requestTurn();
    };
    this.#shard = this.#assemble(this.#queues);
    this.#shard.listen().then(
      () => say(''),
      (error: unknown) => say(error instanceof Error ? error.message : String(error)),
    );
  }
}
