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

const LONG = [4 * CHUNK_UNITS + 1, 2 * CHUNK_UNITS + 1, 3 * CHUNK_UNITS, 1];

type Parts = {
  readonly memory: QueueMemory;
  readonly writer: TailWriter;
  readonly filer: TailFiler;
  readonly files: Map<number, number[]>;
};

/** Takes as many chunks as there are, all in use at once, and looks whether each unit is there, and is filed, once. */
function checkAllInUse(t: Test, where: string, { memory, writer, filer, files }: Parts, ends: readonly number[]): void {
  const more = ends.map((end, handle) => end + [3, 3, 2, 0][handle]! * CHUNK_UNITS);
  fill(writer, more);
  const reader = new QueueTable(memory);
  const target = new Uint8Array(8 * CHUNK_UNITS * QUEUE_UNIT_BYTES);
  const view = new DataView(target.buffer);
  for (const [handle, end] of more.entries()) {
    const from = ends[handle]!;
    const read = reader.readUnits(handle, from, end - from, target);
    if (read !== end - from) t.fail(`${where}: ${read} units of queue ${handle} are there, not ${end - from}`);
    for (let unit = 0; unit < read; unit++)
      if (view.getInt32(unit * QUEUE_UNIT_BYTES) !== handle || view.getInt32(unit * QUEUE_UNIT_BYTES + 4) !== from + unit)
        t.fail(`${where}: unit ${from + unit} of queue ${handle} is another one's`);
  }
  file(filer, files);
  for (const [handle, end] of more.entries()) {
    const units = files.get(handle) ?? [];
    if (units.length !== end || units.some((offset, index) => offset !== index)) t.fail(`${where}: the file of queue ${handle} is wrong`);
  }
  writer.collect();
  fill(writer, more);
  if (writer.collect() < CHUNKS - 4) t.fail(`${where}: ${writer.freeChunks} chunks of ${CHUNKS} came back`);
}

function begunLong(): { memory: QueueMemory; writer: TailWriter } {
  const memory = allocateQueues(8, CHUNKS);
  const writer = new TailWriter(memory);
  for (const handle of LONG.keys()) writer.create(handle, 0, 0, -1);
  fill(writer, LONG);
  return { memory, writer };
}

/** Has `meanwhile` run behind the `n`th store to shared memory that `run` makes, or load from it. False: it makes fewer. */
function behind(kind: 'store' | 'load', n: number, meanwhile: () => void, run: () => void): boolean {
  const atomics = Atomics as unknown as Record<string, (...given: unknown[]) => number>;
  const former = atomics[kind]!;
  let left = n;
  atomics[kind] = (...given) => {
    const word = former(...given);
    if (--left === 0) {
      atomics[kind] = former;
      meanwhile();
    }
    return word;
  };
  try {
    run();
  } finally {
    atomics[kind] = former;
  }
  return left <= 0;
}

test('takeOverTails: wherever the store worker is meanwhile, no chunk is given to two queues, and none is lost', (t) => {
  let n = 1;
  for (let isThere = true; isThere; n++) {
    const { memory } = begunLong();
    const filer = new TailFiler(memory);
    const files = new Map<number, number[]>();
    let second: TailWriter | null = null;
    isThere = behind(
      'store',
      n,
      () => {
        second = takeOverTails(memory);
      },
      () => file(filer, files),
    );
    second ??= takeOverTails(memory);
    if (second.collect() !== CHUNKS - LONG.length) t.fail(`behind store ${n}: ${second.freeChunks} chunks of ${CHUNKS} are free`);
    checkAllInUse(t, `behind store ${n}`, { memory, writer: second, filer, files }, LONG);
  }
  t.ok(n > 10, `${n} places`);
  t.end();
});

test('TailFiler.reclaim: wherever a store worker ends, no chunk is lost, and none is given to two queues, whatever the log worker does meanwhile', (t) => {
  let reclaimed = 0;
  let n = 1;
  for (let died = true; died; n++) {
    for (const meanwhile of ['collects', 'goes on', 'is replaced'] as const) {
      // Behind so many loads of the successor's: while it looks at the chunks, at the rows, at the ring, and when it is done.
      for (const place of [1, 30, 50, 60, 70, 1000]) {
        const { memory, writer } = begunLong();
        const files = new Map<number, number[]>();
        const first = new TailFiler(memory);
        died = diesAtStore(n, () => file(first, files));
        const second = new TailFiler(memory);
        let current = writer;
        const work = (): void => {
          if (meanwhile === 'is replaced') current = takeOverTails(memory);
          current.collect();
          // Into a chunk more, if one is free.
          if (meanwhile === 'goes on' && current.freeChunks > 0) fill(current, [0, 0, 0, CHUNK_UNITS + 1]);
        };
        const isThere = behind('load', place, work, () => {
          reclaimed += second.reclaim();
        });
        if (!isThere) work();
        const where = `ended before store ${n}, the log worker ${meanwhile} behind load ${place}`;
        if (second.reclaim() !== 0) t.fail(`${where}: chunks are lost still`);
        current.nameUnfiled();
        file(second, files);
        const ends = LONG.map((_, handle) => current.peek(handle));
        if (current.collect() < CHUNKS - LONG.length) t.fail(`${where}: ${current.freeChunks} chunks of ${CHUNKS} are free`);
        checkAllInUse(t, where, { memory, writer: current, filer: second, files }, ends);
      }
    }
  }
  t.ok(n > 10 && reclaimed > 0, `${n} places, ${reclaimed} chunks`);
  t.end();
});
