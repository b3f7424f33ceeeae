/** Sorted files of timers, against a sorted list: whatever is added, merged, damaged or cut off by a crash. */
import fc from 'fast-check';
import { test } from 'tap';
import {
  QUEUE_UNIT_BYTES,
  unitPhysicalOffset,
  unitTime,
  writeQueueUnit,
  writeUnitTime,
} from '../../../storage/consume-queue/queue-unit.ts';
import { MemoryDisk } from '../../../storage/memory-disk.ts';
import { sortUnits } from '../../../storage/timer/sort-units.ts';
import { TimerRunDamage } from '../../../storage/timer/timer-run.ts';
import { TimerRuns } from '../../../storage/timer/timer-runs.ts';
import { comesBefore, timerKey } from '../../../storage/timer/timer-unit.ts';

const DIRECTORY = '/timerruns';
const BASE = 1_700_000_000_000;

type Timer = { time: number; physical: number };

function units(timers: readonly Timer[]): Uint8Array {
  const bytes = new Uint8Array(timers.length * QUEUE_UNIT_BYTES);
  const keys = new Float64Array(timers.length);
  for (const [index, { time, physical }] of timers.entries()) {
    writeQueueUnit(bytes, index * QUEUE_UNIT_BYTES, physical, 100, 0);
    writeUnitTime(bytes, index * QUEUE_UNIT_BYTES, time);
    keys[index] = timerKey(time);
  }
  return sortUnits(bytes, keys, timers.length, new Uint8Array(bytes.length), new Float64Array(timers.length));
}

function inOrder(timers: readonly Timer[]): Timer[] {
  return [...timers].sort((a, b) => timerKey(a.time) - timerKey(b.time) || a.physical - b.physical);
}

function all(runs: TimerRuns, key = 0, physical = -1): Timer[] {
  const found: Timer[] = [];
  runs.each(key, physical, (bytes, at) => {
    found.push({ time: unitTime(bytes, at), physical: unitPhysicalOffset(bytes, at) });
    return true;
  });
  return found;
}

function open(disk: MemoryDisk, next: number): { runs: TimerRuns; damages: string[] } {
  const damages: string[] = [];
  return { runs: new TimerRuns(disk, DIRECTORY, next, (reason) => damages.push(reason)), damages };
}

/** Batches of the queue: places in the log go up from batch to batch. */
const batches = fc
  .array(fc.array(fc.record({ ms: fc.integer({ min: 0, max: 3000 }), isWord: fc.boolean() }), { maxLength: 700 }), {
    minLength: 1,
    maxLength: 9,
  })
  .map((given) => {
    let physical = 0;
    return given.map((batch) =>
      batch.map(({ ms, isWord }) => {
        physical += 100;
        return { time: isWord ? -(BASE + ms) : BASE + ms, physical };
      }),
    );
  });

test('TimerRuns gives everything in order, from any place, before and after merging and opening again', (t) => {
  fc.assert(
    fc.property(batches, fc.integer({ min: 0, max: 3000 }), (given, ms) => {
      const disk = new MemoryDisk({ seed: 1 });
      let { runs } = open(disk, 0);
      for (const [index, batch] of given.entries()) runs.add(units(batch), index * 1000, (index + 1) * 1000);
      const expected = inOrder(given.flat());
      const key = timerKey(BASE + ms);
      const later = expected.filter(({ time, physical }) => comesBefore(key, 500, timerKey(time), physical));
      t.same(all(runs), expected);
      t.same(all(runs, key, 500), later);
      while (runs.mergeStep(() => true));
      t.ok(runs.count < 4 || given.length < 4, `${runs.count} are left of ${given.length}`);
      t.same(all(runs), expected, 'merged');
      runs.close();
      ({ runs } = open(disk, given.length * 1000));
      t.equal(runs.indexed, given.length * 1000);
      t.same(all(runs, key, 500), later, 'opened again');
      t.equal(
        runs.pending(key, 500, () => true, false),
        later.filter(({ time }) => time > 0).length,
      );
      runs.close();
    }),
    { numRuns: 25 },
  );
  t.end();
});

test('TimerRuns leaves out of a merge what is not wanted any more', (t) => {
  const disk = new MemoryDisk({ seed: 1 });
  const { runs } = open(disk, 0);
  for (let run = 0; run < 4; run++)
    runs.add(
      units(Array.from({ length: 600 }, (_, i) => ({ time: BASE + i, physical: run * 100_000 + i * 100 }))),
      run * 600,
      run * 600 + 600,
    );
  while (runs.mergeStep((key) => key > timerKey(BASE + 299)));
  t.equal(runs.count, 1);
  t.equal(runs.units, 4 * 300);
  t.equal(runs.indexed, 2400);
  t.end();
});

test('TimerRuns survives a crash at any call to the disk: what is opened is whole, or nothing', (t) => {
  for (let seed = 0; seed < 60; seed++) {
    const disk = new MemoryDisk({ seed });
    disk.makeDirectory(DIRECTORY);
    const { runs } = open(disk, 0);
    let added = 0;
    for (let run = 0; run < 6; run++) {
      runs.add(
        units(Array.from({ length: 50 }, (_, i) => ({ time: BASE + ((i * 37) % 50), physical: run * 5000 + i * 100 }))),
        run * 50,
        run * 50 + 50,
      );
      added += 50;
    }
    for (let step = 0; step < seed % 4; step++) runs.mergeStep(() => true);
    disk.cutPower();
    const { runs: again, damages } = open(disk, added);
    try {
      const found = all(again);
      t.equal(found.length, Math.max(0, again.indexed), `seed ${seed}: all up to ${again.indexed} ${damages.join(' ')}`);
    } catch (error) {
      t.ok(error instanceof TimerRunDamage, `seed ${seed}: ${String(error)}`);
    }
  }
  t.end();
});

test('TimerRuns finds damage: at the opening or when it is read, and begins anew', (t) => {
  const timers = Array.from({ length: 2000 }, (_, i) => ({ time: BASE + i, physical: i * 100 }));
  for (const at of [0, 17, 63, 64, 5000, 64 + 2000 * 20 + 1]) {
    const disk = new MemoryDisk({ seed: 1 });
    const { runs } = open(disk, 0);
    runs.add(units(timers), 0, 2000);
    runs.close();
    const [name] = disk.list(DIRECTORY) as [string];
    const file = disk.open(`${DIRECTORY}/${name}`, 'write');
    const byte = new Uint8Array(1);
    file.read(byte, 0, 1, at);
    byte[0]! ^= 0x55;
    file.write(byte, 0, 1, at);
    file.close();
    const { runs: again, damages } = open(disk, 2000);
    if (damages.length > 0) {
      t.equal(again.count, 0, `byte ${at}: found at the opening`);
      t.same(disk.list(DIRECTORY), []);
      continue;
    }
    t.throws(() => all(again), { code: 'MQ_STORAGE_TIMER_RUN' }, `byte ${at}: found when it is read`);
    again.clear();
    t.equal(again.indexed, -1);
  }
  t.end();
});

test('TimerRuns throws away what lies behind the end of the queue, and a directory with a gap', (t) => {
  const disk = new MemoryDisk({ seed: 1 });
  const { runs } = open(disk, 0);
  runs.add(units([]), 0, 10);
  runs.add(units([{ time: BASE, physical: 0 }]), 10, 20);
  runs.add(units([]), 20, 30);
  runs.close();
  const shorter = open(disk, 25);
  t.equal(shorter.damages.length, 1, 'a crash has cut the queue');
  t.equal(shorter.runs.indexed, -1);
  shorter.runs.add(units([]), 0, 10);
  shorter.runs.add(units([]), 15, 20);
  shorter.runs.close();
  const gap = open(disk, 100);
  t.equal(gap.damages.length, 1, 'a gap');
  t.equal(gap.runs.count, 0);
  t.end();
});
