/** Which half messages are ended, beside a plain set; and from which op record on a start reads. */
import fc from 'fast-check';
import { test } from 'tap';
import { EndedOffsets } from '../../../actors/transaction/ended-offsets.ts';
import { OpProgress } from '../../../actors/transaction/op-progress.ts';

const MAX = 100_000;
const STEP = fc.oneof(
  fc.record({ kind: fc.constant('add' as const), from: fc.nat(MAX), count: fc.integer({ min: 1, max: 40_000 }) }),
  fc.record({ kind: fc.constant('remove' as const), from: fc.nat(MAX), count: fc.integer({ min: 1, max: 3 }) }),
  fc.record({ kind: fc.constant('move' as const), from: fc.nat(MAX), count: fc.constant(0) }),
);

test('EndedOffsets is a set with a base', (t) => {
  fc.assert(
    fc.property(fc.nat(MAX), fc.array(STEP, { maxLength: 12 }), fc.array(fc.nat(MAX), { maxLength: 20 }), (base, steps, asked) => {
      const ended = new EndedOffsets(base);
      const model = new Set<number>();
      let low = base;
      for (const { kind, from, count } of steps) {
        if (kind === 'move') {
          ended.moveTo(from);
          low = Math.max(low, from);
          for (const one of model) if (one < low) model.delete(one);
        }
        for (let offset = from; offset < from + count; offset++) {
          if (kind === 'add') {
            ended.add(offset);
            if (offset >= low) model.add(offset);
          } else {
            ended.remove(offset);
            model.delete(offset);
          }
        }
      }
      const isIn = (offset: number): boolean => offset < low || model.has(offset);
      for (const offset of [...asked, low - 1, low, low + 1]) {
        if (offset < 0) continue;
        if (ended.has(offset) !== isIn(offset)) return false;
        let open = Math.max(offset, low);
        while (open < MAX && isIn(open)) open++;
        if (ended.nextOpen(offset, MAX) !== Math.max(Math.min(open, MAX), 0)) return false;
      }
      return ended.base === low && ended.marked === model.size;
    }),
    { numRuns: 60 },
  );
  t.end();
});

test('OpProgress goes on behind records whose half messages are all ended, and never too far', (t) => {
  fc.assert(
    fc.property(fc.array(fc.integer({ min: -1, max: 50_000 }), { minLength: 1, maxLength: 9000 }), fc.nat(50_001), (highs, base) => {
      const progress = new OpProgress(0);
      for (const [offset, highest] of highs.entries()) progress.note(offset, highest);
      progress.settle(base);
      for (let offset = 0; offset < progress.done; offset++) if (highs[offset]! >= base) return false;
      progress.settle(60_000);
      return progress.done === highs.length;
    }),
    { numRuns: 60 },
  );
  t.end();
});
