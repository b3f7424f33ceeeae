/**
 * The locks of all groups as queueLocks.json has them: `{"lockTable":{"<group>":{"<topic>":{"<queueId>":"<clientId>"}}}}`. Pure. Bounded by
 * `LOCKS_SAVED_MAX`: a lock beyond it is held all the same, but not over a restart.
 */
import type { QueueColumns } from './queue-locks.ts';

export const LOCKS_FILE = 'queueLocks.json';
/** Queues of all groups. */
export const LOCKS_SAVED_MAX = 100_000;

/** Locked queues in three columns of equal length. */
export type LockColumns = { readonly topics: string[]; readonly queueIds: number[]; readonly clientIds: string[] };

type Topics = Map<string, Map<number, string>>;

export class LockTable {
  readonly #groups: Map<string, Topics> = new Map();
  #size = 0;

  get size(): number {
    return this.#size;
  }

  groups(): IterableIterator<string> {
    return this.#groups.keys();
  }

  /** False: there is no room. */
  put(group: string, topic: string, queueId: number, clientId: string): boolean {
    let topics = this.#groups.get(group);
    let queues = topics?.get(topic);
    if (queues?.has(queueId) !== true && this.#size >= LOCKS_SAVED_MAX) return false;
    if (topics === undefined) this.#groups.set(group, (topics = new Map()));
    if (queues === undefined) topics.set(topic, (queues = new Map()));
    if (!queues.has(queueId)) this.#size++;
    queues.set(queueId, clientId);
    return true;
  }

  /** True: something was there. */
  free(group: string, { topics: names, queueIds }: QueueColumns): boolean {
    const topics = this.#groups.get(group);
    let isChanged = false;
    for (const [index, name] of names.entries()) {
      const queues = topics?.get(name);
      if (queues?.delete(queueIds[index]!) !== true) continue;
      isChanged = true;
      this.#size--;
      if (queues.size === 0) topics!.delete(name);
    }
    if (topics?.size === 0) this.#groups.delete(group);
    return isChanged;
  }

  drop(group: string): boolean {
    for (const queues of this.#groups.get(group)?.values() ?? []) this.#size -= queues.size;
    return this.#groups.delete(group);
  }

  /** Locks of a group from number `from` on, at most `max`, and where the next page begins; −1: this was the last. */
  page(group: string, from: number, max: number): { readonly columns: LockColumns; readonly next: number } {
    const columns: LockColumns = { topics: [], queueIds: [], clientIds: [] };
    let index = 0;
    for (const [topic, queues] of this.#groups.get(group) ?? []) {
      for (const [queueId, clientId] of queues) {
        if (index++ < from || columns.topics.length === max) continue;
        columns.topics.push(topic);
        columns.queueIds.push(queueId);
        columns.clientIds.push(clientId);
      }
    }
    const end = from + columns.topics.length;
    return { columns, next: end < index ? end : -1 };
  }

  text(): string {
    const lockTable: Record<string, Record<string, Record<string, string>>> = {};
    for (const [group, topics] of this.#groups) {
      const plain: Record<string, Record<string, string>> = (lockTable[group] = {});
      for (const [topic, queues] of topics) plain[topic] = Object.fromEntries(queues);
    }
    return JSON.stringify({ lockTable }, null, 1);
  }

  /** Takes what a file says; what is no lock in it is passed over. */
  load(parsed: unknown): void {
    for (const [group, topics] of entries(member(parsed, 'lockTable'))) {
      for (const [topic, queues] of entries(topics)) {
        for (const [id, clientId] of entries(queues)) {
          const queueId = Number(id);
          if (Number.isSafeInteger(queueId) && queueId >= 0 && typeof clientId === 'string' && clientId !== '') {
            this.put(group, topic, queueId, clientId);
          }
        }
      }
    }
  }
}

function member(value: unknown, name: string): unknown {
  return entries(value).find(([key]) => key === name)?.[1];
}

function entries(value: unknown): [string, unknown][] {
  return typeof value === 'object' && value !== null && !Array.isArray(value) ? Object.entries(value) : [];
}
