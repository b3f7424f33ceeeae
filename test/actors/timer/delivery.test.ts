/** Which parked messages are due, and what is known to be delivered. */
import fc from 'fast-check';
import { test } from 'tap';
import { dueUnits } from '../../../actors/timer/decide-delivery.ts';
import { DeliveryProgress } from '../../../actors/timer/delivery-progress.ts';
import {
  GAP_MARK,
  QUEUE_UNIT_BYTES,
  writeNoMessageUnits,
  writeQueueUnit,
  writeUnitTime,
} from '../../../storage/consume-queue/queue-unit.ts';

const NOW = 1_800_000_000_000;

function units(waits: readonly (number | null)[], size = 100): Uint8Array {
  const bytes = new Uint8Array(waits.length * QUEUE_UNIT_BYTES);
  for (const [unit, waitMs] of waits.entries()) {
    const at = unit * QUEUE_UNIT_BYTES;
    if (waitMs === null) {
      writeNoMessageUnits(bytes, at, 1, GAP_MARK);
      continue;
    }
    writeQueueUnit(bytes, at, unit * size, size, 0);
    writeUnitTime(bytes, at, NOW + waitMs);
  }
  return bytes;
}

test('dueUnits gives what is due, and how long the next one waits', (t) => {
  const cases: { waits: (number | null)[]; due: number; waitMs: number | null; bytesMax?: number; what: string }[] = [
    { waits: [], due: 0, waitMs: null, what: 'nothing there' },
    { waits: [500], due: 0, waitMs: 500, what: 'not yet' },
    { waits: [0], due: 1, waitMs: null, what: 'exactly now' },
    { waits: [-1, -1], due: 2, waitMs: null, what: 'all late' },
    { waits: [-5, 0, 1, 2], due: 2, waitMs: 1, what: 'the first two' },
    { waits: [1001], due: 1, waitMs: null, what: 'later than its level allows: the clock was wrong when it was stored' },
    { waits: [1000], due: 0, waitMs: 1000, what: 'as late as its level allows' },
    { waits: [null, 10], due: 1, waitMs: 10, what: 'a place without a message holds nobody up' },
    { waits: [null, null], due: 2, waitMs: null, what: 'only such places' },
    { waits: [0, 0, 0], due: 2, waitMs: 0, bytesMax: 250, what: 'no more bytes than asked for' },
    { waits: [0, 0], due: 1, waitMs: 0, bytesMax: 10, what: 'but one message' },
  ];
  for (const { waits, due, waitMs, bytesMax = 1_000_000, what } of cases)
    t.same(dueUnits(units(waits), waits.length, NOW, 1000, bytesMax), { due, waitMs }, what);
  t.end();
});

test('DeliveryProgress moves on over what is delivered without a gap', (t) => {
  const progress = new DeliveryProgress(10);
  t.ok(progress.take() && progress.take() && progress.take(), 'three are taken');
  progress.settle(12);
  progress.settle(11);
  t.equal(progress.done, 10, 'the first is under way');
  progress.settle(10);
  t.equal(progress.done, 13);
  t.equal(progress.next, 13);
  t.end();
});

test('DeliveryProgress reads a failed one again, and nothing else', (t) => {
  const progress = new DeliveryProgress(0);
  for (let i = 0; i < 4; i++) progress.take();
  progress.settle(2);
  progress.fail(1);
  t.equal(progress.next, 1);
  t.equal(progress.take(), true, 'the failed one');
  t.equal(progress.take(), false, 'one that is delivered');
  t.equal(progress.take(), false, 'one that is under way');
  t.equal(progress.next, 4);
  for (const offset of [0, 1, 3]) progress.settle(offset);
  t.equal(progress.done, 4);
  const last = new DeliveryProgress(0);
  last.take();
  last.take();
  last.settle(1);
  last.fail(0);
  last.take();
  last.settle(0);
  t.same([last.done, last.next], [2, 2], 'what was delivered behind the failed one is not read again');
  t.throws(() => progress.settle(3), 'nothing is settled twice');
  t.end();
});

test('DeliveryProgress goes on within what its queue holds', (t) => {
  const removed = new DeliveryProgress(5);
  t.equal(removed.clamp(9, 20), true);
  t.equal(removed.next, 9, 'retention has removed what lay before');
  const cut = new DeliveryProgress(50);
  t.equal(cut.clamp(0, 20), true);
  t.equal(cut.done, 20, 'the log was cut off before what had been delivered');
  t.equal(new DeliveryProgress(7).clamp(0, 20), false);
  t.end();
});

test('DeliveryProgress loses nothing, whatever fails', (t) => {
  fc.assert(
    fc.property(fc.array(fc.record({ act: fc.constantFrom('take', 'settle', 'fail'), pick: fc.nat() }), { maxLength: 200 }), (steps) => {
      const progress = new DeliveryProgress(0);
      const flying: number[] = [];
      const delivered = new Set<number>();
      for (const { act, pick } of steps) {
        if (act === 'take') {
          const offset = progress.next;
          const isTaken = progress.take();
          if (isTaken && (delivered.has(offset) || flying.includes(offset))) return false;
          if (isTaken) flying.push(offset);
          continue;
        }
        if (flying.length === 0) continue;
        const [offset] = flying.splice(pick % flying.length, 1);
        if (act === 'settle') {
          progress.settle(offset!);
          delivered.add(offset!);
        } else progress.fail(offset!);
      }
      for (let offset = 0; offset < progress.done; offset++) if (!delivered.has(offset)) return false;
      if (progress.next < progress.done) return false;
      return !delivered.has(progress.done) && progress.flying === flying.length;
    }),
    { numRuns: 2000 },
  );
  t.pass('over all sequences tried');
  t.end();
});

test('DeliveryProgress is full when the oldest is too far behind', (t) => {
  const progress = new DeliveryProgress(3);
  progress.take();
  let taken = 1;
  while (!progress.isFull) {
    const offset = progress.next;
    if (progress.take()) taken++;
    progress.settle(offset);
  }
  t.equal(taken, 8192);
  t.throws(() => progress.take(), 'who takes looks for room before');
  progress.settle(3);
  t.same([progress.done, progress.next, progress.isFull], [8195, 8195, false], 'then it goes on, behind all of them');
  t.end();
});
