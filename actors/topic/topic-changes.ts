/**
 * Topic changes: the topics as they are saved, and the changes that are decided and not yet saved. Decisions see both at once. Pure; the topic
 * registry's.
 */
import type { ActorRef } from '../../runtime/actor.ts';
import type { TopicConfig } from './topic-config.ts';
import type { TopicReply } from './topic-messages.ts';
import type { TopicLookup } from './topic-rules.ts';
import { topicLine } from './topics-json.ts';

/** A saved topic: its queues' handles, and its line of the file, which is made once. */
export type SavedTopic = { readonly config: TopicConfig; readonly handles: Int32Array; readonly line: string };

/** A decided change that is not yet saved. `config` null: deleted. */
export type TopicChange = {
  readonly seq: number;
  readonly topic: string;
  readonly config: TopicConfig | null;
  readonly handles: Int32Array;
  /** Its line of the file; empty when deleted. */
  readonly line: string;
  readonly waiters: ActorRef<TopicReply>[];
};

export class TopicChanges implements TopicLookup {
  /** Saved topics, which shards and name servers may know. */
  readonly saved: Map<string, SavedTopic> = new Map();
  /** Changes decided and not yet saved, oldest first, and the newest of each topic among them. */
  #changes: TopicChange[] = [];
  readonly #newest: Map<string, TopicChange> = new Map();
  #count = 0;
  #nextSeq = 1;

  /** A topic of the file. */
  load(config: TopicConfig, handles: Int32Array): void {
    this.saved.set(config.topicName, { config, handles, line: topicLine(config) });
    this.#count = this.saved.size;
  }

  /** The topic as decisions see it: with the changes that are under way. */
  get(topic: string): TopicConfig | undefined {
    const change = this.#newest.get(topic);
    if (change !== undefined) return change.config ?? undefined;
    return this.saved.get(topic)?.config;
  }

  /** Topics that there are or that are being made. */
  get size(): number {
    return this.#count;
  }

  /** Changes that wait to be saved. */
  get waiting(): number {
    return this.#changes.length;
  }

  /** Number of the last change that waits to be saved; 0: none does. */
  get lastSeq(): number {
    return this.#changes.at(-1)?.seq ?? 0;
  }

  add(topic: string, config: TopicConfig | null, handles: Int32Array, replyTo: ActorRef<TopicReply> | null): void {
    const before = this.get(topic);
    const line = config === null ? '' : topicLine(config);
    const change = { seq: this.#nextSeq++, topic, config, handles, line, waiters: replyTo === null ? [] : [replyTo] };
    this.#changes.push(change);
    this.#newest.set(topic, change);
    if (before === undefined && config !== null) this.#count++;
    if (before !== undefined && config === null) this.#count--;
  }

  /** Has `replyTo` wait with the topic's change; false: there is none under way. */
  join(topic: string, replyTo: ActorRef<TopicReply>): boolean {
    const change = this.#newest.get(topic);
    change?.waiters.push(replyTo);
    return change !== undefined;
  }

  /** The file's lines with everything that is decided. */
  lines(): string[] {
    const lines: string[] = [];
    for (const [name, entry] of this.saved) if (!this.#newest.has(name)) lines.push(entry.line);
    for (const change of this.#newest.values()) if (change.config !== null) lines.push(change.line);
    return lines;
  }

  /** The file has the changes up to `seq`; gives them. */
  landed(seq: number): TopicChange[] {
    const done = this.#changes.filter((change) => change.seq <= seq);
    this.#changes = this.#changes.filter((change) => change.seq > seq);
    for (const change of done) {
      const { topic, config, handles, line } = change;
      if (config === null) this.saved.delete(topic);
      else this.saved.set(topic, { config, handles, line });
      if (this.#newest.get(topic) === change) this.#newest.delete(topic);
    }
    return done;
  }

  /** The file is as it was, so are the topics; changes decided after those of the failed save build on them. Gives them all. */
  drop(): TopicChange[] {
    const changes = this.#changes;
    this.#changes = [];
    this.#newest.clear();
    this.#count = this.saved.size;
    return changes;
  }
}
