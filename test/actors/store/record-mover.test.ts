/** The record mover against moving one record at a time; and its module against its text. */
import { readFileSync } from 'node:fs';
import fc from 'fast-check';
import { test } from 'tap';
import { BLOCKS_AT, RecordMover } from '../../../actors/store/record-mover.ts';
import { webAssembly } from '../../../actors/store/web-assembly.ts';
import { assembleMoveRecords } from '../../../bin/assemble.ts';
import { MAGIC_AT, PHYSICAL_OFFSET_AT, RECORD_MAGIC_V1, RECORD_MAGIC_V2, writeInt32 } from '../../../model/message-record.ts';
import { wrongRecord } from '../../../storage/commit-log/scan-record.ts';
import { QUEUE_UNIT_BYTES, unitPhysicalOffset, unitSize, writeQueueUnit } from '../../../storage/consume-queue/queue-unit.ts';

const BLOCK_BYTES = 4096;
const HEAD_BYTES = 36;
const slots = new webAssembly.Memory({ initial: 1, maximum: 1, shared: true });

test('the module is what its text says', async (t) => {
  t.equal(readFileSync(new URL('../../../actors/store/move-records-module.ts', import.meta.url), 'utf8'), await assembleMoveRecords());
});

/** How many of the units a caller may take one after the other, and what it has then. */
function moveOneByOne(units: Uint8Array, count: number, block: Uint8Array, base: number, length: number, room: number): Uint8Array[] {
  const moved: Uint8Array[] = [];
  let left = room;
  for (let unit = 0; unit < count; unit++) {
    const physical = unitPhysicalOffset(units, unit * QUEUE_UNIT_BYTES);
    const size = unitSize(units, unit * QUEUE_UNIT_BYTES);
    const from = physical - base;
    if (size < HEAD_BYTES || size > left || from < 0 || from + size > length) break;
    if (wrongRecord(block, from, size, physical) !== '') break;
    moved.push(block.slice(from, from + size));
    left -= size;
  }
  return moved;
}

const record = fc.record({
  gap: fc.integer({ min: 0, max: 300 }),
  size: fc.integer({ min: HEAD_BYTES, max: 700 }),
  isV2: fc.boolean(),
  fault: fc.oneof({ weight: 12, arbitrary: fc.constant('none') }, fc.constantFrom('size', 'magic', 'offset', 'unit size', 'unit offset')),
  wrong: fc.integer({ min: -0x8000_0000, max: 0x7fff_ffff }),
});

test('moves what is sound and whole, in the order of the units, and nothing behind the first that is not', (t) => {
  const given = {
    base: fc.integer({ min: 0, max: 2 ** 43 }),
    records: fc.array(record, { minLength: 1, maxLength: 20 }),
    length: fc.integer({ min: 0, max: BLOCK_BYTES }),
    at: fc.integer({ min: 0, max: 1000 }),
    room: fc.integer({ min: 0, max: 6000 }),
  };
  fc.assert(
    fc.property(fc.record(given), ({ base, records, length, at, room }) => {
      const mover = new RecordMover([slots], 4 * 64 * 1024);
      const block = BLOCKS_AT;
      mover.grow(BLOCK_BYTES);
      const bytes = mover.bytes.subarray(block, block + 3 * BLOCK_BYTES);
      const units = new Uint8Array(records.length * QUEUE_UNIT_BYTES);
      let next = 0;
      for (const [unit, { gap, size, isV2, fault, wrong }] of records.entries()) {
        const start = next + gap;
        next = start + size;
        if (next > bytes.length) break;
        bytes.fill(unit + 1, start, next);
        const physical = base + start;
        const told = fault === 'offset' ? physical + 2 ** 32 : physical;
        writeInt32(bytes, start, fault === 'size' ? wrong : size);
        writeInt32(bytes, start + MAGIC_AT, fault === 'magic' ? wrong : isV2 ? RECORD_MAGIC_V2 : RECORD_MAGIC_V1);
        writeInt32(bytes, start + PHYSICAL_OFFSET_AT, Math.floor(told / 0x1_0000_0000));
        writeInt32(bytes, start + PHYSICAL_OFFSET_AT + 4, told | 0);
        writeQueueUnit(
          units,
          unit * QUEUE_UNIT_BYTES,
          fault === 'unit offset' ? physical + wrong : physical,
          fault === 'unit size' ? wrong : size,
          0,
        );
      }
      const expected = moveOneByOne(units, records.length, bytes, base, length, room);
      const target = new Uint8Array(slots.buffer, 128, at + room);
      target.fill(0);
      const moved = mover.move(units, 0, records.length, block, base, length, target, at);
      if (moved !== expected.length) return false;
      if (moved > 0 && Buffer.compare(target.subarray(at, mover.end), Buffer.concat(expected)) !== 0) return false;
      // Nothing was written beside it.
      const end = moved > 0 ? mover.end : at;
      return target.subarray(0, at).every((byte) => byte === 0) && target.subarray(end).every((byte) => byte === 0);
    }),
    { numRuns: 2000 },
  );
  t.end();
});

test('leaves everything where the memory is not one of those it was given', (t) => {
  const mover = new RecordMover([slots], 64 * 1024);
  mover.grow(BLOCK_BYTES);
  t.equal(mover.move(new Uint8Array(QUEUE_UNIT_BYTES), 0, 1, BLOCKS_AT, 0, BLOCK_BYTES, new Uint8Array(64), 0), 0);
  t.end();
});

test('its memory grows with what is asked for and keeps what it has; released, it begins anew', (t) => {
  const mover = new RecordMover([slots], 256 * 1024);
  const at = BLOCKS_AT;
  mover.grow(64 * 1024);
  const before = mover.bytes.length;
  mover.bytes[at] = 7;
  mover.grow(256 * 1024);
  t.ok(mover.bytes.length > before);
  t.equal(mover.bytes[at], 7);
  mover.release();
  t.equal(mover.bytes.length, 0);
  mover.grow(64 * 1024);
  t.equal(mover.bytes[at], 0);
  t.end();
});
