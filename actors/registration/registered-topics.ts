/**
 * Registered topics (pure): the registration actor's copy of the topics: what changed, and what is fetched page by page while changes go on. One an
 * actor. Cannot fail; a page of a fetch that was begun anew is nobody's.
 */
import type { TableVersion, TopicConfig } from '../topic/topic-config.ts';
import type { TopicSource } from './name-server-link.ts';

/** Null: the topic was deleted. */
export type TopicChange = readonly [name: string, config: TopicConfig | null];

export class RegisteredTopics implements TopicSource {
  #topics: Map<string, TopicConfig> = new Map();
  #version: TableVersion = { stateVersion: 0, timestamp: 0, counter: 0 };
  #isLoaded = false;
  #fetch = 0;
  #fetched: Map<string, TopicConfig> = new Map();
  /** Changes that came while the topics were being fetched; null when they are not. */
  #late: Map<string, TopicConfig | null> | null = null;

  get version(): TableVersion {
    return this.#version;
  }

  get size(): number {
    return this.#topics.size;
  }

  all(): Iterable<TopicConfig> {
    return this.#topics.values();
  }

  /** False until all topics are here: nothing is registered before. */
  get isLoaded(): boolean {
    return this.#isLoaded;
  }

  /** Number of the fetch at hand. */
  get fetch(): number {
    return this.#fetch;
  }

  /** A fetch is to be begun a little later: a former one counts no more. */
  putOffFetch(): number {
    return ++this.#fetch;
  }

  beginFetch(): void {
    this.#fetch++;
    this.#fetched = new Map();
    this.#late = new Map();
  }

  /** A page of the fetch at hand. True: it was the last, the copy is whole. */
  page(topics: readonly TopicConfig[], isLast: boolean, version: TableVersion): boolean {
    for (const topic of topics) this.#fetched.set(topic.topicName, topic);
    if (!isLast) return false;
    this.#topics = this.#fetched;
    this.#fetched = new Map();
    // The registry told changes and pages in its own order, so a change is never older than the page.
    for (const [name, config] of this.#late ?? []) this.#apply(name, config);
    this.#late = null;
    this.noteVersion(version);
    this.#isLoaded = true;
    return true;
  }

  change(changes: readonly TopicChange[], version: TableVersion): void {
    this.noteVersion(version);
    for (const [name, config] of changes) {
      this.#late?.set(name, config);
      this.#apply(name, config);
    }
  }

  noteVersion(version: TableVersion): void {
    if (version.counter >= this.#version.counter) this.#version = version;
  }

  #apply(name: string, config: TopicConfig | null): void {
    if (config === null) this.#topics.delete(name);
    else this.#topics.set(name, config);
  }
}
