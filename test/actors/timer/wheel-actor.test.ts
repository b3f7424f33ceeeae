/** The timing wheel on the virtual clock: never early, hardly late, once; over crowds, refusals, clocks that jump, kills and power cuts. */

import { test } from 'tap';
import { WRITTEN_END } from '../../../actors/commit-log/watermarks.ts';
import { WHEEL_FILES_PATH } from '../../../actors/timer/wheel-messages.ts';
import { SeededRandom } from '../../../runtime/random.ts';
import { MemoryDisk } from '../../../storage/memory-disk.ts';
import { WheelWorld } from './wheel-world.ts';

const START_MS = 1_700_000_000_000;

function bodies(world: WheelWorld): string[] {
  return world
    .delivered()
    .map(({ body }) => body)
    .sort();
}

test('WheelActor delivers each message at its time, once, from memory and from its files', (t) => {
  const world = new WheelWorld(new MemoryDisk({ seed: 1 }), 1);
  const random = new SeededRandom(7);
  const due = new Map<string, number>();
  for (let i = 0; i < 1500; i++) {
    const at = world.now + 1 + Math.floor(random.next() ** 3 * 120_000);
    due.set(`m${i}`, at);
    world.send(`m${i}`, at);
    world.advance(Math.floor(random.next() * 20));
  }
  t.ok(world.told().near <= 200, `${world.told().near} in memory`);
  t.ok(world.runs.length > 0, 'the others in files');
  world.advance(121_000);
  const delivered = world.delivered();
  t.equal(delivered.length, 1500, 'each once');
  let latest = 0;
  for (const { body, storedAt } of delivered) {
    if (storedAt < due.get(body)!) t.fail(`${body} came ${due.get(body)! - storedAt} ms early`);
    latest = Math.max(latest, storedAt - due.get(body)!);
  }
  t.ok(latest <= 10, `at most ${latest} ms late`);
  t.match(world.told(), { pending: 0, delivered: 1500, behind: 0, lagMs: 0, dropped: 0 });
  t.same(world.store.simulation.failures, []);
  t.end();
});

test('WheelActor stores a message as Java does: its own properties go, the times of its way come', (t) => {
  const world = new WheelWorld(new MemoryDisk({ seed: 1 }), 1);
  world.send('m', world.now + 1500, undefined, { TAGS: 'a', own: 'x', TIMER_DELAY_MS: '1500' });
  const at = world.now + 1500;
  world.advance(3000);
  const { properties } = world.delivered()[0]!;
  t.same([...properties.keys()].sort(), [
    'REAL_QID',
    'REAL_TOPIC',
    'TAGS',
    'TIMER_DELAY_MS',
    'TIMER_DEQUEUE_MS',
    'TIMER_ENQUEUE_MS',
    'TIMER_OUT_MS',
    'UNIQ_KEY',
    'own',
  ]);
  t.equal(properties.get('TIMER_OUT_MS'), String((Math.ceil(at / 1000) - 1) * 1000));
  t.equal(properties.get('REAL_TOPIC'), 'T');
  t.end();
});

test('WheelActor does nothing while nothing is parked', (t) => {
  const world = new WheelWorld(new MemoryDisk({ seed: 1 }), 1);
  world.advance(1000);
  const before = world.store.simulation.handled;
  world.advance(600_000);
  t.ok(world.store.simulation.handled - before < 600, `${world.store.simulation.handled - before} messages in ten minutes`);
  t.end();
});

test('WheelActor stores a message anew that waits for longer than a record may, and delivers it once', (t) => {
  const world = new WheelWorld(new MemoryDisk({ seed: 2 }), 2);
  world.rollAfterMs = 60_000;
  const at = world.now + 400_000;
  world.send('far', at);
  world.send('word', at);
  world.recall('word', at);
  world.send('near', world.now + 60_000);
  world.advance(399_990);
  t.same(bodies(world), ['near']);
  t.ok(world.told().rolled >= 3 * 6, `${world.told().rolled} times`);
  world.advance(20);
  t.same(bodies(world), ['far', 'near'], 'what was taken back stays so');
  const far = world.delivered().find(({ body }) => body === 'far')!;
  t.ok(far.storedAt >= at && far.storedAt <= at + 5);
  t.ok(Number(far.properties.get('TIMER_ROLL_TIMES')) >= 6);
  t.equal(world.told().recalled, 1);
  t.end();
});

test('WheelActor takes back what is named, of the topic that is named, until it is delivered', (t) => {
  const world = new WheelWorld(new MemoryDisk({ seed: 3 }), 3);
  const at = world.now + 5_000 - (world.now % 1000) + 700;
  for (let i = 0; i < 200; i++) world.send(`m${i}`, at + (i % 7));
  world.send('m1', at, undefined, {}, 'U');
  world.advance(100);
  for (let i = 0; i < 200; i += 2) world.recall(`m${i}`, at);
  world.recall('m1', at - 2000);
  world.advance(4_000);
  world.recall('m3', at);
  world.advance(at - world.now - 2);
  world.recall('m5', at);
  world.advance(2000);
  world.recall('m7', at);
  world.advance(2000);
  const left = bodies(world);
  t.notOk(left.includes('m3'), 'a late word');
  t.ok(left.includes('m7'), 'too late');
  t.ok(left.includes('m1'), 'another second');
  const isLeft = (i: number): boolean => i % 2 === 1 && i !== 3 && i !== 5;
  t.same(
    left.filter((body) => body !== 'm5'),
    Array.from({ length: 200 }, (_, i) => i)
      .filter(isLeft)
      .map((i) => `m${i}`)
      .sort(),
  );
  t.equal(world.delivered('U').length, 1, 'of another topic');
  t.end();
});

test('WheelActor takes back a message whose record is read long after its second', (t) => {
  const world = new WheelWorld(new MemoryDisk({ seed: 21 }), 21);
  const second = world.now + 5_000 - (world.now % 1000);
  for (const body of ['gone', 'stays']) world.send(body, second + 700);
  world.recall('gone', second + 700);
  world.advance(second + 100 - world.now);
  world.isReaderStill = true;
  world.advance(1_500);
  // Something else happens after the second.
  world.send('later', second + 60_000);
  world.advance(1_500);
  t.same(bodies(world), []);
  world.readAgain();
  world.advance(1_000);
  t.same(bodies(world), ['stays']);
  t.equal(world.told().recalled, 1);
  t.end();
});

test('WheelActor waits for a word that stands behind what the disk does not have yet', (t) => {
  const world = new WheelWorld(new MemoryDisk({ seed: 22 }), 22);
  const second = world.now + 5_000 - (world.now % 1000);
  for (const body of ['gone', 'stays']) world.send(body, second + 150);
  // They are read, and wait for their time.
  world.advance(second - 50 - world.now);
  const end = (): number => world.store.marks.read(WRITTEN_END);
  world.visibleMax = end();
  world.recall('gone', second + 150);
  world.advance(2);
  const wordEnd = end();
  world.send('short', second - 40);
  world.advance(3);
  t.ok(end() > wordEnd, 'both are written');
  // The word is on the disk, and answered; before it on the wheel stands one that is not.
  world.visibleMax = wordEnd;
  world.advance(1_000);
  t.notOk(bodies(world).includes('gone'), 'whatever else is held up');
  world.visibleMax = Number.POSITIVE_INFINITY;
  world.advance(100);
  t.same(bodies(world), ['short', 'stays']);
  t.equal(world.told().recalled, 1);
  t.end();
});

test('WheelActor delivers a crowd of one millisecond in bounded memory', (t) => {
  const world = new WheelWorld(new MemoryDisk({ seed: 4 }), 4);
  const at = world.now + 60_000;
  for (let i = 0; i < 3000; i++) {
    world.send(`m${i}`, at);
    if (i % 200 === 0) world.advance(2);
  }
  world.advance(100);
  t.ok(world.told().near <= 128, `${world.told().near} in memory`);
  t.equal(world.told().pending, 3000);
  world.advance(at - world.now - 1);
  t.equal(world.delivered().length, 0);
  world.advance(2000);
  t.equal(world.delivered().length, 3000, 'each once');
  t.end();
});

test('WheelActor tries again what the log refuses', (t) => {
  const disk = new MemoryDisk({ seed: 5 });
  const world = new WheelWorld(disk, 5);
  for (let i = 0; i < 50; i++) world.send(`m${i}`, world.now + 1000);
  world.advance(900);
  disk.fail({ call: 'write', errno: 'ENOSPC', path: /commitlog/, times: 3 });
  world.advance(10_000);
  t.equal(bodies(world).length, 50, 'each once when there is room');
  world.send('late', world.now + 1000);
  world.advance(500);
  world.append.refuseFor('the disk is nearly full');
  world.advance(20_000);
  t.equal(world.delivered().length, 50, 'while nothing is taken nothing is delivered');
  t.ok(world.told().lagMs > 18_000, 'and the lag says so');
  world.append.refuseFor('');
  world.advance(2000);
  t.equal(world.delivered().length, 51);
  t.end();
});

test('WheelActor goes on without room for its files, and with them when there is', (t) => {
  const disk = new MemoryDisk({ seed: 6 });
  const world = new WheelWorld(disk, 6);
  disk.fail({ call: 'write', errno: 'ENOSPC', path: /timerruns/, times: 1e9 });
  for (let i = 0; i < 500; i++) {
    world.send(`m${i}`, world.now + 30_000 + i * 10);
    world.advance(5);
  }
  world.advance(20_000);
  t.same(world.runs, [], 'no file');
  disk.heal();
  world.advance(60_000);
  t.equal(bodies(world).length, 500, 'each once');
  t.end();
});

test('WheelActor drops a message whose topic is no more, and one whose record is damaged', (t) => {
  const disk = new MemoryDisk({ seed: 7 });
  const world = new WheelWorld(disk, 7);
  const topic = world.topics.get('T')!;
  world.send('for nobody', world.now + 1000);
  world.send('for somebody', world.now + 2500);
  world.advance(500);
  world.topics.remove('T');
  world.advance(1000);
  world.topics.put(topic);
  world.advance(2000);
  t.same(bodies(world), ['for somebody']);
  t.equal(world.told().dropped, 1);
  t.equal(world.store.simulation.logs.filter(({ text }) => text.includes('is dropped')).length, 1, 'and says so');
  world.send('damaged', world.now + 2000);
  world.send('whole', world.now + 2000);
  world.advance(100);
  const [segment] = disk.list('/store/commitlog') as [string];
  const end = world.store.marks.read(0);
  disk.flipBit(`/store/commitlog/${segment}`, end - 450, 3);
  world.advance(5000);
  t.ok(bodies(world).includes('whole') || bodies(world).includes('damaged'), 'the other one comes');
  t.match(world.told(), { pending: 0 });
  t.end();
});

test('WheelActor: a clock that is set forward makes timers due; one that is set back makes them wait, and none comes twice', (t) => {
  const disk = new MemoryDisk({ seed: 8 });
  const world = new WheelWorld(disk, 8);
  const { clock } = world.store.simulation;
  const first = world.now;
  for (let i = 0; i < 300; i++) world.send(`m${i}`, first + 60_000 + i * 100);
  world.advance(2000);
  t.equal(world.delivered().length, 0);
  clock.setWallClock(75_000);
  world.advance(3050);
  const early = world.delivered().length;
  t.ok(early > 150 && early < 300, `${early} are due by the clock`);
  clock.setWallClock(-75_000);
  world.advance(5000);
  t.equal(world.delivered().length, early, 'no more than were delivered while it was wrong');
  for (let i = 0; i < 100; i++) world.send(`n${i}`, world.now + 500 + i * 100);
  world.advance(11_000);
  t.equal(world.delivered().length, early + 100, 'new ones come in time, though the wheel was further');
  world.save();
  world.store.kill();
  const again = new WheelWorld(disk, 9, world.now + 1000);
  again.advance(first + 100_000 - again.now);
  const all = bodies(again);
  t.equal(all.length, 400, 'over a restart, too: each once');
  t.equal(new Set(all).size, 400);
  for (const { body, storedAt } of again.delivered()) if (body.startsWith('n') && storedAt < first) t.fail('a store time that goes back');
  t.end();
});

test("WheelActor takes over what waits in a Java broker's store, and not what that broker has delivered", (t) => {
  const disk = new MemoryDisk({ seed: 11 });
  const java = new WheelWorld(disk, 11, START_MS, { hasWheel: false });
  const start = java.now;
  for (let i = 0; i < 30; i++) java.sendAsJava(`m${i}`, start + 1000 * i + 500);
  java.advance(100);
  java.store.kill();
  const check = Buffer.alloc(56);
  // Delivered up to the tenth second, of the first 25.
  check.writeBigInt64BE(BigInt(Math.floor(start / 1000) * 1000 + 10_000), 0);
  check.writeBigInt64BE(25n, 16);
  const world = new WheelWorld(disk, 12, start + 10_000, { javaCheck: check });
  world.advance(60_000);
  const came = world.delivered();
  t.same(
    came.map(({ body }) => Number(body.slice(1))).sort((a, b) => a - b),
    Array.from({ length: 20 }, (_, i) => i + 10),
  );
  for (const { body, storedAt } of came) {
    const at = start + 1000 * Number(body.slice(1)) + 500;
    t.ok(storedAt >= Math.max(at, start + 10_000) && storedAt <= Math.max(at + 1000, start + 10_100), `${body} ${storedAt - at} ms late`);
  }
  t.end();
});

test('WheelActor says that a message is delivered when the disk has it, not before', (t) => {
  for (let seed = 1; seed <= 20; seed++) {
    const disk = new MemoryDisk({ seed });
    const world = new WheelWorld(disk, seed);
    const at = world.now + 1000;
    for (let i = 0; i < 10; i++) world.send(`m${i}`, at + 10 * i);
    world.advance(500);
    world.flush();
    // The table is due a second after the first delivery; the sync that it waits for does not come any more.
    world.advanceUnflushed(3000);
    t.equal(world.delivered().length, 10);
    disk.cutPower();
    world.store.kill();
    const again = new WheelWorld(disk, seed, world.now + 1);
    again.advance(5000);
    t.equal(new Set(bodies(again)).size, 10, `all of them are there or come again (seed ${seed})`);
  }
  t.end();
});

for (let seed = 1; seed <= 30; seed++) {
  const isPowerCut = seed % 3 === 0;
  test(`WheelActor loses nothing and is never early over ${isPowerCut ? 'power cuts' : 'kills'} (seed ${seed})`, (t) => {
    const random = new SeededRandom(seed);
    const disk = new MemoryDisk({ seed });
    const due = new Map<string, number>();
    const stored = new Set<string>();
    /** What was on the disk with its word, as far as anybody was told. */
    const lasting = new Set<string>();
    const recalled = new Set<string>();
    let next = 0;
    let world = new WheelWorld(disk, seed, START_MS);
    let twice = 0;
    const watch = (): void => {
      world.onFlushed = () => {
        for (const body of stored) lasting.add(body);
      };
    };
    for (let life = 0; life < 5; life++) {
      watch();
      const sends = 50 + Math.floor(random.next() * 200);
      for (let i = 0; i < sends; i++) {
        const body = `m${next++}`;
        const at = world.now + 1 + Math.floor(random.next() ** 2 * 20_000);
        due.set(body, at);
        world.send(body, at, (one) => void stored.add(one));
        if (random.next() < 0.1 && at - world.now > 2500) {
          world.advance(2);
          world.recall(body, at, (one) => void recalled.add(one));
        }
        world.advance(Math.floor(random.next() * 40));
      }
      if (random.next() < 0.3) world.save();
      if (isPowerCut) {
        disk.cutPower();
        // What was acknowledged in this mode and not flushed may be gone, with all that happened to it.
        for (const body of stored) if (!lasting.has(body)) stored.delete(body);
      }
      world.store.kill();
      world = new WheelWorld(disk, seed + life, world.now + Math.floor(random.next() * 4000));
    }
    world.advance(30_000);
    const delivered = world.delivered();
    const came = new Set(delivered.map(({ body }) => body));
    t.same(
      [...stored].filter((body) => !came.has(body) && !recalled.has(body)),
      [],
      `${stored.size} stored, ${recalled.size} taken back, ${delivered.length} deliveries`,
    );
    t.ok(came.size > 100);
    t.same(
      [...recalled].filter((body) => came.has(body) && !isPowerCut),
      [],
      'what was taken back does not come',
    );
    for (const { body, storedAt } of delivered) if (storedAt < due.get(body)!) t.fail(`${body} came early`);
    twice = delivered.length - came.size;
    t.ok(twice <= 5 * 150, `${twice} came twice over five kills`);
    t.equal(world.told().pending, 0);
    t.same(world.store.simulation.failures, []);
    t.end();
  });
}

test('WheelActor asks the successor of a thread that has died with what it was asked', (t) => {
  const disk = new MemoryDisk({ seed: 11 });
  const former = new WheelWorld(disk, 11);
  const at = former.now + 3000;
  for (let i = 0; i < 100; i++) former.send(`m${i}`, at + i);
  former.advance(500);
  former.store.kill();
  const world = new WheelWorld(disk, 12, former.now + 100, { areFilesDeaf: true });
  world.advance(1000);
  t.equal(world.told().pending, 0, 'nobody has said how many wait');
  world.store.simulation.ref(WHEEL_FILES_PATH).tell({ kind: 'end' });
  world.advance(1);
  world.startFiles();
  world.advance(300);
  t.equal(world.told().pending, 100, 'asked again long before the time for an answer is over');
  world.advance(at + 1000 - world.now);
  t.equal(new Set(bodies(world)).size, 100);
  t.end();
});

test('WheelActor rests in a burst, but for words that take messages back', (t) => {
  const world = new WheelWorld(new MemoryDisk({ seed: 13 }), 13);
  const at = world.now + 5_000 - (world.now % 1000) + 900;
  for (let i = 0; i < 2000; i++) {
    world.send(`m${i}`, at + Math.floor(i / 10));
    if (i % 200 === 0) world.advance(2);
  }
  world.advance(at + 100 - world.now);
  world.recall('m1500', at + 150);
  world.advance(400);
  const left = world.delivered();
  t.equal(left.length, 1999);
  t.notOk(
    left.some(({ body }) => body === 'm1500'),
    'what has come before its time counts',
  );
  const late = left.map(({ body, storedAt }) => storedAt - at - Math.floor(Number(body.slice(1)) / 10));
  t.ok(Math.min(...late) >= 0, 'none is early');
  t.ok(Math.max(...late) <= 20, `the latest came ${Math.max(...late)} ms late`);
  t.end();
});
