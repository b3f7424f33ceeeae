/**
 * Topic queues: the topics of one name-server shard and on which brokers they have queues. A state machine, as the route table whose part it is.
 *
 * A topic that was deleted is kept out for a minute against registrations that were composed before the deletion and arrive
 * after it: those bear a table version that was known at the deletion, or that is older than the deletion by its own time.
 * Source: RocketMQ 5.3 `RouteInfoManager`, `topicQueueTable`.
 */
import { PERM_WRITE } from '../../model/permission.ts';
import type { TableVersion } from '../topic/topic-config.ts';
import type { QueueRoute, RegisteredTopic } from './broker-registration.ts';

const TOMBSTONE_MS = 60_000;
/** A topic told by itself bears no version: within a moment of its deletion it counts as composed before. */
const COMPOSED_BEFORE_MS = 1_000;

/** A deleted topic: when, and the versions of the brokers' tables that were known then. */
type Tombstone = { readonly deletedAt: number; readonly versions: ReadonlyMap<string, TableVersion> };

export type TopicLimits = {
  /** Topics of this shard. */
  readonly topicsMax: number;
  /** Deleted topics kept out. */
  readonly tombstonesMax: number;
};

export class TopicQueues {
  readonly #limits: TopicLimits;
  /** Queue data by broker name, by topic. */
  readonly #topics: Map<string, Map<string, QueueRoute>> = new Map();
  readonly #tombstones: Map<string, Tombstone> = new Map();
  #version = 0;

  constructor(limits: TopicLimits) {
    this.#limits = limits;
  }

  get size(): number {
    return this.#topics.size;
  }

  /** Moves with every topic that comes or goes, so that a listing by pages sees that it is stale. */
  get version(): number {
    return this.#version;
  }

  /** The topic's queues by broker name; undefined: there is no such topic. */
  get(topic: string): ReadonlyMap<string, QueueRoute> | undefined {
    return this.#topics.get(topic);
  }

  /**
   * What a broker registers. Gives the number of topics for which there was no room.
   * @param isActing the broker is a slave that acts for its master, and serves reads only
   * @param isNew the registration brings something new: else topics that are here already stay as they are
   */
  register(
    { brokerName, version }: { readonly brokerName: string; readonly version: TableVersion },
    topics: readonly RegisteredTopic[],
    isActing: boolean,
    isNew: boolean,
    now: number,
  ): number {
    let refused = 0;
    for (const topic of topics) {
      const queues = this.#topics.get(topic.topicName);
      if (!isNew && queues?.has(brokerName) === true) continue;
      if (this.#isKeptOut(topic.topicName, brokerName, version, now)) continue;
      if (queues === undefined && this.#topics.size >= this.#limits.topicsMax) {
        refused++;
        continue;
      }
      const { readQueueNums, writeQueueNums, topicSysFlag } = topic;
      const perm = isActing ? topic.perm & ~PERM_WRITE : topic.perm;
      this.#put(topic.topicName, { brokerName, readQueueNums, writeQueueNums, perm, topicSysFlag });
    }
    return refused;
  }

  /** Queue data of one topic told by itself (request 217), of brokers that are known; false when there is no room. */
  add(topic: string, routes: readonly QueueRoute[], now: number): boolean {
    if (!this.#topics.has(topic) && this.#topics.size >= this.#limits.topicsMax) return false;
    const tombstone = this.#tombstones.get(topic);
    if (tombstone !== undefined && now - tombstone.deletedAt < COMPOSED_BEFORE_MS) return true;
    this.#tombstones.delete(topic);
    for (const route of routes) this.#put(topic, route);
    return true;
  }

  /** Deletes a topic on the brokers `names`, null: on all. @param versions of the brokers' tables, as they are known now */
  delete(topic: string, names: ReadonlySet<string> | null, versions: ReadonlyMap<string, TableVersion>, now: number): void {
    if (this.#tombstones.size >= this.#limits.tombstonesMax) this.#dropOldestTombstone();
    this.#tombstones.delete(topic);
    this.#tombstones.set(topic, { deletedAt: now, versions });
    const queues = this.#topics.get(topic);
    if (queues === undefined) return;
    for (const brokerName of [...queues.keys()]) if (names === null || names.has(brokerName)) queues.delete(brokerName);
    if (queues.size === 0) this.#drop(topic);
  }

  /** The broker is gone, and with it the topics that no other one has. */
  dropBroker(brokerName: string): void {
    for (const [topic, queues] of this.#topics) if (queues.delete(brokerName) && queues.size === 0) this.#drop(topic);
  }

  /** Changes the permission of every topic of a broker; gives their number. */
  changePerm(brokerName: string, change: (perm: number) => number): number {
    let count = 0;
    for (const queues of this.#topics.values()) {
      const route = queues.get(brokerName);
      if (route === undefined) continue;
      queues.set(brokerName, { ...route, perm: change(route.perm) });
      count++;
    }
    return count;
  }

  /** Topics that one of the brokers `names` has; null: all. */
  names(names: ReadonlySet<string> | null): string[] {
    if (names === null) return [...this.#topics.keys()];
    const topics: string[] = [];
    for (const [topic, queues] of this.#topics) {
      for (const brokerName of queues.keys()) {
        if (!names.has(brokerName)) continue;
        topics.push(topic);
        break;
      }
    }
    return topics;
  }

  #put(topic: string, route: QueueRoute): void {
    let queues = this.#topics.get(topic);
    if (queues === undefined) {
      queues = new Map();
      this.#topics.set(topic, queues);
      this.#version++;
    }
    queues.set(route.brokerName, route);
  }

  #drop(topic: string): void {
    this.#topics.delete(topic);
    this.#version++;
  }

  #isKeptOut(topic: string, brokerName: string, version: TableVersion, now: number): boolean {
    const tombstone = this.#tombstones.get(topic);
    if (tombstone === undefined) return false;
    if (now - tombstone.deletedAt >= TOMBSTONE_MS) {
      this.#tombstones.delete(topic);
      return false;
    }
    const known = tombstone.versions.get(brokerName);
    if (known !== undefined && !isLater(version, known)) return true;
    return version.timestamp < tombstone.deletedAt;
  }

  #dropOldestTombstone(): void {
    const [oldest] = this.#tombstones.keys();
    if (oldest !== undefined) this.#tombstones.delete(oldest);
  }
}

function isLater(version: TableVersion, than: TableVersion): boolean {
  if (version.stateVersion !== than.stateVersion) return version.stateVersion > than.stateVersion;
  if (version.timestamp !== than.timestamp) return version.timestamp > than.timestamp;
  return version.counter > than.counter;
}
