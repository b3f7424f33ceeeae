/** A log worker that ended between any two of its stores, and what its successor makes of the queue tails. */
import { type Test, test } from 'tap';
import { allocateQueues, CHUNK_UNITS, type QueueMemory, ROW_WORDS } from '../../../actors/queue/queue-layout.ts';
import { QueueTable } from '../../../actors/queue/queue-table.ts';
import { TailFiler } from '../../../actors/queue/tail-filer.ts';
import { TailWriter } from '../../../actors/queue/tail-writer.ts';
import { takeOverTails } from '../../../actors/queue/take-over-tails.ts';
import { QUEUE_UNIT_BYTES } from '../../../storage/consume-queue/queue-unit.ts';
import { diesAtStore } from '../../support/die-at-store.ts';

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

/** Has `meanwhile` run behind the `n`th store to shared memory that `run` makes. False: it makes fewer. */
function atStore(n: number, meanwhile: () => void, run: () => void): boolean {
  const store = Atomics.store;
  let left = n;
  Atomics.store = ((...given: Parameters<typeof store>) => {
    const stored = store(...given);
    if (--left === 0) {
      Atomics.store = store;
      meanwhile();
    }
    return stored;
  }) as typeof store;
  try {
    run();
  } finally {
    Atomics.store = store;
  }
  return left <= 0;
}

test('takeOverTails: wherever the store worker is meanwhile, no chunk is given to two queues, and none is lost', (t) => {
  const long = [4 * CHUNK_UNITS + 1, 2 * CHUNK_UNITS + 1, 3 * CHUNK_UNITS, 1];
  let n = 1;
  for (let isThere = true; isThere; n++) {
    const memory = allocateQueues(8, CHUNKS);
    const first = new TailWriter(memory);
    for (const handle of long.keys()) first.create(handle, 0, 0, -1);
    fill(first, long);
    const filer = new TailFiler(memory);
    const files = new Map<number, number[]>();
    let second: TailWriter | null = null;
    isThere = atStore(
      n,
      () => {
        second = takeOverTails(memory);
      },
      () => file(filer, files),
    );
    second ??= takeOverTails(memory);
    if (second.collect() !== CHUNKS - long.length) t.fail(`behind store ${n}: ${second.freeChunks} chunks of ${CHUNKS} are free`);
    // As many chunks as there are, all in use at once.
    const more = long.map((end, handle) => end + [3, 3, 2, 0][handle]! * CHUNK_UNITS);
    fill(second, more);
    const reader = new QueueTable(memory);
    const target = new Uint8Array(8 * CHUNK_UNITS * QUEUE_UNIT_BYTES);
    const view = new DataView(target.buffer);
    for (const [handle, end] of more.entries()) {
      const from = long[handle]!;
      const read = reader.readUnits(handle, from, end - from, target);
      if (read !== end - from) t.fail(`behind store ${n}: ${read} units of queue ${handle} are there, not ${end - from}`);
      for (let unit = 0; unit < read; unit++)
        if (view.getInt32(unit * QUEUE_UNIT_BYTES) !== handle || view.getInt32(unit * QUEUE_UNIT_BYTES + 4) !== from + unit)
          t.fail(`behind store ${n}: unit ${from + unit} of queue ${handle} is another one's`);
    }
    file(filer, files);
    for (const [handle, end] of more.entries()) {
      const units = files.get(handle) ?? [];
      if (units.length !== end || units.some((offset, index) => offset !== index))
        t.fail(`behind store ${n}: the file of queue ${handle} is wrong`);
    }
    second.collect();
    fill(second, more);
    if (second.collect() < CHUNKS - 4) t.fail(`behind store ${n}: ${second.freeChunks} chunks of ${CHUNKS} came back`);
  }
  t.ok(n > 10, `${n} places`);
  t.end();
});
