/** Ledgers and their records: what is replayed is what was lived. */
import fc from 'fast-check';
import { test } from 'tap';
import { DeadlineHeap } from '../../../actors/pop/deadline-heap.ts';
import type { PopEvent } from '../../../actors/pop/pop-events.ts';
import { type Checkpoint, PopLedger } from '../../../actors/pop/pop-ledger.ts';
import { decodePopRecord, encodePopRecord } from '../../../actors/pop/pop-record.ts';
import { countBehind } from '../../../actors/pop/pop-restoring.ts';
import { GAP_MARK, QUEUE_UNIT_BYTES, writeNoMessageUnits, writeQueueUnit } from '../../../storage/consume-queue/queue-unit.ts';

function fresh(): { ledger: PopLedger; deadlines: DeadlineHeap<Checkpoint> } {
  const deadlines = new DeadlineHeap<Checkpoint>();
  return { ledger: new PopLedger(0, 3, deadlines), deadlines };
}

/** All that can be seen of a ledger. */
function seen({ ledger, deadlines }: ReturnType<typeof fresh>, offsets: readonly number[], popTimes: readonly number[]): unknown {
  const states = offsets.map((offset) => popTimes.map((popTime) => ledger.receiptState(offset, popTime, 10, 1_000_000)));
  return {
    next: ledger.next,
    floor: ledger.floor,
    flying: ledger.flying,
    due: deadlines.first?.dueAt,
    states,
    blocked: ledger.ordered?.blockedUntil(''),
  };
}

const offset = fc.integer({ min: 0, max: 40 });
const popTime = fc.integer({ min: 1, max: 5 });
const invisibleMs = fc.integer({ min: 0, max: 50 });
const event: fc.Arbitrary<PopEvent> = fc.oneof(
  fc.record({
    kind: fc.constant('popped' as const),
    popTime,
    invisibleMs,
    offsets: fc.uniqueArray(offset, { maxLength: 5 }),
    next: offset,
  }),
  fc.record({ kind: fc.constant('settled' as const), offsets: fc.array(offset, { maxLength: 5 }) }),
  fc.record({ kind: fc.constant('changed' as const), offset, popTime, invisibleMs }),
  fc.record({ kind: fc.constant('reset' as const), next: offset }),
  fc
    .record({
      popTime,
      invisibleMs,
      attemptId: fc.constantFrom('', 'a'),
      offsets: fc.uniqueArray(offset, { minLength: 1, maxLength: 5 }),
      next: offset,
    })
    .map((ordered) => ({ kind: 'ordered' as const, ...ordered, attempts: ordered.offsets.map((_, index) => index) })),
  fc.record({ kind: fc.constant('ordered-settled' as const), offset }),
  fc.record({ kind: fc.constant('ordered-changed' as const), offset, visibleAt: fc.integer({ min: 0, max: 99 }) }),
);

test('PopLedger told anew by its own events, through records, is the same ledger', async (t) => {
  fc.assert(
    fc.property(fc.array(event, { maxLength: 40 }), (events) => {
      const lived = fresh();
      for (const one of events) {
        // A message is given out once until it is settled, by what a pop looks at.
        if (one.kind === 'popped' && one.offsets.some((offset) => lived.ledger.isFlying(offset))) continue;
        lived.ledger.apply(one);
      }
      const record = {
        group: 'G',
        topic: 'T',
        number: 7,
        isWhole: true,
        events: lived.ledger.events().map((one) => ({ retry: 0 as const, queueId: 3, event: one })),
      };
      const read = decodePopRecord(encodePopRecord(record));
      const told = fresh();
      for (const one of read!.events) told.ledger.apply(one.event);
      const offsets = Array.from({ length: 41 }, (_, index) => index);
      t.same(read, record);
      t.same(seen(told, offsets, [1, 2, 3, 4, 5]), seen(lived, offsets, [1, 2, 3, 4, 5]));
    }),
    { numRuns: 200 },
  );
});

test('PopLedger: the floor is the first message that is not done', async (t) => {
  const { ledger, deadlines } = fresh();
  t.equal(ledger.next, -1, 'nothing is known yet');
  ledger.apply({ kind: 'reset', next: 10 });
  ledger.apply({ kind: 'popped', popTime: 100, invisibleMs: 50, offsets: [10, 11, 13], next: 14 });
  t.equal(ledger.floor, 10);
  ledger.apply({ kind: 'settled', offsets: [10] });
  t.equal(ledger.floor, 11);
  ledger.apply({ kind: 'changed', offset: 11, popTime: 120, invisibleMs: 500 });
  t.equal(ledger.receiptState(11, 100, 50, 130), 'replaced');
  t.equal(ledger.receiptState(11, 120, 500, 130), 'live');
  t.equal(deadlines.first?.dueAt, 150, 'of the one that was not changed');
  ledger.apply({ kind: 'settled', offsets: [13] });
  t.equal(deadlines.first?.dueAt, 620);
  t.equal(ledger.receiptState(13, 100, 50, 130), 'settled');
  t.equal(ledger.receiptState(13, 100, 50, 160), 'expired');
  ledger.apply({ kind: 'settled', offsets: [11] });
  t.equal(ledger.floor, 14);
  t.ok(ledger.isClean);
  t.equal(deadlines.size, 0);
});

test('DeadlineHeap gives what is due first, whatever was taken out', async (t) => {
  fc.assert(
    fc.property(fc.array(fc.integer({ min: 0, max: 50 })), fc.array(fc.nat(60)), (dues, removed) => {
      const heap = new DeadlineHeap<{ dueAt: number; place: number }>();
      const items = dues.map((dueAt) => ({ dueAt, place: -1 }));
      for (const item of items) heap.add(item);
      const left = new Set(items);
      for (const index of removed) {
        const item = items[index];
        if (item === undefined) continue;
        heap.remove(item);
        left.delete(item);
      }
      const order: number[] = [];
      for (let first = heap.first; first !== undefined; first = heap.first) {
        order.push(first.dueAt);
        heap.remove(first);
      }
      t.same(
        order,
        [...left].map(({ dueAt }) => dueAt).sort((a, b) => a - b),
      );
    }),
  );
});

test('decodePopRecord gives null for what is no record of ours', async (t) => {
  for (const text of [
    '',
    '{}',
    'x',
    '{"v":2,"g":"G","t":"T","n":1,"e":[]}',
    '{"v":1,"g":"G","t":"T","n":1,"e":[[0,0,"z"]]}',
    '{"v":1,"g":"G","t":"T","n":1,"e":[[5,0,"s"]]}',
    '{"v":1,"g":"G","t":"T","n":1,"e":[[0,0,"s",1,9e15]]}',
    '{"v":1,"g":"G","t":"T","n":1,"e":[7]}',
  ]) {
    t.equal(decodePopRecord(Buffer.from(text)), null, text);
  }
});

test('PopLedger goes back to the end of a queue that a power cut has made shorter, and forgets what lay behind it', async (t) => {
  const ledger = new PopLedger(0, 0, new DeadlineHeap());
  for (const event of [
    { kind: 'reset', next: 0 },
    { kind: 'popped', popTime: 100, invisibleMs: 1000, offsets: [3, 4, 5], next: 6 },
  ] as const)
    ledger.apply(event);
  for (const event of ledger.cutEvents(4, 200)) ledger.apply(event);
  t.equal(ledger.next, 4, 'what is stored there now is given out');
  t.same(
    [3, 4, 5].map((offset) => ledger.isFlying(offset)),
    [true, false, false],
  );
  t.equal(ledger.floor, 3);
});

test('countBehind finds where a queue was cut, whatever units lie between that stand for no message', async (t) => {
  fc.assert(
    fc.property(
      // Places in the log, rising, or none.
      fc.array(fc.option(fc.nat(1_000), { nil: null }), { maxLength: 40 }),
      fc.nat(12_000),
      (steps, toldAt) => {
        let physical = 0;
        const places = steps.map((step) => (step === null ? null : (physical += step + 1)));
        const units = new Uint8Array(places.length * QUEUE_UNIT_BYTES);
        for (const [unit, place] of places.entries()) {
          if (place === null) writeNoMessageUnits(units, unit * QUEUE_UNIT_BYTES, 1, GAP_MARK);
          else writeQueueUnit(units, unit * QUEUE_UNIT_BYTES, place, 100, 0);
        }
        const first = places.findIndex((place) => place !== null && place > toldAt);
        const { count, isAll } = countBehind(units, toldAt);
        t.equal(count, first < 0 ? 0 : places.length - first);
        t.equal(isAll, !places.some((place) => place !== null && place <= toldAt));
      },
    ),
  );
});
