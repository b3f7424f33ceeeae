/**
 * Committed offsets of one group, and which of them the offset store has not yet confirmed. Pure. An offset goes wherever a
 * client sets it, also back; by itself it never moves. What is loaded from the store never overwrites what came since.
 * Source: RocketMQ `ConsumerOffsetManager`.
 */
import { OFFSETS_PER_GROUP_MAX } from './group-limits.ts';

/** Offsets as they travel between actors: three columns of equal length. */
export type OffsetColumns = { readonly topics: string[]; readonly queueIds: number[]; readonly offsets: number[] };

export class CommittedOffsets {
  readonly #byTopic: Map<string, Map<number, number>> = new Map();
  #count = 0;
  #dirty: Map<string, Set<number>> = new Map();
  #flying: Map<string, Set<number>> = new Map();
  /** Queues whose last commit went back. */
  readonly #back: Map<string, Set<number>> = new Map();

  get count(): number {
    return this.#count;
  }

  get isDirty(): boolean {
    return this.#dirty.size > 0;
  }

  /** -1: nothing committed. */
  get(topic: string, queueId: number): number {
    return this.#byTopic.get(topic)?.get(queueId) ?? -1;
  }

  topics(): IterableIterator<string> {
    return this.#byTopic.keys();
  }

  /** Of one topic by queue id. */
  of(topic: string): ReadonlyMap<number, number> | undefined {
    return this.#byTopic.get(topic);
  }

  /** Remembers `offset`; a negative one is ignored. False: the group has offsets of too many queues already. */
  commit(topic: string, queueId: number, offset: number): boolean {
    if (offset < 0) return true;
    let queues = this.#byTopic.get(topic);
    const known = queues?.get(queueId);
    if (known === offset) return true;
    if (known === undefined) {
      if (this.#count >= OFFSETS_PER_GROUP_MAX) return false;
      if (queues === undefined) this.#byTopic.set(topic, (queues = new Map()));
      this.#count++;
    }
    queues!.set(queueId, offset);
    mark(this.#dirty, topic, queueId);
    if (known !== undefined && offset < known) mark(this.#back, topic, queueId);
    else this.#back.get(topic)?.delete(queueId);
    return true;
  }

  /** Whether the last commit of the queue went back; nobody remembers that over a restart. */
  isSetBack(topic: string, queueId: number): boolean {
    return this.#back.get(topic)?.has(queueId) === true;
  }

  /** Takes over what the store knows, except where a client has been faster. What is not `isSaved` counts as changed. */
  load(columns: OffsetColumns, isSaved: boolean): void {
    for (let index = 0; index < columns.topics.length; index++) {
      const topic = columns.topics[index]!;
      const queueId = columns.queueIds[index]!;
      let queues = this.#byTopic.get(topic);
      if (queues?.has(queueId)) continue;
      if (queues === undefined) this.#byTopic.set(topic, (queues = new Map()));
      queues.set(queueId, columns.offsets[index]!);
      this.#count++;
      if (!isSaved) mark(this.#dirty, topic, queueId);
    }
  }

  forgetTopic(topic: string): void {
    const queues = this.#byTopic.get(topic);
    if (queues === undefined) return;
    this.#count -= queues.size;
    this.#byTopic.delete(topic);
    this.#dirty.delete(topic);
    this.#flying.delete(topic);
    this.#back.delete(topic);
  }

  forgetAll(): void {
    this.#byTopic.clear();
    this.#back.clear();
    this.#dirty = new Map();
    this.#flying = new Map();
    this.#count = 0;
  }

  /** Everything that is not confirmed, cut into columns of at most `max` entries; it counts as flying from now on. */
  takeDirty(max: number): OffsetColumns[] {
    const taken: OffsetColumns[] = [];
    let columns: OffsetColumns = { topics: [], queueIds: [], offsets: [] };
    for (const [topic, queueIds] of this.#dirty) {
      for (const queueId of queueIds) {
        if (columns.topics.length === max) {
          taken.push(columns);
          columns = { topics: [], queueIds: [], offsets: [] };
        }
        columns.topics.push(topic);
        columns.queueIds.push(queueId);
        columns.offsets.push(this.get(topic, queueId));
        mark(this.#flying, topic, queueId);
      }
    }
    if (columns.topics.length > 0) taken.push(columns);
    this.#dirty = new Map();
    return taken;
  }

  /** What was taken is on disk. */
  confirm(): void {
    this.#flying = new Map();
  }

  /** What was taken got lost: it is taken again next time, as it is then. */
  retry(): void {
    for (const [topic, queueIds] of this.#flying) for (const queueId of queueIds) mark(this.#dirty, topic, queueId);
    this.#flying = new Map();
  }
}

function mark(marks: Map<string, Set<number>>, topic: string, queueId: number): void {
  const queueIds = marks.get(topic);
  if (queueIds === undefined) marks.set(topic, new Set([queueId]));
  else queueIds.add(queueId);
}
