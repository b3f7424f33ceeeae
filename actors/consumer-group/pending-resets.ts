/**
 * Offsets of one group that a tool has set and that no pull has taken yet: until then commits of such a queue are passed over, and the next pull
 * of it is told to go on there. Pure. In memory only, as in Java: what was set is committed as well, and that is what a restart finds.
 * Source: RocketMQ 5.3 `ConsumerOffsetManager.resetOffsetTable`.
 */
import type { OffsetColumns } from './committed-offsets.ts';

export class PendingResets {
  readonly #byTopic: Map<string, Map<number, number>> = new Map();
  #size = 0;

  /** Queues. */
  get size(): number {
    return this.#size;
  }

  has(topic: string, queueId: number): boolean {
    return this.#byTopic.get(topic)?.has(queueId) === true;
  }

  /** −1: none. */
  get(topic: string, queueId: number): number {
    return this.#byTopic.get(topic)?.get(queueId) ?? -1;
  }

  put(topic: string, queueId: number, offset: number): void {
    let queues = this.#byTopic.get(topic);
    if (queues === undefined) this.#byTopic.set(topic, (queues = new Map()));
    if (!queues.has(queueId)) this.#size++;
    queues.set(queueId, offset);
  }

  /** The offset, which is not pending any more; −1: none was. */
  take(topic: string, queueId: number): number {
    const queues = this.#byTopic.get(topic);
    const offset = queues?.get(queueId);
    if (queues === undefined || offset === undefined) return -1;
    queues.delete(queueId);
    if (queues.size === 0) this.#byTopic.delete(topic);
    this.#size--;
    return offset;
  }

  /** The queues of `topic` that were pending. */
  forgetTopic(topic: string): OffsetColumns {
    const columns: OffsetColumns = { topics: [], queueIds: [], offsets: [] };
    for (const queueId of this.#byTopic.get(topic)?.keys() ?? []) add(columns, topic, queueId, -1);
    this.#size -= columns.topics.length;
    this.#byTopic.delete(topic);
    return columns;
  }

  clear(): void {
    this.#byTopic.clear();
    this.#size = 0;
  }

  /** Takes over columns; an offset of −1 is not pending. */
  load(columns: OffsetColumns): void {
    for (const [index, topic] of columns.topics.entries()) {
      const offset = columns.offsets[index]!;
      if (offset >= 0) this.put(topic, columns.queueIds[index]!, offset);
      else this.take(topic, columns.queueIds[index]!);
    }
  }

  /** All of them in columns of at most `max` entries; none: one empty column. */
  pages(max: number): OffsetColumns[] {
    const all: OffsetColumns = { topics: [], queueIds: [], offsets: [] };
    for (const [topic, queues] of this.#byTopic) for (const [queueId, offset] of queues) add(all, topic, queueId, offset);
    return pagesOf(all, max);
  }
}

/** Columns cut into pages of at most `max` entries; at least one. */
export function pagesOf({ topics, queueIds, offsets }: OffsetColumns, max: number): OffsetColumns[] {
  const pages: OffsetColumns[] = [];
  for (let from = 0; from < Math.max(topics.length, 1); from += max) {
    const end = from + max;
    pages.push({ topics: topics.slice(from, end), queueIds: queueIds.slice(from, end), offsets: offsets.slice(from, end) });
  }
  return pages;
}

function add(columns: OffsetColumns, topic: string, queueId: number, offset: number): void {
  columns.topics.push(topic);
  columns.queueIds.push(queueId);
  columns.offsets.push(offset);
}
