/**
 * Shard outboxes: what the topic registry has yet to tell the topic tables of the shards, in order for each shard, for a ring may be
 * full. A topic waits by its name and goes out as it is then. Owned by the registry; never blocks and loses nothing, but for a
 * shard that is not there: it asks for everything when it starts.
 */
import type { ActorRef } from '../../runtime/actor.ts';
import type { TableVersion, TopicConfig } from './topic-config.ts';
import type { TopicTableCommand } from './topic-table-actor.ts';

/** What the outboxes read of the registry. */
export interface SavedTopics {
  readonly version: TableVersion;
  names(): Iterable<string>;
  get(topic: string): { readonly config: TopicConfig; readonly handles: Int32Array } | undefined;
}

/** A topic to tell, for whose telling the batch waits (0: none); `begin` and `complete` frame a full sending. */
type Outgoing = { readonly what: 'topic' | 'begin' | 'complete'; readonly topic: string; readonly batch: number };

/** `isThere`: the shard asked for its topics, or had the time to. Before that nobody would hear what is told. */
type Outbox = { readonly target: ActorRef<TopicTableCommand>; queue: Outgoing[]; token: string; isThere: boolean };

export class ShardOutboxes {
  readonly #outboxes: readonly Outbox[];
  readonly #topics: SavedTopics;

  /** @param targets the shards' topic tables, in order. */
  constructor(targets: readonly ActorRef<TopicTableCommand>[], topics: SavedTopics) {
    this.#outboxes = targets.map((target) => ({ target, queue: [], token: '', isThere: false }));
    this.#topics = topics;
  }

  get areAllThere(): boolean {
    return this.#outboxes.every((outbox) => outbox.isThere);
  }

  /** A shard wants everything; the same token again is the same wish. */
  ask(shard: number, token: string): void {
    const outbox = this.#outboxes[shard];
    if (outbox === undefined || outbox.token === token) return;
    outbox.token = token;
    this.#addAll(outbox);
  }

  /** Shards that have not asked so far get everything. */
  addSilent(): void {
    for (const outbox of this.#outboxes) if (!outbox.isThere) this.#addAll(outbox);
  }

  /** Puts a topic on its way to all shards; gives their number. */
  add(topic: string, batch: number): number {
    let count = 0;
    for (const outbox of this.#outboxes) {
      if (!outbox.isThere) continue;
      outbox.queue.push({ what: 'topic', topic, batch });
      count++;
    }
    return count;
  }

  /** Tells what the rings take; `onTold` hears each batch's part. False: something is left. */
  flush(onTold: (batch: number) => void): boolean {
    let isEmpty = true;
    for (const outbox of this.#outboxes) {
      const { queue } = outbox;
      let told = 0;
      while (told < queue.length && outbox.target.tell(this.#message(queue[told]!))) told++;
      outbox.queue = queue.slice(told);
      if (told < queue.length) isEmpty = false;
      for (let index = 0; index < told; index++) if (queue[index]!.batch !== 0) onTold(queue[index]!.batch);
    }
    return isEmpty;
  }

  /** All topics go ahead of the changes that wait; a full sending that had begun before is left out. */
  #addAll(outbox: Outbox): void {
    outbox.isThere = true;
    const all: Outgoing[] = [{ what: 'begin', topic: '', batch: 0 }];
    for (const topic of this.#topics.names()) all.push({ what: 'topic', topic, batch: 0 });
    all.push({ what: 'complete', topic: '', batch: 0 });
    outbox.queue = all.concat(outbox.queue.filter((item) => item.batch !== 0));
  }

  #message(item: Outgoing): TopicTableCommand {
    const { version } = this.#topics;
    if (item.what === 'begin') return { kind: 'topics-begin' };
    if (item.what === 'complete') return { kind: 'topics-complete', version };
    const entry = this.#topics.get(item.topic);
    if (entry === undefined) return { kind: 'topic-removed', topic: item.topic, version };
    const handles = new Uint8Array(entry.handles.buffer, entry.handles.byteOffset, entry.handles.byteLength);
    return { kind: 'topic-changed', config: entry.config, handles, version };
  }
}
