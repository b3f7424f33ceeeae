import fc from 'fast-check';
import { test } from 'tap';
import { TimerWheel } from '../../runtime/timer-wheel.ts';

const delay = fc.oneof(
  fc.integer({ min: 0, max: 600 }),
  fc.integer({ min: 0, max: 70_000 }),
  fc.integer({ min: 0, max: 2 ** 28 }),
  fc.constantFrom(255, 256, 257, 16_383, 16_384, 16_385, 2 ** 20, 2 ** 26),
);
const step = fc.oneof(
  { weight: 3, arbitrary: fc.record({ do: fc.constant('schedule' as const), ms: delay }) },
  { weight: 1, arbitrary: fc.record({ do: fc.constant('cancel' as const), which: fc.nat() }) },
  { weight: 2, arbitrary: fc.record({ do: fc.constant('advance' as const), ms: delay }) },
  { weight: 2, arbitrary: fc.constant({ do: 'next' as const }) },
);

test('TimerWheel fires what a sorted list would, at the same advance, in the same order', async (t) => {
  fc.assert(
    fc.property(fc.integer({ min: 0, max: 2 ** 34 }), fc.array(step, { maxLength: 80 }), (startMs, steps) => {
      const wheel = new TimerWheel<number>(startMs);
      let now = startMs;
      let made = 0;
      let waiting: { due: number; name: number; id: number }[] = [];
      const ids: number[] = [];
      for (const current of steps) {
        if (current.do === 'schedule') {
          const name = made++;
          const id = wheel.schedule(now + current.ms, name);
          ids.push(id);
          waiting.push({ due: now + current.ms, name, id });
        } else if (current.do === 'cancel') {
          const id = ids[current.which % Math.max(1, ids.length)] ?? 12345;
          const was = waiting.some((timer) => timer.id === id);
          if (wheel.cancel(id) !== was) return false;
          waiting = waiting.filter((timer) => timer.id !== id);
        } else {
          const next = wheel.nextMs();
          const first = Math.min(...waiting.map(({ due }) => due));
          if ((next === undefined) !== (waiting.length === 0)) return false;
          // What was due in a tick that has passed already comes with the next one.
          if (next !== undefined && next > Math.max(first, now + 1)) return false;
          now = current.do === 'next' ? Math.max(now, next ?? now) : now + current.ms;
          const fired: number[] = [];
          const isLate = waiting.filter(({ due }) => due <= now);
          wheel.advance(now, (name) => void fired.push(name));
          const expected = isLate.filter(({ name }) => fired.includes(name)).sort((a, b) => a.due - b.due);
          if (fired.length !== expected.length) return false;
          if (isLate.some(({ name, due }) => !fired.includes(name) && due < now)) return false;
          const dueOf = (name: number): number => isLate.find((timer) => timer.name === name)?.due ?? -1;
          for (let i = 1; i < fired.length; i++) {
            const [a, b] = [dueOf(fired[i - 1] as number), dueOf(fired[i] as number)];
            // Timers made too late for their tick stand among those of the next.
            if (a > b + 1) return false;
          }
          waiting = waiting.filter(({ name }) => !fired.includes(name));
        }
        if (wheel.size !== waiting.length) return false;
      }
      return true;
    }),
    { numRuns: 2000 },
  );
  t.pass('no counterexample');
});

test('TimerWheel fires timers scheduled together in their order, and lets one cancel another of its tick', async (t) => {
  const wheel = new TimerWheel<string>(0);
  const fired: string[] = [];
  for (const name of ['a', 'b', 'c', 'd']) wheel.schedule(1000, name);
  const doomed = wheel.schedule(1000, 'e');
  wheel.advance(2000, (name) => {
    fired.push(name);
    if (name === 'b') t.ok(wheel.cancel(doomed));
    if (name === 'c') wheel.schedule(0, 'again');
  });
  t.same(fired, ['a', 'b', 'c', 'd', 'again']);
  t.equal(wheel.size, 0);
  t.notOk(wheel.cancel(doomed), 'it is gone');
});

test('TimerWheel refuses more timers than its maximum, and an old id cancels nothing', async (t) => {
  const wheel = new TimerWheel<number>(0, 3);
  const ids = [1, 2, 3].map((n) => wheel.schedule(n, n));
  t.throws(() => wheel.schedule(4, 4), { code: 'MQ_RUNTIME_LIMIT' });
  t.ok(wheel.cancel(ids[0] as number));
  const reused = wheel.schedule(5, 5);
  t.notOk(wheel.cancel(ids[0] as number), 'its slot belongs to another now');
  t.ok(wheel.cancel(reused));
});

test('TimerWheel loses no timer when one throws', async (t) => {
  const wheel = new TimerWheel<number>(0);
  for (let i = 0; i < 3; i++) wheel.schedule(10, i);
  const fired: number[] = [];
  const fire = (name: number): void => {
    fired.push(name);
    if (name === 1) throw new Error('one');
  };
  t.throws(() => wheel.advance(10, fire));
  wheel.advance(11, fire);
  t.same(fired, [0, 1, 2]);
});
