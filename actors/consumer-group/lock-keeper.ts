/**
 * Lock keeper: the part of a consumer-group actor that owns its queue locks. Reads them from the lock store with the first question about
 * them; what comes before they are there waits. A client hears of a queue that is new to it when the store has it on disk, or after half a
 * second: a slow disk keeps nobody from consuming. Queues are free at once when they are unlocked or their client's connection closes; of the
 * latter the disk hears seconds later, so that a broker that stops, and closes all connections, leaves the locks to its next life.
 * A member that was refused a queue is told when it is free (request 40): a Java broker leaves it to the member's next round, 20 s later.
 * Source: RocketMQ `RebalanceLockManager`.
 */
import { NOTIFY_CONSUMER_IDS_CHANGED } from '../../protocol/remoting/request-code.ts';
import type { ActorContext, ActorRef } from '../../runtime/actor.ts';
import type { PushToClient } from '../gateway/request.ts';
import type { LockQueues, LocksTold, QueryLocks, QueuesLocked, UnlockQueues } from './consumer-group-messages.ts';
import {
  type FreeLocks,
  LOCK_STORE_PATH,
  LOCKS_PER_MESSAGE,
  type LoadLocks,
  type LocksLoaded,
  type LocksSaved,
  type SaveLocks,
} from './lock-store-actor.ts';
import { connectionOfKey, memberKey } from './members.ts';
import { type QueueColumns, QueueLocks } from './queue-locks.ts';

export type LockCommand = LockQueues | UnlockQueues | QueryLocks;
/** What the keeper tells its actor, for itself. */
export type LockTimer =
  | { readonly kind: 'locks-read'; readonly loaded: LocksLoaded | null }
  | { readonly kind: 'locks-kept'; readonly flight: number; readonly isSaved: boolean }
  | { readonly kind: 'freed-due' }
  | { readonly kind: 'restored-due' };

/** Shorter than the second that clients wait. */
const SAVE_MAX_MS = 500;
const LOAD_MAX_MS = 500;
const FREED_AFTER_MS = 3_000;
const QUESTIONS_MAX = 4_096;
/** Clients that went before the locks were read. */
const GONE_MAX = 4_096;

/** Queues that a client waits for, until they are on disk. */
type Flight = {
  readonly clientId: string;
  readonly queues: QueueColumns;
  readonly held: readonly boolean[];
  readonly replyTo: ActorRef<QueuesLocked>;
};

export class LockKeeper {
  readonly #group: string;
  readonly #wantsNotices: () => boolean;
  readonly #locks = new QueueLocks();
  readonly #flights: Map<number, Flight> = new Map();
  #state: 'unread' | 'reading' | 'read' = 'unread';
  #questions: LockCommand[] = [];
  /** Clients that have gone since the actor began, until the locks are read. */
  readonly #gone: Set<string> = new Set();
  #flight = 0;
  #freedIsDue = false;

  /** @param wantsNotices whether members are told of changes */
  constructor(group: string, wantsNotices: () => boolean) {
    this.#group = group;
    this.#wantsNotices = wantsNotices;
  }

  /** Somebody has committed the queue's offset. */
  signOfQueue(topic: string, queueId: number, context: ActorContext): void {
    this.#locks.signOfQueue(topic, queueId, context.monotonicMs());
  }

  receive(message: LockCommand | LockTimer, context: ActorContext): void {
    switch (message.kind) {
      case 'locks-read':
        this.#onRead(message.loaded, context);
        return;
      case 'locks-kept':
        this.#onKept(message.flight, message.isSaved, context);
        return;
      case 'freed-due':
        this.#freedIsDue = false;
        this.#tellFreed(context);
        return;
      case 'restored-due':
        this.expire(context);
        this.#awaitSigns(context);
        return;
      default:
        if (this.#state === 'read') this.#answer(message, context);
        else if (this.#questions.length < QUESTIONS_MAX) {
          this.#questions.push(message);
          if (this.#state === 'unread') this.#read(0, context);
        }
    }
  }

  /** Clients and a connection that have gone. */
  release(clientIds: readonly string[], context: ActorContext): void {
    for (const clientId of clientIds) {
      if (this.#state !== 'read' && this.#gone.size < GONE_MAX) this.#gone.add(clientId);
      this.#locks.release(clientId);
    }
    this.#freed(context);
  }

  releaseConnection(member: number, context: ActorContext): void {
    // It has gone before its question could be answered: nobody would give the queues back.
    this.#questions = this.#questions.filter(
      (question) => question.kind !== 'lock-queues' || memberKey(question.shard, question.connection) !== member,
    );
    this.#locks.releaseConnection(member);
    this.#freed(context);
  }

  expire(context: ActorContext): void {
    this.#locks.expire(context.monotonicMs());
    this.#freed(context);
  }

  #answer(message: LockCommand, context: ActorContext): void {
    if (message.kind === 'lock-queues') this.#onLock(message, context);
    else if (message.kind === 'query-locks') this.#onQuery(message, context);
    else {
      const freed: QueueColumns = { topics: [], queueIds: [] };
      for (const [index, topic] of message.topics.entries()) {
        const queueId = message.queueIds[index]!;
        if (!this.#locks.unlock(topic, queueId, message.clientId)) continue;
        freed.topics.push(topic);
        freed.queueIds.push(queueId);
      }
      // Its own word: no stop of the broker looks like that.
      this.#tellStore(freed, context);
      this.#freed(context);
      message.replyTo.tell({ kind: 'queues-unlocked' });
    }
  }

  #onQuery(message: QueryLocks, context: ActorContext): void {
    this.expire(context);
    message.replyTo.tell({ kind: 'locks-told', hasLocks: this.#locks.count > 0 } satisfies LocksTold);
  }

  #onLock({ clientId, shard, connection, topics, queueIds, replyTo }: LockQueues, context: ActorContext): void {
    const now = context.monotonicMs();
    const member = memberKey(shard, connection);
    const fresh: QueueColumns = { topics: [], queueIds: [] };
    const held = topics.map((topic, index) => {
      const queueId = queueIds[index]!;
      const result = this.#locks.lock(topic, queueId, clientId, member, now);
      if (result === 'new') {
        fresh.topics.push(topic);
        fresh.queueIds.push(queueId);
      }
      return result !== 'refused';
    });
    if (fresh.topics.length === 0) {
      replyTo.tell({ kind: 'queues-locked', held });
      return;
    }
    const flight = ++this.#flight;
    this.#flights.set(flight, { clientId, queues: fresh, held, replyTo });
    context.ask<LocksSaved, SaveLocks>(
      context.ref(LOCK_STORE_PATH),
      (saved) => ({ kind: 'save-locks', group: this.#group, clientId, ...fresh, replyTo: saved }),
      SAVE_MAX_MS,
      (reply): LockTimer => ({ kind: 'locks-kept', flight, isSaved: reply?.isSaved === true }),
    );
  }

  #onKept(flight: number, isSaved: boolean, context: ActorContext): void {
    const known = this.#flights.get(flight);
    if (known === undefined) return;
    this.#flights.delete(flight);
    if (isSaved) this.#locks.saved(known.queues, known.clientId, context.monotonicMs());
    known.replyTo.tell({ kind: 'queues-locked', held: known.held });
  }

  #read(from: number, context: ActorContext): void {
    this.#state = 'reading';
    context.ask<LocksLoaded, LoadLocks>(
      context.ref(LOCK_STORE_PATH),
      (replyTo) => ({ kind: 'load-locks', group: this.#group, from, replyTo }),
      LOAD_MAX_MS,
      (reply): LockTimer => ({ kind: 'locks-read', loaded: reply ?? null }),
    );
  }

  #onRead(loaded: LocksLoaded | null, context: ActorContext): void {
    if (loaded !== null) {
      const { topics, queueIds, clientIds } = loaded.columns;
      const now = context.monotonicMs();
      for (const [index, topic] of topics.entries()) this.#locks.restore(topic, queueIds[index]!, clientIds[index]!, loaded.ageMs, now);
      if (loaded.next >= 0) {
        this.#read(loaded.next, context);
        return;
      }
      this.#state = 'read';
      this.#onRestored(context);
    } else {
      // The next question asks again; who waits is answered nothing, and tries again.
      this.#state = 'unread';
    }
    const questions = this.#questions;
    this.#questions = [];
    if (this.#state === 'read') for (const question of questions) this.#answer(question, context);
  }

  /** Whoever has a queue whose lock was read back has a while to give a sign. */
  #onRestored(context: ActorContext): void {
    for (const clientId of this.#gone) this.#locks.release(clientId);
    this.#gone.clear();
    this.#freed(context);
    this.#awaitSigns(context);
  }

  #awaitSigns(context: ActorContext): void {
    const until = this.#locks.silentUntil;
    if (!Number.isFinite(until)) return;
    context.schedule(Math.max(1, until - context.monotonicMs()), { kind: 'restored-due' } satisfies LockTimer);
  }

  #freed(context: ActorContext): void {
    this.#tellWaiting(context);
    if (!this.#locks.hasFreed || this.#freedIsDue) return;
    this.#freedIsDue = true;
    context.schedule(FREED_AFTER_MS, { kind: 'freed-due' } satisfies LockTimer);
  }

  /** Whoever was refused a queue asks again when it looks at its group anew, which it else does every 20 s only. */
  #tellWaiting(context: ActorContext): void {
    const members = this.#locks.takeMayAskAgain();
    if (members.size === 0 || !this.#wantsNotices()) return;
    const ext = { consumerGroup: this.#group };
    for (const member of members) {
      const { shard, connection } = connectionOfKey(member);
      const gateway: ActorRef<PushToClient> = context.ref(`gateway/${shard}`);
      gateway.tell({ kind: 'push-to-client', connection, code: NOTIFY_CONSUMER_IDS_CHANGED, ext, body: null });
    }
  }

  #tellFreed(context: ActorContext): void {
    this.#tellStore(this.#locks.takeFreed(), context);
  }

  #tellStore({ topics, queueIds }: QueueColumns, context: ActorContext): void {
    const store: ActorRef<FreeLocks> = context.ref(LOCK_STORE_PATH);
    for (let at = 0; at < topics.length; at += LOCKS_PER_MESSAGE) {
      const end = at + LOCKS_PER_MESSAGE;
      // Best effort: what stays on disk is held ten seconds too long after a restart.
      store.tell({ kind: 'free-locks', group: this.#group, topics: topics.slice(at, end), queueIds: queueIds.slice(at, end) });
    }
  }
}
