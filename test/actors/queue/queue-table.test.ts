import fc from 'fast-check';
import { test } from 'tap';
import { allocateQueues, CHUNK_UNITS } from '../../../actors/queue/queue-layout.ts';
import { QueueTable } from '../../../actors/queue/queue-table.ts';
import { TailFiler } from '../../../actors/queue/tail-filer.ts';
import { TailWriter } from '../../../actors/queue/tail-writer.ts';
import { QUEUE_UNIT_BYTES } from '../../../storage/consume-queue/queue-unit.ts';

const nobody = (): void => {};

function append(writer: TailWriter, handle: number, count: number): void {
  for (let i = 0; i < count; i++) {
    const offset = writer.peek(handle);
    writer.take(handle);
    writer.append(handle, offset, handle, offset, 100, 0, 7);
  }
}

/** Offsets that units at the front of `bytes` carry in their physical low word, as `append` made them. */
function offsets(bytes: Uint8Array, count: number): number[] {
  const view = new DataView(bytes.buffer, bytes.byteOffset);
  return Array.from({ length: count }, (_, unit) => view.getInt32(unit * QUEUE_UNIT_BYTES + 4));
}

test('TailWriter shows units to readers only when they are published', (t) => {
  const memory = allocateQueues(8, 16);
  const writer = new TailWriter(memory);
  const reader = new QueueTable(memory);
  writer.create(3, 0, 0, -1);
  t.equal(writer.peek(5), -1, 'a handle that stands for no queue');
  append(writer, 3, 10);
  const target = new Uint8Array(20 * QUEUE_UNIT_BYTES);
  t.equal(reader.next(3), 0);
  t.equal(reader.readUnits(3, 0, 20, target), 0, 'nothing is visible yet');
  writer.publish(nobody);
  t.equal(reader.next(3), 10);
  t.equal(reader.readUnits(3, 4, 20, target), 6);
  t.same(offsets(target, 6), [4, 5, 6, 7, 8, 9]);
  t.end();
});

test('TailWriter tells of a waiting pull once', (t) => {
  const memory = allocateQueues(8, 16);
  const writer = new TailWriter(memory);
  writer.create(0, 0, 0, 5);
  writer.setWaiting(0);
  const told: number[][] = [];
  append(writer, 0, 1);
  writer.publish((queue, owner) => told.push([queue, owner]));
  append(writer, 0, 1);
  writer.publish((queue, owner) => told.push([queue, owner]));
  t.same(told, [[0, 5]]);
  t.end();
});

test('TailWriter tells the owner, a guest, or both, of who waits', (t) => {
  const memory = allocateQueues(8, 16);
  const writer = new TailWriter(memory);
  writer.create(0, 0, 0, 5);
  const told: string[] = [];
  const publish = (): void => {
    append(writer, 0, 1);
    writer.publish(
      () => told.push('owner'),
      () => told.push('guest'),
    );
    told.push('|');
  };
  writer.setGuestWaiting(0);
  publish();
  writer.setWaiting(0);
  publish();
  writer.setWaiting(0);
  writer.setGuestWaiting(0);
  publish();
  publish();
  t.same(told, ['guest', '|', 'owner', '|', 'owner', 'guest', '|', '|'], 'each once, and nobody who does not wait');
  t.end();
});

test("TailFiler hands units over in order and gives full chunks back; the writer takes an idle queue's last one", (t) => {
  const memory = allocateQueues(8, 8);
  const writer = new TailWriter(memory);
  const filer = new TailFiler(memory);
  writer.create(1, 0, 0, -1);
  const count = 5 * CHUNK_UNITS + 10;
  append(writer, 1, count);
  writer.publish(nobody);
  t.equal(writer.freeChunks, 2);
  t.equal(filer.nextDirty(), 1);
  t.equal(filer.nextDirty(), -1, 'named once');
  const filed: number[] = [];
  filer.file(1, filer.next(1), (first, bytes) => {
    t.equal(first, filed.length, 'without a gap');
    filed.push(...offsets(bytes, bytes.length / QUEUE_UNIT_BYTES));
  });
  t.same(
    filed,
    Array.from({ length: count }, (_, i) => i),
  );
  t.equal(filer.filed(1), count);
  t.ok(writer.collect() >= 7, 'the five full chunks came back');
  append(writer, 1, 1);
  writer.publish(nobody);
  t.equal(filer.nextDirty(), 1, 'named again after the round');
  filer.file(1, filer.next(1), nobody);
  append(writer, 1, 0);
  t.end();
});

test('TailFiler moves nothing when the disk fails', (t) => {
  const memory = allocateQueues(8, 8);
  const writer = new TailWriter(memory);
  const filer = new TailFiler(memory);
  writer.create(0, 0, 0, -1);
  append(writer, 0, 3 * CHUNK_UNITS);
  writer.publish(nobody);
  let calls = 0;
  t.throws(() =>
    filer.file(0, filer.next(0), () => {
      if (++calls === 2) throw new Error('no space');
    }),
  );
  t.equal(filer.filed(0), 0, 'filed again from the same place');
  const again: number[] = [];
  filer.file(0, filer.next(0), (first) => again.push(first));
  t.same(again, [0, CHUNK_UNITS, 2 * CHUNK_UNITS]);
  t.end();
});

test('QueueTable reads only what belongs to the queue when a chunk has gone to another one', (t) => {
  const memory = allocateQueues(8, 4);
  const writer = new TailWriter(memory);
  const filer = new TailFiler(memory);
  writer.create(0, 0, 0, -1);
  writer.create(1, 0, 0, -1);
  append(writer, 0, 3 * CHUNK_UNITS);
  writer.publish(nobody);
  const target = new Uint8Array(CHUNK_UNITS * QUEUE_UNIT_BYTES);
  filer.file(0, filer.next(0), nobody);
  t.equal(writer.readUnits(0, 0, 10, target), 10, 'a freed chunk serves until somebody else has it');
  writer.collect();
  append(writer, 1, 3 * CHUNK_UNITS);
  writer.publish(nobody);
  const read = writer.readUnits(0, 0, 10, target);
  t.equal(read, 0, 'the units are in the file only');
  t.equal(writer.readUnits(1, 5, 3, target), 3);
  t.same(offsets(target, 3), [5, 6, 7]);
  t.end();
});

test('TailWriter that takes over goes on where the published rows end', (t) => {
  const memory = allocateQueues(8, 8);
  const first = new TailWriter(memory);
  first.create(0, 0, 0, -1);
  append(first, 0, CHUNK_UNITS + 20);
  first.publish(nobody);
  append(first, 0, 5);
  const second = new TailWriter(memory, true);
  t.equal(second.peek(0), CHUNK_UNITS + 20, 'what was not published is given out again');
  append(second, 0, 2);
  second.publish(nobody);
  const target = new Uint8Array(50 * QUEUE_UNIT_BYTES);
  t.equal(second.readUnits(0, CHUNK_UNITS + 18, 50, target), 4);
  t.same(
    offsets(target, 4),
    [0, 1, 2, 3].map((i) => CHUNK_UNITS + 18 + i),
  );
  t.end();
});

test('queue tails hold what a plain list holds, whatever the order of appending, filing and reading', (t) => {
  const step = fc.oneof(
    fc.record({ kind: fc.constant('append' as const), queue: fc.nat(2), count: fc.integer({ min: 1, max: 600 }) }),
    fc.record({ kind: fc.constant('file' as const) }),
    fc.record({ kind: fc.constant('read' as const), queue: fc.nat(2), offset: fc.nat(3000), count: fc.integer({ min: 1, max: 700 }) }),
  );
  fc.assert(
    fc.property(fc.array(step, { maxLength: 60 }), (steps) => {
      const memory = allocateQueues(4, 12);
      const writer = new TailWriter(memory);
      const filer = new TailFiler(memory);
      const lengths = [0, 0, 0];
      for (let queue = 0; queue < 3; queue++) writer.create(queue, 0, 0, -1);
      const target = new Uint8Array(700 * QUEUE_UNIT_BYTES);
      for (const one of steps) {
        if (one.kind === 'append') {
          const room = writer.collect() - 1;
          const count = Math.min(one.count, Math.max(0, room) * CHUNK_UNITS);
          append(writer, one.queue, count);
          writer.publish(nobody);
          lengths[one.queue]! += count;
        } else if (one.kind === 'file') {
          for (let handle = filer.nextDirty(); handle >= 0; handle = filer.nextDirty()) filer.file(handle, filer.next(handle), nobody);
        } else {
          const read = writer.readUnits(one.queue, one.offset, one.count, target);
          const length = lengths[one.queue]!;
          if (read > Math.max(0, length - one.offset)) return false;
          const is = offsets(target, read);
          if (is.some((offset, i) => offset !== one.offset + i)) return false;
          // What is not filed must be in memory.
          if (one.offset < length && one.offset >= writer.filed(one.queue) && read === 0) return false;
        }
      }
      return true;
    }),
    { numRuns: 300 },
  );
  t.pass('300 sequences');
  t.end();
});
