/** The timer actor on the virtual clock: on time, once, in order; over refusals, restarts and kills. */
import { test } from 'tap';
import { SeededRandom } from '../../../runtime/random.ts';
import { MemoryDisk } from '../../../storage/memory-disk.ts';
import { LEVELS_MS, TimerWorld } from './timer-world.ts';

const START_MS = 1_700_000_000_000;

test('TimerActor delivers each message when its time has come, once and in order', (t) => {
  const world = new TimerWorld(new MemoryDisk({ seed: 1 }), 1);
  const random = new SeededRandom(7);
  const sent = new Map<string, { at: number; level: number }>();
  for (let i = 0; i < 600; i++) {
    const level = 1 + Math.floor(random.next() * 2);
    const body = `m${i}`;
    sent.set(body, { at: world.store.simulation.clock.now(), level });
    world.send(body, level);
    world.advance(Math.floor(random.next() * 30));
  }
  world.advance(6000);
  const delivered = world.delivered();
  t.same(delivered.map(({ body }) => body).sort(), [...sent.keys()].sort(), 'each once');
  let latest = 0;
  for (const { body, storedAt } of delivered) {
    const { at, level } = sent.get(body)!;
    const lateMs = storedAt - at - LEVELS_MS[level - 1]!;
    if (lateMs < 0) t.fail(`${body} came ${-lateMs} ms before its time`);
    latest = Math.max(latest, lateMs);
  }
  t.ok(latest <= 10, `at most ${latest} ms late`);
  for (const level of [1, 2]) {
    for (const queue of [0, 1]) {
      const numbers = delivered
        .filter(({ body, queueId }) => queueId === queue && sent.get(body)!.level === level)
        .map(({ body }) => Number(body.slice(1)));
      t.same(
        numbers,
        [...numbers].sort((a, b) => a - b),
        `level ${level} in the order in which it was parked`,
      );
    }
  }
  t.same(world.store.simulation.failures, []);
  t.end();
});

test('TimerActor does nothing while nothing is parked', (t) => {
  const world = new TimerWorld(new MemoryDisk({ seed: 1 }), 1);
  world.advance(1000);
  const before = world.store.simulation.handled;
  world.advance(600_000);
  const handled = world.store.simulation.handled - before;
  t.ok(handled < 600_000 / 1000, `${handled} messages in ten minutes, the store's own included`);
  world.send('after a long rest', 1);
  world.advance(1010);
  t.same(
    world.delivered().map(({ body }) => body),
    ['after a long rest'],
    'it is told of the next one',
  );
  t.end();
});

test('TimerActor delivers a crowd that is due at once in bounded portions', (t) => {
  const world = new TimerWorld(new MemoryDisk({ seed: 3 }), 3);
  for (let i = 0; i < 5000; i++) {
    world.send(`m${i}`, 1);
    if (i % 500 === 0) world.advance(2);
  }
  world.advance(3000);
  t.equal(new Set(world.delivered().map(({ body }) => body)).size, 5000);
  t.equal(world.delivered().length, 5000, 'each once');
  t.ok(world.views >= 5000 / 256, `${world.views} reads`);
  t.end();
});

test('TimerActor tries again what the log refuses', (t) => {
  const disk = new MemoryDisk({ seed: 4 });
  const world = new TimerWorld(disk, 4);
  for (let i = 0; i < 50; i++) world.send(`m${i}`, 1);
  world.advance(900);
  disk.fail({ call: 'write', errno: 'ENOSPC', path: /commitlog/, times: 3 });
  world.advance(10_000);
  const bodies = world.delivered().map(({ body }) => body);
  t.equal(new Set(bodies).size, 50, 'all come when there is room');
  t.equal(bodies.length, 50, 'each once: what is refused is not in the log');
  world.send('late', 1);
  world.advance(500);
  world.append.refuseFor('the disk is nearly full');
  world.advance(20_000);
  t.equal(world.delivered().length, 50, 'while nothing is taken nothing is delivered');
  world.append.refuseFor('');
  world.advance(2000);
  t.equal(world.delivered().length, 51);
  t.end();
});

test('TimerActor passes over a message whose topic is no more', (t) => {
  const world = new TimerWorld(new MemoryDisk({ seed: 5 }), 5);
  world.send('before', 1);
  world.advance(2000);
  const topic = world.topics.get('T')!;
  world.send('for nobody', 1);
  world.advance(500);
  world.topics.remove('T');
  world.advance(2000);
  world.topics.put(topic);
  world.send('after', 1);
  world.advance(2000);
  t.same(
    world
      .delivered()
      .map(({ body }) => body)
      .sort(),
    ['after', 'before'],
  );
  t.equal(world.store.simulation.logs.filter(({ text }) => text.includes('is dropped')).length, 1, 'and says so');
  world.topics.remove('T');
  world.topics.complete = false;
  world.topics.put(topic);
  world.send('early', 1);
  world.topics.remove('T');
  world.advance(3000);
  world.topics.put(topic);
  world.topics.complete = true;
  world.advance(1000);
  t.ok(
    world.delivered().some(({ body }) => body === 'early'),
    'before the topics have come nothing is dropped',
  );
  t.end();
});

test('TimerActor saves what it has delivered, also when a save fails', (t) => {
  const disk = new MemoryDisk({ seed: 6 });
  const world = new TimerWorld(disk, 6);
  // Once more than the ballast helps.
  disk.fail({ call: 'write', errno: 'ENOSPC', path: /delayOffset/, times: 2 });
  world.send('m', 1);
  world.advance(2200);
  t.ok(
    world.store.simulation.logs.some(({ text }) => text.includes('Cannot save delayOffset.json')),
    'the failure is told',
  );
  world.advance(5000);
  t.match(world.saveNow(), { kind: 'delay-offsets-saved' });
  world.store.kill();
  const again = new TimerWorld(disk, 6, START_MS + 60_000);
  again.advance(10_000);
  t.equal(again.delivered().length, 1, 'delivered before, and not again');
  t.end();
});

for (let seed = 1; seed <= 20; seed++) {
  test(`TimerActor loses nothing over kills (seed ${seed})`, (t) => {
    const random = new SeededRandom(seed);
    const disk = new MemoryDisk({ seed });
    const stored = new Set<string>();
    let startMs = START_MS;
    let next = 0;
    let world = new TimerWorld(disk, seed, startMs);
    for (let life = 0; life < 5; life++) {
      const sends = 20 + Math.floor(random.next() * 100);
      for (let i = 0; i < sends; i++) {
        world.send(`m${next++}`, 1 + Math.floor(random.next() * 2), stored);
        world.advance(Math.floor(random.next() * 60));
      }
      if (random.next() < 0.3) world.saveNow();
      world.store.kill();
      startMs = world.store.simulation.clock.now() + Math.floor(random.next() * 4000);
      world = new TimerWorld(disk, seed + life, startMs);
    }
    world.advance(10_000);
    const bodies = new Set(world.delivered().map(({ body }) => body));
    t.same(
      [...stored].filter((body) => !bodies.has(body)),
      [],
      `${stored.size} stored, ${world.delivered().length} deliveries`,
    );
    t.same(world.store.simulation.failures, []);
    t.end();
  });
}
