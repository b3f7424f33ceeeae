/**
 * `config/delayOffset.json`: per delay level the next queue offset of the delay topic to deliver. Pure, both ways.
 * Source: RocketMQ 5.3 `ScheduleMessageService`, `DelayOffsetSerializeWrapper`.
 */
import { queueOffsetsFrom, queueOffsetsOf } from './consumer-offset-table.ts';
import { type DataVersion, dataVersionOf } from './data-version.ts';
import { objectOf } from './json-value.ts';

export type DelayOffsetTable = {
  readonly dataVersion: DataVersion;
  /** By delay level, from 1 on. */
  readonly offsets: ReadonlyMap<number, number>;
};

export function decodeDelayOffsetTable(value: unknown): DelayOffsetTable {
  const object = objectOf(value);
  return { dataVersion: dataVersionOf(object?.['dataVersion']), offsets: queueOffsetsOf(object?.['offsetTable']) };
}

/** What `saveTable` writes. */
export function encodeDelayOffsetTable(table: DelayOffsetTable): unknown {
  return { dataVersion: table.dataVersion, offsetTable: queueOffsetsFrom(table.offsets) };
}
