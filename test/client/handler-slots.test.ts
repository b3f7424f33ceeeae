import { test } from 'tap';
import { ClientCore } from '../../client/client-core.ts';
import { HandlerSlots } from '../../client/handler-slots.ts';
import { HandlerWatch } from '../../client/handler-watch.ts';
import { ClientWorld } from '../support/client-world.ts';

test('HandlerSlots lets so many in at once, the others in their order', async (t) => {
  const slots = new HandlerSlots(2);
  const entered: number[] = [];
  const all = [0, 1, 2, 3, 4].map((index) => slots.enter().then(() => entered.push(index)));
  await Promise.all(all.slice(0, 2));
  t.same([entered, slots.running], [[0, 1], 2]);
  slots.leave();
  await all[2];
  slots.leave();
  await all[3];
  t.same([entered, slots.running], [[0, 1, 2, 3], 2]);
  slots.leave();
  await all[4];
  const idle = slots.idle();
  slots.leave();
  slots.leave();
  await idle;
  t.equal(slots.running, 0);
});

test('HandlerSlots lets nobody in while it is paused, and those that wait when it goes on', async (t) => {
  const slots = new HandlerSlots(2);
  slots.pause();
  let entered = 0;
  const all = [0, 1, 2].map(() => slots.enter().then(() => entered++));
  await Promise.resolve();
  t.equal(entered, 0);
  slots.resume();
  await Promise.all(all.slice(0, 2));
  t.same([entered, slots.running], [2, 2]);
  slots.pause();
  slots.leave();
  await Promise.resolve();
  t.equal(entered, 2);
  slots.resume();
  await all[2];
  t.equal(entered, 3);
});

test('HandlerWatch tells what a handler threw, whatever that is, and which took too long', async (t) => {
  const world = new ClientWorld();
  const core = new ClientCore(
    { nameServers: 'names:1', transport: world.transport, environment: world.environment },
    { membership: () => null, onRequest: () => {}, onRouteChange: () => {}, defaultTopicQueues: 4 },
  );
  const watch = new HandlerWatch(core, 1_000);
  watch.start();
  t.equal(await watch.run(() => {}), null);
  t.equal(await watch.run(async () => {}), null);
  const error = new Error('no');
  t.equal(
    await watch.run(() => {
      throw error;
    }),
    error,
  );
  t.equal(await watch.run(() => Promise.reject(error)), error);
  t.match(await watch.run(() => Promise.reject()), { message: 'the handler threw nothing' });
  const stuck = watch.run(() => new Promise(() => {}));
  t.match(await world.until(stuck), { message: /longer than 1000 ms/ });
  t.ok(world.nowMs >= 1_000 && world.nowMs <= 1_300, `after ${world.nowMs} ms`);
  core.close();
  t.equal(world.timers, 0, 'nothing is left of it');
});
