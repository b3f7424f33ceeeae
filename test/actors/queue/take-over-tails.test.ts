/** A log worker that ended between any two of its stores, and what its successor makes of the queue tails. */
import { type Test, test } from 'tap';
import {
  allocateQueues,
  CHUNK_UNITS,
  QUEUE_LAYOUT,
  type QueueMemory,
  QueueTable,
  TailFiler,
  TailWriter,
} from '../../../actors/queue/queue-table.ts';
import { takeOverTails } from '../../../actors/queue/take-over-tails.ts';
import { QUEUE_UNIT_BYTES } from '../../../storage/consume-queue/queue-unit.ts';
import { diesAtStore } from '../../support/die-at-store.ts';

const { ROW_WORDS } = QUEUE_LAYOUT;
const nobody = (): void => {};
const CHUNKS = 12;
/** What is in each queue before, and when all is written: chunks are begun, one and several, full ones are passed. */
const BEFORE = [CHUNK_UNITS - 6, 0, CHUNK_UNITS, 3];
const AFTER = [CHUNK_UNITS + 4, 3, 3 * CHUNK_UNITS + 1, 3];
const STORES_MAX = 500;

/** Appends what is missing up to `ends`, as a sequencer does that knows what is in the log. */
function fill(writer: TailWriter, ends: readonly number[]): void {
  for (const [handle, end] of ends.entries()) {
    for (let offset = writer.peek(handle); offset < end; offset++) {
      writer.take(handle);
      writer.append(handle, offset, handle, offset, 100, 0, 7);
    }
  }
  writer.publish(nobody);
}

function file(filer: TailFiler, files: Map<number, number[]>): void {
  for (let handle = filer.nextDirty(); handle >= 0; handle = filer.nextDirty()) {
    filer.file(handle, filer.next(handle), (first, bytes) => {
      const view = new DataView(bytes.buffer, bytes.byteOffset);
      const units = files.get(handle) ?? [];
      for (let unit = 0; unit * QUEUE_UNIT_BYTES < bytes.length; unit++) {
        units[first + unit] = view.getInt32(unit * QUEUE_UNIT_BYTES) === handle ? view.getInt32(unit * QUEUE_UNIT_BYTES + 4) : -1;
      }
      files.set(handle, units);
    });
  }
}

function begun(): { memory: QueueMemory; writer: TailWriter } {
  const memory = allocateQueues(8, CHUNKS);
  const writer = new TailWriter(memory);
  for (const handle of BEFORE.keys()) writer.create(handle, 0, 0, -1);
  fill(writer, BEFORE);
  return { memory, writer };
}

/** @param filesMeanwhile the store worker has its rounds between the end and the take-over, and before */
function check(t: Test, n: number, filesMeanwhile: boolean): boolean {
  const { memory, writer } = begun();
  const filer = new TailFiler(memory);
  const rows = new Int32Array(memory.rows);
  const files = new Map<number, number[]>();
  if (filesMeanwhile) file(filer, files);
  const died = diesAtStore(n, () => fill(writer, AFTER));
  const where = `ended before store ${n}${filesMeanwhile ? ', filed meanwhile' : ''}`;
  // Where a row is being changed, the store worker waits for the successor.
  if (filesMeanwhile && AFTER.every((_, handle) => (rows[handle * ROW_WORDS]! & 1) === 0)) file(filer, files);
  const second = takeOverTails(memory);
  fill(second, AFTER);
  const reader = new QueueTable(memory);
  const target = new Uint8Array(4 * CHUNK_UNITS * QUEUE_UNIT_BYTES);
  const view = new DataView(target.buffer);
  for (const [handle, end] of AFTER.entries()) {
    if (reader.next(handle) !== end) t.fail(`${where}: queue ${handle} ends at ${reader.next(handle)}, not at ${end}`);
    const from = Math.min(filesMeanwhile ? BEFORE[handle]! : 0, end - 1);
    const read = reader.readUnits(handle, from, end - from, target);
    if (read !== end - from && reader.filed(handle) < end)
      t.fail(`${where}: ${read} units of queue ${handle} are there, not ${end - from}`);
    for (let unit = 0; unit < read; unit++)
      if (view.getInt32(unit * QUEUE_UNIT_BYTES) !== handle || view.getInt32(unit * QUEUE_UNIT_BYTES + 4) !== from + unit)
        t.fail(`${where}: unit ${from + unit} of queue ${handle} is another one's`);
  }
  file(filer, files);
  for (const [handle, end] of AFTER.entries()) {
    const units = files.get(handle) ?? [];
    if (units.length !== end || units.some((offset, index) => offset !== index) || Object.keys(units).length !== end)
      t.fail(`${where}: the file of queue ${handle} has ${Object.keys(units).length} units, or others than ${end}`);
  }
  second.collect();
  fill(second, AFTER);
  if (second.collect() < CHUNKS - 4) t.fail(`${where}: ${second.freeChunks} chunks of ${CHUNKS} came back`);
  return died;
}

test('takeOverTails: wherever a log worker ends, each unit is shown and filed once, in its place', (t) => {
  for (const filesMeanwhile of [false, true]) {
    let n = 1;
    while (n < STORES_MAX && check(t, n, filesMeanwhile)) n++;
    t.ok(n > 20 && n < STORES_MAX, `${n} places`);
  }
  t.end();
});
