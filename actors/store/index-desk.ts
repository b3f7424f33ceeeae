/**
 * Index desk: brings what the log worker has fed to the index files, and finds messages by their keys in both. The store actor's. Fails by
 * throwing the disk's error; what it holds in memory then is written before more is put there.
 * Source: RocketMQ 5.3 `IndexService.buildIndex`, `queryOffset`.
 */
import { type IndexSet, QUERY_ENTRIES_MAX } from '../../storage/index/index-set.ts';
import { indexKeyHash } from '../../storage/index/key-hash.ts';
import type { IndexFeed } from '../commit-log/index-feed.ts';
import type { IndexFound } from './store-messages.ts';

/** Positions in one answer: it has to fit a ring record. */
const FOUND_MAX = 1024;

/** What the index itself says. */
export type IndexEntries = Pick<IndexFound, 'physical' | 'endTimestamp' | 'endPosition' | 'isCut'>;

export const NONE_FOUND: IndexEntries = { physical: [], endTimestamp: 0, endPosition: 0, isCut: false };

export class IndexDesk {
  readonly #index: IndexSet | null;
  readonly #feed: IndexFeed;
  readonly #indexedTo: number;
  /** A write of the index failed: what it holds in memory is written before more is put there. */
  #isBehind = false;
  readonly #put = (keyHash: number, physical: number, storeTimestamp: number): void => {
    if (physical >= this.#indexedTo) this.#index!.put(keyHash, physical, storeTimestamp);
  };
  readonly #drop = (): void => {};
  readonly #touch = (keyHash: number): number => this.#index!.touch(keyHash);

  /** @param index null: none is kept. @param indexedTo entries of records before it are there already */
  constructor(index: IndexSet | null, feed: IndexFeed, indexedTo: number) {
    this.#index = index;
    this.#feed = feed;
    this.#indexedTo = indexedTo;
  }

  get isKept(): boolean {
    return this.#index !== null;
  }

  /** Files what was fed; gives how many entries. */
  takeFeed(): number {
    const feed = this.#feed;
    if (feed.waiting === 0) return 0;
    if (this.#index === null) return feed.take(this.#drop);
    if (this.#isBehind) this.#index.flush();
    this.#isBehind = true;
    const taken = feed.take(this.#put, this.#touch);
    this.#isBehind = false;
    return taken;
  }

  /** @param begin and end: store times in ms */
  query(topic: string, key: string, max: number, begin: number, end: number): IndexEntries {
    const index = this.#index;
    if (index === null) return NONE_FOUND;
    // What is acknowledged is found: its entries may still lie in the feed.
    this.takeFeed();
    const budget = { entries: QUERY_ENTRIES_MAX };
    const found = index.query(indexKeyHash(topic, key), Math.max(0, Math.min(max, FOUND_MAX)), begin, end, budget);
    // An entry may stand there twice after a write that failed.
    const physical = [...new Set(found)];
    return { physical, endTimestamp: index.endTimestamp, endPosition: Math.max(0, index.endPosition), isCut: budget.entries === 0 };
  }
}
