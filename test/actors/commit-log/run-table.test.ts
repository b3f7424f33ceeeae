import { test } from 'tap';
import { allocateRunTable, FoundRun, RunTable } from '../../../actors/commit-log/run-table.ts';

test('RunTable finds the run that holds a physical offset, and lets runs of one lane grow together', (t) => {
  const memory = allocateRunTable(4);
  const writer = new RunTable(memory);
  const reader = new RunTable(memory);
  const found = new FoundRun();
  writer.note(0, 100, 0, 0, 1);
  writer.note(100, 50, 0, 100, 1);
  writer.note(150, 50, 1, 700, 1);
  t.ok(reader.find(120, found));
  t.same([found.start, found.length, found.lane, found.position], [0, 150, 0, 0], 'the two runs of lane 0 are one');
  t.ok(reader.find(199, found));
  t.same([found.start, found.lane, found.position], [150, 1, 700]);
  t.notOk(reader.find(200, found), 'not written yet');
  t.end();
});

test('RunTable parts runs where the lane wraps, the log has a blank, or the lane has a new owner', (t) => {
  const writer = new RunTable(allocateRunTable(16));
  const found = new FoundRun();
  writer.note(0, 10, 0, 0, 1);
  writer.note(10, 10, 0, 64, 1);
  writer.note(30, 10, 0, 74, 1);
  writer.note(40, 10, 0, 84, 2);
  t.ok(writer.find(12, found) && found.position === 64, 'skipped bytes in the lane');
  t.notOk(writer.find(25, found), 'the blank record is in no lane');
  t.ok(writer.find(45, found) && found.generation === 2, 'another generation is another run');
  t.end();
});

test('RunTable forgets the oldest runs and keeps offsets beyond 2^32', (t) => {
  const writer = new RunTable(allocateRunTable(4));
  const found = new FoundRun();
  const base = 5 * 2 ** 32;
  for (let run = 0; run < 10; run++) writer.note(base + run * 10, 5, 0, run * 100, 1);
  t.notOk(writer.find(base, found), 'overwritten by newer runs');
  t.ok(writer.find(base + 93, found));
  t.equal(found.start, base + 90);
  t.end();
});
