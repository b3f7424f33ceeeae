import fc from 'fast-check';
import { test } from 'tap';
import type { ConsumeQueue } from '../../../storage/consume-queue/consume-queue.ts';
import { ConsumeQueueSet } from '../../../storage/consume-queue/consume-queue-set.ts';
import {
  NO_MESSAGE_SIZE,
  QUEUE_UNIT_BYTES,
  unitPhysicalOffset,
  unitSize,
  unitTagHigh,
  unitTagLow,
  unitTime,
  writeQueueUnit,
  writeUnitTime,
} from '../../../storage/consume-queue/queue-unit.ts';
import { MemoryDisk } from '../../../storage/memory-disk.ts';
import { thrown } from '../../support/thrown.ts';

const PER_FILE = 10;

function openSet(disk: MemoryDisk, isTailSuspect = false, openMax = 8): ConsumeQueueSet {
  return ConsumeQueueSet.open(disk, '/cq', { isWritable: true, unitsPerFile: PER_FILE, isTailSuspect, openMax });
}

/** Units of messages of 100 bytes that lie at 100 × their queue offset + `shift`. */
function units(first: number, count: number, shift = 0): Uint8Array {
  const bytes = new Uint8Array(count * QUEUE_UNIT_BYTES);
  for (let unit = 0; unit < count; unit++) writeQueueUnit(bytes, unit * QUEUE_UNIT_BYTES, (first + unit) * 100 + shift, 100, first + unit);
  return bytes;
}

function append(set: ConsumeQueueSet, queue: ConsumeQueue, first: number, count: number): void {
  set.append(queue, units(first, count), 0, count * QUEUE_UNIT_BYTES, first);
}

function positions(queue: ConsumeQueue, from: number, count: number): number[] {
  const bytes = new Uint8Array(count * QUEUE_UNIT_BYTES);
  const read = queue.read(bytes, 0, from, count);
  return Array.from({ length: read }, (_, unit) =>
    unitSize(bytes, unit * 20) === NO_MESSAGE_SIZE ? -1 : unitPhysicalOffset(bytes, unit * 20),
  );
}

test("A queue unit is Java's: physical offset, size, sign-extended tag code or a time", async (t) => {
  const bytes = new Uint8Array(40);
  writeQueueUnit(bytes, 20, 0x1_2345_6789_ab, 126, -392709271);
  t.equal(Buffer.from(bytes.subarray(20)).toString('hex'), '00000123456789ab0000007effffffffe897bb69');
  t.same(
    [unitPhysicalOffset(bytes, 20), unitSize(bytes, 20), unitTagHigh(bytes, 20), unitTagLow(bytes, 20)],
    [0x1_2345_6789_ab, 126, -1, -392709271],
  );
  writeUnitTime(bytes, 20, 1_700_000_003_000);
  t.equal(unitTime(bytes, 20), 1_700_000_003_000);
});

test('ConsumeQueue appends over file ends, reads them back, and is found again by its files', async (t) => {
  const disk = new MemoryDisk({ seed: 1 });
  const set = openSet(disk);
  const queue = set.queue('TopicA', 3);
  append(set, queue, 0, 7);
  append(set, queue, 7, 18);
  t.same([queue.minOffset, queue.maxOffset], [0, 25]);
  t.same(disk.list('/cq/TopicA/3'), ['00000000000000000000', '00000000000000000200', '00000000000000000400']);
  t.equal(disk.sizeOf('/cq/TopicA/3/00000000000000000400'), 200, 'full-sized, as Java needs it');
  t.same(positions(queue, 8, 4), [800, 900, 1000, 1100]);
  t.equal(queue.maxPhysicalOffset(), 2500);
  const again = openSet(disk);
  again.scan(0);
  t.same(
    [...again.queues()].map((one) => [one.topic, one.queueId, one.minOffset, one.maxOffset]),
    [['TopicA', 3, 0, 25]],
  );
  const reader = ConsumeQueueSet.open(disk, '/cq', { isWritable: false, unitsPerFile: PER_FILE });
  t.same(positions(reader.queue('TopicA', 3), 24, 3), [2400, 0, 0], 'a reader knows no maximum: it sees what was never written as zeros');
  append(set, queue, 25, 10);
  t.same(positions(reader.queue('TopicA', 3), 30, 2), [3000, 3100], 'and files made meanwhile');
});

test('ConsumeQueue begins anywhere: the units before are no messages, as Java writes them', async (t) => {
  const disk = new MemoryDisk({ seed: 1 });
  const set = openSet(disk);
  const queue = set.queue('TopicA', 0);
  append(set, queue, 23, 2);
  t.same([queue.minOffset, queue.maxOffset], [23, 25]);
  t.same(disk.list('/cq/TopicA/0'), ['00000000000000000400']);
  t.same(positions(queue, 20, 5), [-1, -1, -1, 2300, 2400]);
  const again = openSet(disk);
  again.scan(0);
  t.same([again.queue('TopicA', 0).minOffset, again.queue('TopicA', 0).maxOffset], [23, 25]);
});

test('ConsumeQueue fills a gap with units that are no messages, and refuses one that cannot be', async (t) => {
  const set = openSet(new MemoryDisk({ seed: 1 }));
  const queue = set.queue('TopicA', 0);
  append(set, queue, 0, 3);
  append(set, queue, 5, 1);
  t.same(positions(queue, 0, 6), [0, 100, 200, -1, -1, 500]);
  queue.correctMin(150);
  t.equal(queue.minOffset, 2);
  queue.correctMin(250);
  t.ok(queue.minOffset >= 3 && queue.minOffset <= 5, 'a gap may remain at the head');
  t.match(
    thrown(() => append(set, queue, 5_000_000, 1)),
    { code: 'MQ_STORAGE_OUT_OF_RANGE', fields: { maxOffset: 6, unitOffset: 5_000_000 } },
  );
});

test('ConsumeQueue writes the same units again without harm, and truncates', async (t) => {
  const disk = new MemoryDisk({ seed: 1 });
  const set = openSet(disk);
  const queue = set.queue('TopicA', 0);
  append(set, queue, 0, 25);
  append(set, queue, 5, 10);
  t.equal(queue.maxOffset, 25);
  queue.truncateTo(12);
  t.equal(queue.maxOffset, 12);
  t.same(positions(queue, 10, 4), [1000, 1100, 0, 0]);
  t.same(disk.list('/cq/TopicA/0').length, 2);
  queue.truncatePhysical(650);
  t.equal(queue.maxOffset, 7, 'a message that begins before stays');
  queue.restartAt(0);
  append(set, queue, 0, 1);
  t.same([queue.minOffset, queue.maxOffset, positions(queue, 0, 2)], [0, 1, [0, 0]]);
});

test('ConsumeQueue clears a tail that nobody vouches for before it appends to it', async (t) => {
  const disk = new MemoryDisk({ seed: 1 });
  const set = openSet(disk);
  append(set, set.queue('TopicA', 0), 0, 25);
  const after = openSet(disk, true);
  const queue = after.queue('TopicA', 0);
  queue.setRange(0, 8);
  append(after, queue, 8, 1);
  const again = openSet(disk);
  again.scan(0);
  t.equal(again.queue('TopicA', 0).maxOffset, 9, 'Java would take older units for messages');
});

test('ConsumeQueue finds its minimum by the log, and retention removes whole files', async (t) => {
  fc.assert(
    fc.property(
      fc.integer({ min: 1, max: 60 }),
      fc.integer({ min: 0, max: 40 }),
      fc.integer({ min: 0, max: 10_000 }),
      (count, first, logMin) => {
        const disk = new MemoryDisk({ seed: 1 });
        const set = openSet(disk);
        const queue = set.queue('T', 0);
        append(set, queue, first, count);
        const wanted = Math.min(first + count, Math.max(first, Math.ceil(logMin / 100)));
        const removed = queue.removeBefore(logMin);
        const files = disk.list('/cq/T/0').map(Number);
        return (
          queue.minOffset === wanted &&
          queue.maxOffset === first + count &&
          files.length >= 1 &&
          (files[0] as number) <= wanted * 20 &&
          removed >= 0
        );
      },
    ),
    { seed: 7 },
  );
  t.pass('property');
});

test('ConsumeQueueSet syncs what is new, and it lasts a power cut', async (t) => {
  for (let seed = 0; seed < 30; seed++) {
    const disk = new MemoryDisk({ seed });
    disk.makeDirectory('/cq');
    disk.syncDirectory('/');
    const set = openSet(disk);
    for (let id = 0; id < 3; id++) append(set, set.queue(`Topic${id}`, id), 0, 13);
    t.notOk(set.flush(2), 'two of three');
    t.equal(set.dirtyCount, 1);
    t.ok(set.flush());
    append(set, set.queue('Topic0', 0), 13, 4);
    disk.cutPower();
    const again = openSet(disk);
    again.scan(0);
    for (let id = 0; id < 3; id++) {
      const queue = again.queue(`Topic${id}`, id);
      t.ok(queue.maxOffset >= 13, `seed ${seed}`);
      t.same(positions(queue, 0, 13), units(0, 13).length === 260 ? Array.from({ length: 13 }, (_, unit) => unit * 100) : []);
    }
  }
});

test('ConsumeQueueSet holds few descriptors for many queues', async (t) => {
  const disk = new MemoryDisk({ seed: 1 });
  const set = openSet(disk, false, 4);
  for (let id = 0; id < 100; id++) append(set, set.queue('TopicA', id), 0, 1);
  for (let id = 99; id >= 0; id--) t.same(positions(set.queue('TopicA', id), 0, 1), [0]);
  t.equal(set.queueCount, 100);
  t.same(set.queueIds('TopicA').slice(0, 3), [0, 1, 2]);
  set.removeTopic('TopicA');
  t.same([set.topics(), disk.list('/cq')], [[], []]);
});

test('ConsumeQueueSet refuses names that lead elsewhere', async (t) => {
  const set = openSet(new MemoryDisk({ seed: 1 }));
  for (const topic of ['', '.', '..', '../x', 'a/b', 'a\\b', 'a\0b', 'x'.repeat(256)])
    t.match(
      thrown(() => set.queue(topic, 0)),
      { code: 'MQ_STORAGE_BAD_NAME' },
      JSON.stringify(topic),
    );
  t.match(
    thrown(() => set.queue('TopicA', -1)),
    { code: 'MQ_STORAGE_BAD_NAME' },
  );
  set.queue('%RETRY%group|x', 0);
});
