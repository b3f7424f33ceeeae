/**
 * All consume queues of a store. Owns their descriptors (one bounded cache for all) and the list of topics and queues;
 * a queue costs a small object until it is used. One writer; readers open a set of their own, read-only.
 * Fails by `DiskError`, the errors of `ConsumeQueue` and MQ_STORAGE_BAD_NAME.
 * Source: RocketMQ 5.3 `ConsumeQueueStore`.
 */
import { join, sep } from 'node:path';
import { DescriptorCache } from '../descriptor-cache.ts';
import { StorageError } from '../errors.ts';
import type { Disk } from '../file.ts';
import { segmentName } from '../segment-set.ts';
import { ConsumeQueue, UNITS_PER_FILE } from './consume-queue.ts';
import type { QueueRange, QueueTable } from './queue-table.ts';
import { QUEUE_UNIT_BYTES } from './queue-unit.ts';

export type ConsumeQueueSetOptions = {
  readonly isWritable: boolean;
  /** Descriptors held at once. Default 512. */
  readonly openMax?: number;
  /** Default 300 000, Java's. */
  readonly unitsPerFile?: number;
  /** The store was not stopped in order: files may hold units that no message has. Default false. */
  readonly isTailSuspect?: boolean;
};

/** A file name's limit; a topic has 127 bytes at most, a retry topic 255. */
const TOPIC_BYTES_MAX = 255;
const QUEUE_ID = /^(0|[1-9]\d{0,9})$/;

const nothing = (): void => {};

export class ConsumeQueueSet {
  readonly directory: string;
  readonly #disk: Disk;
  readonly #options: ConsumeQueueSetOptions;
  readonly #cache: DescriptorCache;
  readonly #topics: Map<string, Map<number, ConsumeQueue>> = new Map();
  readonly #dirty: Set<ConsumeQueue> = new Set();

  private constructor(disk: Disk, directory: string, options: ConsumeQueueSetOptions) {
    this.#disk = disk;
    this.directory = directory;
    this.#options = options;
    this.#cache = new DescriptorCache(disk, options.openMax ?? 512);
  }

  /** A set over `directory`; knows no queue before `adopt`, `scan` or `queue`. */
  static open(disk: Disk, directory: string, options: ConsumeQueueSetOptions): ConsumeQueueSet {
    if (options.isWritable) disk.makeDirectory(directory);
    return new ConsumeQueueSet(disk, directory, options);
  }

  /** The queue, known from now on. No file is touched. */
  queue(topic: string, queueId: number): ConsumeQueue {
    const known = this.find(topic, queueId);
    if (known !== null) return known;
    refuseBadName(topic, queueId);
    let queues = this.#topics.get(topic);
    if (queues === undefined) {
      queues = new Map();
      this.#topics.set(topic, queues);
    }
    const { isWritable, isTailSuspect, unitsPerFile } = this.#options;
    const directory = `${this.directory}${sep}${topic}${sep}${queueId}`;
    const units = unitsPerFile ?? UNITS_PER_FILE;
    const queue = new ConsumeQueue(this.#disk, this.#cache, directory, topic, queueId, units, isWritable, isTailSuspect ?? false);
    queues.set(queueId, queue);
    return queue;
  }

  find(topic: string, queueId: number): ConsumeQueue | null {
    return this.#topics.get(topic)?.get(queueId) ?? null;
  }

  /** Appends to `queue` and remembers that it needs a sync. */
  append(queue: ConsumeQueue, bytes: Uint8Array, offset: number, length: number, unitOffset: number): void {
    queue.append(bytes, offset, length, unitOffset);
    this.#dirty.add(queue);
  }

  topics(): string[] {
    return [...this.#topics.keys()];
  }

  /** Ids of the topic's queues in ascending order. */
  queueIds(topic: string): number[] {
    return [...(this.#topics.get(topic)?.keys() ?? [])].sort((one, other) => one - other);
  }

  *queues(): IterableIterator<ConsumeQueue> {
    for (const queues of this.#topics.values()) yield* queues.values();
  }

  get queueCount(): number {
    let count = 0;
    for (const queues of this.#topics.values()) count += queues.size;
    return count;
  }

  /** Takes the ranges of a snapshot; opens no file. */
  adopt(table: QueueTable): void {
    for (const [topic, ranges] of table.topics) {
      for (const { queueId, min, max } of ranges) this.queue(topic, queueId).setRange(min, max);
    }
  }

  /**
   * Whether the files with the last units of a snapshot's queues are there, full-sized. With more than `queuesMax` queues only
   * the topics' directories are looked for, so that a start takes as long for any number of queues.
   */
  areFilesThere(table: QueueTable, queuesMax: number): boolean {
    const directories = new Set(this.#disk.list(this.directory));
    const units = this.#options.unitsPerFile ?? UNITS_PER_FILE;
    let looked = 0;
    for (const [topic, ranges] of table.topics) {
      for (const { queueId, min, max } of ranges) {
        if (max === min) continue;
        if (!directories.has(topic)) return false;
        if (looked++ >= queuesMax) continue;
        const first = max - 1 - ((max - 1) % units);
        const path = `${this.directory}${sep}${topic}${sep}${queueId}${sep}${segmentName(first * QUEUE_UNIT_BYTES)}`;
        if (!this.#disk.exists(path) || this.#disk.sizeOf(path) !== units * QUEUE_UNIT_BYTES) return false;
      }
    }
    return true;
  }

  /** Files of queues that were short or out of place and were mended: units are missing. */
  mended(): string[] {
    return [...this.queues()].flatMap((queue) => [...queue.mended]);
  }

  /** Finds all queues and their ranges in the files, for a store without a snapshot; minima are corrected to `logMin`. `onQueue`: one more is done. */
  scan(logMin: number, onQueue: () => void = nothing): void {
    for (const topic of this.#disk.list(this.directory)) {
      if (!isTopicName(topic)) continue;
      for (const name of this.#disk.list(join(this.directory, topic))) {
        if (!QUEUE_ID.test(name)) continue;
        const queue = this.queue(topic, Number(name));
        queue.recover();
        queue.correctMin(logMin);
        if (queue.isDirty) this.#dirty.add(queue);
        onQueue();
      }
    }
  }

  /** Drops units of messages at or behind `position` in the log, in all queues. */
  truncatePhysical(position: number, onQueue: () => void = nothing): void {
    for (const queue of this.queues()) {
      queue.truncatePhysical(position);
      onQueue();
    }
  }

  /** As `truncatePhysical`, and leaves the files as they are: another thread reads them. */
  rewindPhysical(position: number, onQueue: () => void = nothing): void {
    for (const queue of this.queues()) {
      queue.rewindPhysical(position);
      onQueue();
    }
  }

  /** Corrects all minima: the log begins at `logMin` now. */
  correctMin(logMin: number): void {
    for (const queue of this.queues()) queue.correctMin(logMin);
  }

  /** The ranges as a snapshot has them. */
  ranges(): Map<string, QueueRange[]> {
    const topics = new Map<string, QueueRange[]>();
    for (const [topic, queues] of this.#topics) {
      topics.set(
        topic,
        [...queues.values()].map((queue) => ({ queueId: queue.queueId, min: queue.minOffset, max: queue.maxOffset })),
      );
    }
    return topics;
  }

  /** Position behind the last message that has a unit, over all queues. */
  maxPhysicalOffset(): number {
    let max = 0;
    for (const queue of this.queues()) max = Math.max(max, queue.maxPhysicalOffset());
    return max;
  }

  /** Queues with units that are not synced. */
  get dirtyCount(): number {
    return this.#dirty.size;
  }

  /** Makes up to `queuesMax` queues with new units last a power cut, names included. True: none is left. */
  flush(queuesMax: number = Number.MAX_SAFE_INTEGER): boolean {
    const topics = new Set<string>();
    let done = 0;
    for (const queue of this.#dirty) {
      if (done++ >= queuesMax) break;
      if (queue.flush()) topics.add(queue.topic);
      this.#dirty.delete(queue);
    }
    for (const topic of topics) this.#disk.syncDirectory(join(this.directory, topic));
    if (topics.size > 0) this.#disk.syncDirectory(this.directory);
    return this.#dirty.size === 0;
  }

  /** Removes files whose messages are all before `commitLogMin`, in all queues. Returns how many. */
  removeBefore(commitLogMin: number): number {
    let removed = 0;
    for (const queue of this.queues()) removed += queue.removeBefore(commitLogMin);
    return removed;
  }

  /**
   * Removes what a crash left of topics that were being deleted: queues whose messages all lie before the position of the deletion.
   * A topic of the same name that was made since has its messages behind it.
   */
  removeDeleted(deleted: ReadonlyMap<string, number>, logMin: number): void {
    for (const [topic, position] of deleted) {
      // What retention has emptied ends nowhere in the log, and goes on from where it was.
      if (position < logMin || !isTopicName(topic)) continue;
      const isKnown = this.#topics.has(topic);
      for (const name of isKnown ? this.queueIds(topic).map(String) : this.#disk.list(join(this.directory, topic))) {
        if (!QUEUE_ID.test(name)) continue;
        const queue = this.queue(topic, Number(name));
        if (!isKnown) queue.recover();
        if (queue.maxPhysicalOffset() > position) continue;
        this.#dirty.delete(queue);
        queue.removeFiles();
        this.#topics.get(topic)?.delete(queue.queueId);
      }
      if (this.#topics.get(topic)?.size === 0) this.removeTopic(topic);
      else if (!isKnown) this.forget(topic);
    }
  }

  /** Lets go of a topic's files, which somebody else has removed or is about to. */
  forget(topic: string): void {
    for (const queue of this.#topics.get(topic)?.values() ?? []) {
      queue.close();
      this.#dirty.delete(queue);
    }
    this.#topics.delete(topic);
  }

  /** Forgets a topic and removes its files. */
  removeTopic(topic: string): void {
    for (const queue of this.#topics.get(topic)?.values() ?? []) {
      this.#dirty.delete(queue);
      queue.removeFiles();
    }
    this.#topics.delete(topic);
    this.#disk.remove(join(this.directory, topic));
    this.#disk.syncDirectory(this.directory);
  }

  close(): void {
    this.#cache.close();
  }
}

/** Whether the name may be a directory's: names come from clients and must not lead elsewhere. */
function isTopicName(topic: string): boolean {
  if (topic === '' || topic === '.' || topic === '..' || Buffer.byteLength(topic) > TOPIC_BYTES_MAX) return false;
  return !topic.includes('/') && !topic.includes('\\') && !topic.includes('\0');
}

function refuseBadName(topic: string, queueId: number): void {
  if (isTopicName(topic) && Number.isInteger(queueId) && queueId >= 0) return;
  const shown = JSON.stringify(topic.slice(0, TOPIC_BYTES_MAX));
  throw new StorageError(
    'MQ_STORAGE_BAD_NAME',
    `Queue ${queueId} of topic ${shown} cannot be a directory: a topic has 1 to ${TOPIC_BYTES_MAX} bytes without / \\ and NUL, a queue id is not negative`,
    { topic: shown, queueId },
  );
}
