/**
 * Cut offsets: committed offsets beyond the ends of their queues, as a power cut in asynchronous flush leaves them: the table was synced, the
 * messages that it counts were not. What is stored from then on has these offsets, and the group would pass it over; so the table is set back
 * to the ends, and lasts, before anything is stored. Done by the store worker at a start behind a broker that did not stop in order.
 * A table that cannot be read is left to the offset store, which tells it. Without room it stays as it is: nothing can be stored then either,
 * but for what frees it; `isLeft` says so. Fails by `DiskError`.
 * Source: none; RocketMQ does it for delay levels only (`ScheduleMessageService.correctDelayOffset`).
 */
import { join } from 'node:path';
import { isNoRoom } from '../../storage/disk-error-policy.ts';
import type { Disk } from '../../storage/file.ts';
import { loadTable, replaceFile } from '../../storage/json-table.ts';
import type { StoreLayout } from '../../storage/store-layout.ts';
import { OFFSETS_FILE, OffsetsFileError, OffsetTable } from '../consumer-group/offset-table.ts';

/** A queue and the offset that its next message gets. */
export type QueueEnd = { readonly topic: string; readonly queueId: number; readonly next: number };

/** Groups' places that were beyond an end. `isLeft`: they are still, for want of room. */
export type CutOffsets = { readonly count: number; readonly isLeft: boolean };

/** @param ends of every queue that has or had messages; any other ends at 0 */
export function cutOffsets(disk: Disk, layout: StoreLayout, ends: readonly QueueEnd[], now: number): CutOffsets {
  const path = join(layout.config, OFFSETS_FILE);
  const table = new OffsetTable();
  try {
    const { value } = loadTable(disk, path);
    if (value === null) return { count: 0, isLeft: false };
    table.load(value);
  } catch (error) {
    if (error instanceof OffsetsFileError) return { count: 0, isLeft: false };
    throw error;
  }
  const count = cutTable(table, ends);
  if (count === 0) return { count, isLeft: false };
  try {
    // Synced in asynchronous flush, too: a further power cut must not bring the former table back.
    replaceFile(disk, path, Buffer.from(table.text(now)), true);
    return { count, isLeft: false };
  } catch (error) {
    if (isNoRoom(error)) return { count, isLeft: true };
    throw error;
  }
}

/** Sets all that is beyond an end to it, and gives how many places that were. Pure. */
export function cutTable(table: OffsetTable, ends: readonly QueueEnd[]): number {
  const endOf = new Map<string, Map<number, number>>();
  for (const { topic, queueId, next } of ends) {
    const queues = endOf.get(topic);
    if (queues === undefined) endOf.set(topic, new Map([[queueId, next]]));
    else queues.set(queueId, next);
  }
  let count = 0;
  for (const group of table.groups()) {
    for (const [topic, queues] of table.topicsOf(group)) {
      for (const [queueId, offset] of queues) {
        const end = endOf.get(topic)?.get(queueId) ?? 0;
        if (offset <= end) continue;
        table.put(group, topic, queueId, end);
        count++;
      }
    }
  }
  return count;
}
