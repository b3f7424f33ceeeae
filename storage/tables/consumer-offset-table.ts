/**
 * `config/consumerOffset.json`: committed offsets by `topic@group` and queue id. Pure, both ways.
 * Source: RocketMQ 5.3 `ConsumerOffsetManager`.
 */
import { type DataVersion, dataVersionOf } from './data-version.ts';
import { entriesOf, integerOf, objectFrom, objectOf } from './json-value.ts';

export type ConsumerOffsetTable = {
  readonly dataVersion: DataVersion;
  /** By `topic@group`: next offset to consume by queue id. */
  readonly offsets: ReadonlyMap<string, ReadonlyMap<number, number>>;
};

export function decodeConsumerOffsetTable(value: unknown): ConsumerOffsetTable {
  const object = objectOf(value);
  const offsets = new Map<string, Map<number, number>>();
  for (const [name, queues] of entriesOf(object?.['offsetTable'])) offsets.set(name, queueOffsetsOf(queues));
  return { dataVersion: dataVersionOf(object?.['dataVersion']), offsets };
}

/** What `saveTable` writes. Queue ids are quoted, which both kinds of readers take. */
export function encodeConsumerOffsetTable(table: ConsumerOffsetTable): unknown {
  const offsets = [...table.offsets].map(([name, queues]) => [name, queueOffsetsFrom(queues)] as const);
  return { dataVersion: table.dataVersion, offsetTable: objectFrom(offsets) };
}

/** Offsets by queue id; what is no pair of non-negative integers is left out. */
export function queueOffsetsOf(value: unknown): Map<number, number> {
  const offsets = new Map<number, number>();
  for (const [key, offset] of entriesOf(value)) {
    const queueId = integerOf(key, -1);
    const next = integerOf(offset, -1);
    if (queueId >= 0 && next >= 0) offsets.set(queueId, next);
  }
  return offsets;
}

export function queueOffsetsFrom(offsets: ReadonlyMap<number, number>): Record<string, number> {
  return objectFrom([...offsets].map(([queueId, offset]) => [String(queueId), offset] as const));
}
