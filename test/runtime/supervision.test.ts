import { test } from 'tap';
import type { Restart } from '../../runtime/actor.ts';
import { type HeartbeatVerdict, HeartbeatWatch } from '../../runtime/supervision/heartbeat-watch.ts';
import { RestartBudget } from '../../runtime/supervision/restart-budget.ts';
import { isRestarted, planRestart } from '../../runtime/supervision/restart-strategy.ts';

test("isRestarted is OTP's table", async (t) => {
  const table: [Restart, boolean, boolean][] = [
    ['permanent', true, true],
    ['permanent', false, true],
    ['transient', true, true],
    ['transient', false, false],
    ['temporary', true, false],
    ['temporary', false, false],
  ];
  for (const [restart, failed, expected] of table)
    t.equal(isRestarted(restart, failed), expected, `${restart}, ${failed ? 'failed' : 'by its own will'}`);
});

test('planRestart: who stops, in reverse order, and who starts, in order', async (t) => {
  const all: Restart[] = ['permanent', 'permanent', 'permanent', 'permanent'];
  t.same(planRestart('one-for-one', all, 1), { stop: [], start: [1] });
  t.same(planRestart('rest-for-one', all, 1), { stop: [3, 2], start: [1, 2, 3] });
  t.same(planRestart('rest-for-one', all, 3), { stop: [], start: [3] });
  t.same(planRestart('one-for-all', all, 1), { stop: [3, 2, 0], start: [0, 1, 2, 3] });
  const mixed: Restart[] = ['temporary', 'permanent', 'temporary', 'transient'];
  t.same(planRestart('one-for-all', mixed, 1), { stop: [3, 2, 0], start: [1, 3] }, 'a temporary sibling does not come back');
});

test('RestartBudget counts within its period only', async (t) => {
  const budget = new RestartBudget(2, 1000);
  t.same(
    [0, 999, 999, 1000, 1500, 1999].map((nowMs) => budget.take(nowMs)),
    [0, 0, -1, 0, -1, 0],
    'at 1000 the one of 0 is forgotten, at 1999 that of 999',
  );
  t.equal(new RestartBudget(0, 1000).take(0), -1, 'an intensity of 0 escalates at once');
});

test('RestartBudget waits twice as long each time, up to its maximum, and begins anew after a quiet period', async (t) => {
  const budget = new RestartBudget(10, 10_000, { minMs: 100, maxMs: 700 });
  t.same(
    [0, 1, 2, 3, 4].map((nowMs) => budget.take(nowMs)),
    [100, 200, 400, 700, 700],
  );
  t.equal(budget.take(20_000), 100);
});

/** Ticks of 100 ms as [heartbeat, call]. */
const watched = (ticks: [number, number][]): HeartbeatVerdict[] => {
  const watch = new HeartbeatWatch(100, 300, 200);
  return ticks.map(([heartbeat, call]) => watch.tick(heartbeat, call));
};

test('HeartbeatWatch says hung after the time without a heartbeat, in ticks', async (t) => {
  t.same(
    watched([
      [1, 0],
      [2, 0],
      [3, 0],
      [4, 0],
    ]),
    ['alive', 'alive', 'alive', 'alive'],
  );
  t.same(
    watched([
      [1, 0],
      [1, 0],
      [1, 0],
      [1, 0],
    ]),
    ['alive', 'alive', 'alive', 'hung'],
  );
  t.same(
    watched([
      [1, 0],
      [1, 0],
      [1, 0],
      [2, 0],
      [2, 0],
    ]),
    ['alive', 'alive', 'alive', 'alive', 'alive'],
    'a late heartbeat is one',
  );
  t.same(
    watched([
      [-(2 ** 31), 0],
      [2 ** 31 - 1, 0],
    ]),
    ['alive', 'alive'],
    'any other number is a heartbeat: counters wrap',
  );
});

test('HeartbeatWatch says stuck once for a call that lasts, and never hung', async (t) => {
  t.same(
    watched([
      [1, 1],
      [1, 1],
      [1, 1],
      [1, 1],
      [1, 1],
    ]),
    ['alive', 'alive', 'stuck', 'alive', 'alive'],
  );
  t.same(
    watched([
      [1, 1],
      [1, 1],
      [1, 3],
      [1, 3],
      [1, 3],
    ]),
    ['alive', 'alive', 'alive', 'alive', 'stuck'],
    'another call has its own time',
  );
  t.same(
    watched([
      [1, 1],
      [1, 1],
      [1, 2],
      [1, 2],
      [1, 2],
      [1, 2],
    ]),
    ['alive', 'alive', 'alive', 'alive', 'hung', 'hung'],
    'after the call heartbeats count again',
  );
});
