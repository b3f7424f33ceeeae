/**
 * consumerOffset.json: committed offsets of all groups at rest, in RocketMQ's own shape, which a Java broker reads and writes too.
 * Pure. `{"dataVersion":{…},"offsetTable":{"<topic>@<group>":{"<queue>":offset}}}`. The text of a group is kept until one of its
 * offsets changes, so that saving costs what changed and not what there is. Source: RocketMQ `ConsumerOffsetManager`.
 */

import type { OffsetColumns } from './committed-offsets.ts';
import type { GroupTableVersion } from './group-config.ts';
import type { GroupLimits } from './group-limits.ts';

export const OFFSETS_FILE = 'consumerOffset.json';

/** A consumerOffset.json that is no offset table. */
export class OffsetsFileError extends Error {
  readonly code = 'MQ_GROUP_BAD_OFFSETS';

  constructor(reason: string) {
    super(`Cannot read ${OFFSETS_FILE}: ${reason}`);
    this.name = 'OffsetsFileError';
  }
}

/** A place among all offsets: group and entry of it, counted from 0. */
export type OffsetPlace = { readonly group: number; readonly entry: number };
/** Offsets of groups: four columns of equal length. */
export type OffsetPage = {
  readonly groups: string[];
  readonly topics: string[];
  readonly queueIds: number[];
  readonly offsets: number[];
  readonly next: OffsetPlace;
};

type GroupOffsets = { readonly topics: Map<string, Map<number, number>>; text: string | null };

export class OffsetTable {
  readonly #limits: Pick<GroupLimits, 'groupsMax'>;
  readonly #groups: Map<string, GroupOffsets> = new Map();
  #version: GroupTableVersion = { counter: 0, stateVersion: 0, timestamp: 0 };

  /** @param limits groups that may have offsets. */
  constructor(limits: Pick<GroupLimits, 'groupsMax'> = { groupsMax: Number.POSITIVE_INFINITY }) {
    this.#limits = limits;
  }

  get groupCount(): number {
    return this.#groups.size;
  }

  /** −1: none. */
  get(group: string, topic: string, queueId: number): number {
    return this.#groups.get(group)?.topics.get(topic)?.get(queueId) ?? -1;
  }

  groups(): IterableIterator<string> {
    return this.#groups.keys();
  }

  /** Of one group by topic and queue. */
  topicsOf(group: string): ReadonlyMap<string, ReadonlyMap<number, number>> {
    return this.#groups.get(group)?.topics ?? new Map();
  }

  /** Groups that have offsets of `topic`. */
  groupsOf(topic: string): string[] {
    const groups: string[] = [];
    for (const [group, offsets] of this.#groups) if (offsets.topics.has(topic)) groups.push(group);
    return groups;
  }

  /** False: there are too many groups. */
  put(group: string, topic: string, queueId: number, offset: number): boolean {
    let offsets = this.#groups.get(group);
    if (offsets === undefined) {
      if (this.#groups.size >= this.#limits.groupsMax) return false;
      offsets = { topics: new Map(), text: null };
      this.#groups.set(group, offsets);
    }
    let queues = offsets.topics.get(topic);
    if (queues === undefined) offsets.topics.set(topic, (queues = new Map()));
    if (queues.get(queueId) === offset) return true;
    queues.set(queueId, offset);
    offsets.text = null;
    return true;
  }

  drop(group: string): boolean {
    return this.#groups.delete(group);
  }

  dropTopic(group: string, topic: string): boolean {
    const offsets = this.#groups.get(group);
    if (offsets === undefined || !offsets.topics.delete(topic)) return false;
    offsets.text = null;
    if (offsets.topics.size === 0) this.#groups.delete(group);
    return true;
  }

  /** A group's offsets in columns of at most `max` entries; none: one empty column. */
  columns(group: string, max: number): OffsetColumns[] {
    const all: OffsetColumns[] = [{ topics: [], queueIds: [], offsets: [] }];
    let last = all[0]!;
    for (const [topic, queues] of this.#groups.get(group)?.topics ?? []) {
      for (const [queueId, offset] of queues) {
        if (last.topics.length === max) all.push((last = { topics: [], queueIds: [], offsets: [] }));
        last.topics.push(topic);
        last.queueIds.push(queueId);
        last.offsets.push(offset);
      }
    }
    return all;
  }

  /** Offsets of all groups from a place on, at most `max`; the place to go on at, group −1: that was the end. */
  page(from: OffsetPlace, max: number): OffsetPage {
    const page: OffsetPage = { groups: [], topics: [], queueIds: [], offsets: [], next: { group: -1, entry: 0 } };
    let groups = 0;
    for (const [group, { topics }] of this.#groups) {
      const place = groups++;
      if (place < from.group) continue;
      let entry = 0;
      for (const [topic, queues] of topics) {
        for (const [queueId, offset] of queues) {
          const at = entry++;
          if (place === from.group && at < from.entry) continue;
          if (page.groups.length === max) return { ...page, next: { group: place, entry: at } };
          page.groups.push(group);
          page.topics.push(topic);
          page.queueIds.push(queueId);
          page.offsets.push(offset);
        }
      }
    }
    return page;
  }

  /** The file's text. @param now wall-clock milliseconds, for the version. */
  text(now: number): string {
    const { counter, stateVersion } = this.#version;
    this.#version = { counter: counter + 1, stateVersion, timestamp: now };
    const parts: string[] = [];
    for (const [group, offsets] of this.#groups) {
      offsets.text ??= groupText(group, offsets.topics);
      if (offsets.text !== '') parts.push(offsets.text);
    }
    return `{"dataVersion":${JSON.stringify(this.#version)},"offsetTable":{\n${parts.join(',\n')}\n}}\n`;
  }

  /** Takes over a parsed file: lenient in what may be missing, strict in what is there. Negative offsets mean none. */
  load(parsed: unknown): void {
    const root = record(parsed, 'the table');
    const version = root['dataVersion'];
    if (version !== undefined && version !== null) {
      const { counter, stateVersion, timestamp } = record(version, 'dataVersion');
      this.#version = { counter: number(counter ?? 0), stateVersion: number(stateVersion ?? 0), timestamp: number(timestamp ?? 0) };
    }
    for (const [key, queues] of entries(root['offsetTable'] ?? {}, 'offsetTable')) {
      const at = key.lastIndexOf('@');
      if (at <= 0 || at === key.length - 1) throw new OffsetsFileError(`the key ${JSON.stringify(key)} is not topic@group`);
      for (const [queueId, offset] of entries(queues, key)) {
        const value = number(offset);
        if (value >= 0) this.put(key.slice(at + 1), key.slice(0, at), number(queueId), value);
      }
    }
  }
}

function groupText(group: string, topics: ReadonlyMap<string, ReadonlyMap<number, number>>): string {
  const parts: string[] = [];
  for (const [topic, queues] of topics) {
    const pairs: string[] = [];
    for (const [queueId, offset] of queues) pairs.push(`"${queueId}":${offset}`);
    parts.push(`${JSON.stringify(`${topic}@${group}`)}:{${pairs.join(',')}}`);
  }
  return parts.join(',\n');
}

function record(value: unknown, what: string): Record<string, unknown> {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) throw new OffsetsFileError(`${what} is no object`);
  return value as Record<string, unknown>;
}

/** Tables come as records, or as maps where the reader keeps integer keys. */
function entries(value: unknown, what: string): [string, unknown][] {
  if (value instanceof Map) return [...value].map(([key, one]) => [String(key), one]);
  return Object.entries(record(value, what));
}

function number(value: unknown): number {
  const result = typeof value === 'string' || typeof value === 'bigint' ? Number(value) : value;
  if (typeof result !== 'number' || !Number.isSafeInteger(result)) {
    throw new OffsetsFileError(`${JSON.stringify(String(value))} is no integer`);
  }
  return result;
}
