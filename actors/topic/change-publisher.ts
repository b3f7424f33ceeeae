/**
 * Change publisher: brings saved changes of topics to those who must know: the topic table of every shard, the name servers, and, when a topic
 * is deleted, who removes its queues; answers the changes' creators when all of them have it. The topic registry's; owns the changes under way.
 * A shard or name server that does not answer in time is no longer waited for: it asks for all topics when it is back, or is told all by the
 * next registration.
 * Source: RocketMQ 5.3 `BrokerController.registerIncrementBrokerData`.
 */
import type { ActorContext, ActorRef } from '../../runtime/actor.ts';
import type { ShardOutboxes } from './shard-outboxes.ts';
import type { TableVersion, TopicConfig } from './topic-config.ts';
import type { DropQueues, QueuesDropped } from './topic-drop-actor.ts';
import type { AnnounceAll, TopicReply, TopicsChanged, TopicsRegistered, UnusedDropped } from './topic-messages.ts';

type ReplyTo = ActorRef<TopicReply>;

type Registered = { kind: 'registered'; batch: number; ok: boolean };
type FlushShards = { kind: 'flush-shards' };
/** Shards that did not ask have their topics from a registry before this one. */
type TellSilentShards = { kind: 'tell-silent-shards' };
/** A topic's queues are gone, or were waited for long enough. */
type Dropped = { kind: 'dropped'; batch: number; topic: string };
type BatchExpired = { kind: 'batch-expired'; batch: number };
/** What the registry hears in its publisher's matters. */
export type PublisherWord = Registered | Dropped | FlushShards | BatchExpired | TellSilentShards;

/** A change that is saved. `config` null: deleted. */
export type SavedChange = { readonly topic: string; readonly config: TopicConfig | null; readonly waiters: readonly ReplyTo[] };

export type PublisherParts = {
  readonly outboxes: ShardOutboxes;
  /** Path of the registration actor; null: there is no name server to tell. */
  readonly registration: string | null;
  /** Path of the actor that removes a deleted topic's queues; undefined: they stay. */
  readonly dropper: string | undefined;
  /** The shards have been told all there is. */
  readonly told: (context: ActorContext) => void;
};

/** Longer than the registration actor's own limit of 3 s. */
const REGISTRATION_MAX_MS = 4_000;
/** A shard that takes no topics is dying; it asks for all of them when it is back. */
const SHARD_MAX_MS = 2_000;
/** Longer than the topic-drop actor takes for all its attempts. */
const DROP_MAX_MS = 20_000;
const FLUSH_AGAIN_MS = 2;
/** Changes that wait for one answer of the registration actor: a message has to fit a ring record. */
const CHANGES_PER_MESSAGE = 64;

/** Saved changes on their way to shards and name servers. */
type Batch = {
  readonly topics: readonly string[];
  readonly waiters: { topic: string; replyTo: ReplyTo }[];
  shards: number;
  registrations: number;
  drops: number;
  /** Told how many topics the batch dropped. */
  readonly whenDone?: ActorRef<UnusedDropped>;
  dropped?: number;
};

export class ChangePublisher {
  readonly #parts: PublisherParts;
  readonly #batches: Map<number, Batch> = new Map();
  #nextBatch = 1;
  /** Batch that is telling a topic's change to shards and name servers: who asks meanwhile waits for it too. */
  readonly #publishing: Map<string, number> = new Map();
  #flushScheduled = false;

  constructor(parts: PublisherParts) {
    this.#parts = parts;
  }

  /** Every shard has taken its table. */
  get areShardsThere(): boolean {
    return this.#parts.outboxes.areAllThere;
  }

  receive(message: PublisherWord, context: ActorContext): void {
    switch (message.kind) {
      case 'registered':
        this.#registered(message, context);
        return;
      case 'dropped':
        this.#dropped(message.batch);
        return;
      case 'flush-shards':
        this.#flushScheduled = false;
        this.flush(context);
        return;
      case 'tell-silent-shards':
        this.#parts.outboxes.addSilent();
        this.flush(context);
        return;
      case 'batch-expired':
        this.#expired(message.batch, context);
        return;
    }
  }

  /** A shard has a new topic table, which is to be filled. */
  shardStarted(shard: number, token: string, context: ActorContext): void {
    this.#parts.outboxes.ask(shard, token);
    this.flush(context);
  }

  /**
   * Tells shards and name servers; the waiters are answered when both know.
   * @param version of the table with these changes; null: name servers are not told yet
   */
  publish(done: readonly SavedChange[], version: TableVersion | null, context: ActorContext): void {
    if (done.length === 0) return;
    const id = this.#nextBatch++;
    const batch: Batch = { topics: done.map((change) => change.topic), waiters: [], shards: 0, registrations: 0, drops: 0 };
    this.#batches.set(id, batch);
    for (const change of done) {
      this.#publishing.set(change.topic, id);
      for (const replyTo of change.waiters) batch.waiters.push({ topic: change.topic, replyTo });
      batch.shards += this.#parts.outboxes.add(change.topic, id);
      if (change.config === null) this.#drop(change.topic, id, batch, context);
    }
    context.schedule(SHARD_MAX_MS, { kind: 'batch-expired', batch: id } as BatchExpired);
    if (version !== null) this.#register(done, version, id, batch, context);
    this.flush(context);
    this.#finish(id);
  }

  /** Has the queues of topics removed that are in no table; `whenDone` is told how many. */
  dropUnused(unused: readonly string[], whenDone: ActorRef<UnusedDropped>, context: ActorContext): void {
    const id = this.#nextBatch++;
    const batch: Batch = { topics: [], waiters: [], shards: 0, registrations: 0, drops: 0, whenDone };
    this.#batches.set(id, batch);
    for (const topic of unused) this.#drop(topic, id, batch, context);
  }

  /**
   * Has name servers told of all topics. The version goes to disk with the next change: name servers compare it for equality only.
   * @param topic told to `replyTo` when they know
   */
  announceAll(topic: string, version: TableVersion, replyTo: ReplyTo, context: ActorContext): void {
    const { registration } = this.#parts;
    if (registration === null) {
      replyTo.tell({ kind: 'topic-ready', topic });
      return;
    }
    const id = this.#nextBatch++;
    this.#batches.set(id, { topics: [], waiters: [{ topic, replyTo }], shards: 0, registrations: 1, drops: 0 });
    context.ask<TopicsRegistered, AnnounceAll>(
      context.ref<AnnounceAll>(registration),
      (announceTo) => ({ kind: 'announce-all', version, replyTo: announceTo }),
      REGISTRATION_MAX_MS,
      (reply): Registered => ({ kind: 'registered', batch: id, ok: reply !== undefined && reply.failed === 0 }),
    );
  }

  /**
   * Waits for a change of the topic that is on its way. When there is none the topic is there, yet somebody asks: a shard may have
   * missed it, so it is told again before the answer.
   */
  join(topic: string, replyTo: ReplyTo, context: ActorContext): void {
    const publishing = this.#batches.get(this.#publishing.get(topic) ?? 0);
    if (publishing !== undefined) {
      publishing.waiters.push({ topic, replyTo });
      return;
    }
    const id = this.#nextBatch++;
    const shards = this.#parts.outboxes.add(topic, id);
    this.#batches.set(id, { topics: [], waiters: [{ topic, replyTo }], shards, registrations: 0, drops: 0 });
    context.schedule(SHARD_MAX_MS, { kind: 'batch-expired', batch: id } as BatchExpired);
    this.flush(context);
    this.#finish(id);
  }

  /** Tells the shards what their mailboxes take; the rest goes a little later. */
  flush(context: ActorContext): void {
    const isEmpty = this.#parts.outboxes.flush((batch) => this.#delivered(batch));
    if (isEmpty) this.#parts.told(context);
    if (isEmpty || this.#flushScheduled) return;
    this.#flushScheduled = true;
    context.schedule(FLUSH_AGAIN_MS, { kind: 'flush-shards' });
  }

  #drop(topic: string, id: number, batch: Batch, context: ActorContext): void {
    const path = this.#parts.dropper;
    if (path === undefined) return;
    batch.drops++;
    context.ask<QueuesDropped, DropQueues>(
      context.ref<DropQueues>(path),
      (replyTo) => ({ kind: 'drop-queues', topic, replyTo }),
      DROP_MAX_MS,
      (): Dropped => ({ kind: 'dropped', batch: id, topic }),
    );
  }

  #dropped(id: number): void {
    const batch = this.#batches.get(id);
    if (batch === undefined) return;
    batch.drops--;
    batch.dropped = (batch.dropped ?? 0) + 1;
    this.#finish(id);
  }

  #register(done: readonly SavedChange[], version: TableVersion, id: number, batch: Batch, context: ActorContext): void {
    const path = this.#parts.registration;
    if (path === null) return;
    const target = context.ref<TopicsChanged>(path);
    for (let from = 0; from < done.length; from += CHANGES_PER_MESSAGE) {
      const part = done.slice(from, from + CHANGES_PER_MESSAGE);
      const topics = part.flatMap((change) => (change.config === null ? [] : [change.config]));
      const removed = part.flatMap((change) => (change.config === null ? [change.topic] : []));
      batch.registrations++;
      context.ask<TopicsRegistered, TopicsChanged>(
        target,
        (replyTo) => ({ kind: 'topics-changed', topics, removed, version, replyTo }),
        REGISTRATION_MAX_MS,
        (reply): Registered => ({ kind: 'registered', batch: id, ok: reply !== undefined && reply.failed === 0 }),
      );
    }
  }

  #registered(message: Registered, context: ActorContext): void {
    const batch = this.#batches.get(message.batch);
    if (batch === undefined) return;
    batch.registrations--;
    if (!message.ok) {
      const topics = batch.waiters.slice(0, 8).map((waiter) => waiter.topic);
      context.log('warn', 'a name server does not know a changed topic yet; the next registration brings it', { topics });
    }
    this.#finish(message.batch);
  }

  #expired(id: number, context: ActorContext): void {
    const batch = this.#batches.get(id);
    if (batch === undefined || batch.shards <= 0) return;
    context.log('warn', 'a shard has not taken a topic change in time', { waitedMs: SHARD_MAX_MS });
    batch.shards = 0;
    this.#finish(id);
  }

  #delivered(id: number): void {
    const batch = this.#batches.get(id);
    if (batch === undefined) return;
    batch.shards--;
    this.#finish(id);
  }

  #finish(id: number): void {
    const batch = this.#batches.get(id);
    if (batch === undefined || batch.shards > 0 || batch.registrations > 0 || batch.drops > 0) return;
    this.#batches.delete(id);
    for (const topic of batch.topics) if (this.#publishing.get(topic) === id) this.#publishing.delete(topic);
    batch.whenDone?.tell({ kind: 'unused-dropped', topics: batch.dropped ?? 0 });
    for (const { topic, replyTo } of batch.waiters) replyTo.tell({ kind: 'topic-ready', topic });
  }
}
