/**
 * Topic-table actor: fills one shard's topic table with what the topic registry tells. One a shard, at
 * `<shard thread>/topic-table`. After a start (of the shard, or of this actor) it asks the registry for everything until it has
 * come; what a registry that was restarted sends on its own is taken the same way, and topics that it no longer has are
 * dropped at the end. Fails by assertion only; restarted with an empty table, which is then filled again.
 */

import type { Actor, ActorContext, ActorRef } from '../../runtime/actor.ts';
import { TOPIC_REGISTRY_PATH } from '../broker/actor-paths.ts';
import type { TableVersion, TopicConfig } from './topic-config.ts';
import type { TopicTable } from './topic-table.ts';
import { topicState } from './topic-table.ts';

/** All topics follow, up to `topics-complete`. */
export type TopicsBegin = { kind: 'topics-begin' };
/** A topic as it is now; `handles` are int32 in the machine's order, one for each queue id. */
export type TopicChanged = { kind: 'topic-changed'; config: TopicConfig; handles: Uint8Array; version: TableVersion };
export type TopicRemoved = { kind: 'topic-removed'; topic: string; version: TableVersion };
export type TopicsComplete = { kind: 'topics-complete'; version: TableVersion };
export type TopicTableCommand = TopicsBegin | TopicChanged | TopicRemoved | TopicsComplete;
/** Told to the registry: a shard's topic table is empty and wants everything; again with the same token until it has come. */
export type TopicTableStarted = { kind: 'topic-table-started'; shard: number; token: string };
type AskAgain = { kind: 'ask-again' };

const ASK_AGAIN_MIN_MS = 10;
const ASK_AGAIN_MAX_MS = 500;

export function topicTablePath(shardName: string): string {
  return `${shardName}/topic-table`;
}

export class TopicTableActor implements Actor<TopicTableCommand | AskAgain> {
  readonly #table: TopicTable;
  readonly #shard: number;
  readonly #generation: number;
  #registry: ActorRef<TopicTableStarted> | null = null;
  /** Names that came since `topics-begin`; null outside. */
  #seen: Set<string> | null = null;
  #complete = false;
  #token = '';
  #askAgainMs = ASK_AGAIN_MIN_MS;

  /** @param shard position of this shard among the shards; @param generation of its thread. */
  constructor(table: TopicTable, shard: number, generation: number) {
    this.#table = table;
    this.#shard = shard;
    this.#generation = generation;
  }

  started(context: ActorContext): void {
    this.#table.clear();
    this.#registry = context.ref<TopicTableStarted>(TOPIC_REGISTRY_PATH);
    this.#token = `${this.#generation}.${context.now()}.${Math.floor(context.random() * 1e9)}`;
    this.#ask(context);
  }

  receive(message: TopicTableCommand | AskAgain, context: ActorContext): void {
    switch (message.kind) {
      case 'topics-begin':
        this.#seen = new Set();
        return;
      case 'topic-changed': {
        const { config, handles } = message;
        // The bytes of a message may lie at any offset; an Int32Array may not.
        const own = new Int32Array(handles.byteLength >> 2);
        new Uint8Array(own.buffer).set(handles);
        this.#table.put(topicState(config, own, this.#table.brokerPermission));
        this.#table.version = message.version;
        this.#seen?.add(config.topicName);
        return;
      }
      case 'topic-removed':
        this.#table.remove(message.topic);
        this.#table.version = message.version;
        this.#seen?.delete(message.topic);
        return;
      case 'topics-complete':
        this.#dropUnseen();
        this.#table.version = message.version;
        this.#table.complete = true;
        this.#complete = true;
        return;
      case 'ask-again':
        if (!this.#complete) this.#ask(context);
        return;
    }
  }

  /** Repeated until everything came: the registry's thread may start after this one, or start again in between. */
  #ask(context: ActorContext): void {
    this.#registry?.tell({ kind: 'topic-table-started', shard: this.#shard, token: this.#token });
    context.schedule(this.#askAgainMs, { kind: 'ask-again' });
    this.#askAgainMs = Math.min(ASK_AGAIN_MAX_MS, this.#askAgainMs * 2);
  }

  #dropUnseen(): void {
    const seen = this.#seen;
    this.#seen = null;
    if (seen === null) return;
    for (const state of [...this.#table.all()]) if (!seen.has(state.name)) this.#table.remove(state.name);
  }
}
