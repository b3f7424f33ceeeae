/** The heap of near timers, against a sorted list. */
import fc from 'fast-check';
import { test } from 'tap';
import { NearTimers } from '../../../actors/timer/near-timers.ts';

type Timer = { key: number; physical: number; value: number };

function taken(near: NearTimers): Timer[] {
  const all: Timer[] = [];
  while (near.size > 0) {
    all.push({ key: near.key, physical: near.physical, value: near.value });
    near.pop();
  }
  return all;
}

function inOrder(timers: readonly Timer[]): Timer[] {
  return [...timers].sort((a, b) => a.key - b.key || a.physical - b.physical);
}

const timers = fc.uniqueArray(
  fc.record({ key: fc.integer({ min: 0, max: 50 }), physical: fc.integer({ min: 0, max: 1e6 }), value: fc.integer({ min: 0, max: 99 }) }),
  { selector: ({ physical }) => physical, maxLength: 3000 },
);

test('NearTimers gives timers by time, then by place', (t) => {
  fc.assert(
    fc.property(timers, (given) => {
      const near = new NearTimers();
      for (const { key, physical, value } of given) near.push(key, physical, value);
      t.same(taken(near), inOrder(given));
    }),
    { numRuns: 50 },
  );
  t.end();
});

test('NearTimers forgets what lies behind a place, and keeps the order of the rest', (t) => {
  fc.assert(
    fc.property(timers, fc.integer({ min: 0, max: 50 }), fc.integer({ min: 0, max: 1e6 }), (given, key, physical) => {
      const near = new NearTimers();
      for (const one of given) near.push(one.key, one.physical, one.value);
      near.dropAfter(key, physical);
      const kept = given.filter((one) => one.key < key || (one.key === key && one.physical <= physical));
      t.same(taken(near), inOrder(kept));
    }),
    { numRuns: 50 },
  );
  t.end();
});

test('NearTimers halves at its median, also when all have one time', (t) => {
  const near = new NearTimers();
  for (let i = 0; i < 10_000; i++) near.push(7, (i * 7919) % 10_007, i);
  const { key, physical } = near.median();
  near.dropAfter(key, physical);
  t.ok(near.size > 2_000 && near.size < 8_000, `${near.size} of 10000 are left`);
  t.end();
});
