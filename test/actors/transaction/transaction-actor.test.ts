/** The transaction actor on the virtual clock: each half message ends once; who waits is asked about; over crashes at every step. */
import { test } from 'tap';
import { decodeMessageRecords } from '../../../model/message-record.ts';
import { SeededRandom } from '../../../runtime/random.ts';
import { MemoryDisk } from '../../../storage/memory-disk.ts';
import { bodiesOf, diskWith, GIVEN_UP, HALF, type Offsets, OP, type Place, TransactionWorld } from './transaction-world.ts';

test('TransactionActor ends each half message once, whoever says so and how often', (t) => {
  const world = new TransactionWorld(new MemoryDisk({ seed: 1 }), 1);
  const places = new Map<string, Place>();
  for (let i = 0; i < 200; i++) world.send(String(i), (place) => places.set(String(i), place));
  world.advance(10);
  for (const [body, place] of places) {
    for (let again = 0; again < 3; again++) world.endOneway(place, Number(body) % 3 !== 0);
  }
  for (const [body, place] of places) world.endOneway(place, Number(body) % 3 === 0);
  world.advance(100);
  const committed = [...places.keys()].filter((body) => Number(body) % 3 !== 0).sort();
  t.same(world.seen(), committed);
  const place = places.get('1')!;
  t.match(world.end37(place, true), { code: 0, remark: /committed before/ });
  t.match(world.end37(place, false), { code: 1, remark: /committed before/ });
  world.advance(5000);
  t.match(world.figures, { pending: 0, committed: committed.length, rolledBack: 200 - committed.length, checks: 0 });
  t.match(world.saved.at(-1), { half: 200 }, 'the next start begins behind them');
  t.equal(world.saved.at(-1)?.op, world.records(OP).length);
  t.ok(world.records(OP).length < 200 / 3, `one op record for many: ${world.records(OP).length}`);
  t.same(world.store.simulation.failures, []);
  t.end();
});

test('TransactionActor ends no half message for an end that names another one', (t) => {
  const world = new TransactionWorld(new MemoryDisk({ seed: 7 }), 7);
  const places: Place[] = [];
  for (let i = 0; i < 40; i++) world.send(String(i), (place) => places.push(place));
  world.advance(10);
  for (const place of places) world.endOneway({ ...place, id: 'of a message that is lost' }, true);
  world.advance(100);
  t.same(world.seen(), []);
  t.match(world.end37({ ...places[0]!, id: 'lost' }, true), { code: 1, remark: /is "U0", which the request does not name/ });
  for (const [index, place] of places.entries()) world.endOneway({ ...place, id: `U${index}` }, true);
  world.advance(100);
  t.equal(world.seen().length, 40);
  t.same(world.store.simulation.failures, []);
  t.end();
});

test('TransactionActor resumes a half message that was given up once, over restarts and however it ended since', (t) => {
  const before = new TransactionWorld(new MemoryDisk({ seed: 4 }), 4);
  before.join();
  for (const body of ['resumed', 'torn', 'left']) before.send(body);
  before.advance(20_000);
  const place = (body: string): number => before.records(GIVEN_UP).find((kept) => String(Buffer.from(kept.body)) === body)!.physicalOffset;
  before.onAsked = (asked) => before.endOneway(asked, true, true);
  t.match(before.resume(place('resumed')), { code: 0 });
  before.advance(5_000);
  t.same(before.seen(), ['resumed']);
  t.match(before.resume(place('torn')), { code: 0 });
  const log = before.log();
  const lastMark = before.records(GIVEN_UP).at(-1)!;
  // Once with all, once without the last mark: it goes to the log behind what it speaks of, and a crash may part them.
  for (const end of [log.length, lastMark.physicalOffset]) {
    const after = new TransactionWorld(diskWith(log.subarray(0, end), 5), 5, before.now + 1_000);
    after.join();
    after.advance(100);
    t.match(after.resume(place('resumed')), { code: 1, remark: /resumed already/ }, 'nobody has to remember how it ended');
    t.match(after.resume(place('torn')), { code: 1, remark: /resumed already/ });
    t.match(after.resume(place('left')), { code: 0 });
    after.onAsked = (asked) => after.endOneway(asked, true, true);
    after.advance(10_000);
    t.same(after.seen(), ['left', 'resumed', 'torn'], 'each once');
    t.match(after.resume(place('torn')), { code: 1 });
    t.same(after.store.simulation.failures, []);
  }
  t.end();
});

test('TransactionActor asks about what waits, as often as the rules say, and resumes what was given up', (t) => {
  const world = new TransactionWorld(new MemoryDisk({ seed: 2 }), 2);
  world.join(1);
  world.join(2);
  let place: Place | undefined;
  world.send('lost', (at) => {
    place = at;
  });
  world.send('slow', () => {}, { CHECK_IMMUNITY_TIME_IN_SECONDS: '60' });
  world.advance(20_000);
  t.same(
    world.asked.map(({ body, times }) => `${body} ${times}`),
    ['lost 1', 'lost 2', 'lost 3'],
  );
  t.same(new Set(world.asked.map(({ connection }) => connection)), new Set([1, 2]), 'another member each time');
  const [kept] = world.records(GIVEN_UP);
  t.equal(Buffer.from(kept!.body).toString(), 'lost');
  t.match(world.end37(place!, true), { code: 604 }, 'given up');
  t.match(world.resume(kept!.physicalOffset - 1), { code: 1 });
  t.match(world.resume(place!.physical), { code: 1, remark: /RMQ_SYS_TRANS_HALF_TOPIC/ });
  t.match(world.resume(kept!.physicalOffset), { code: 0 });
  t.match(world.resume(kept!.physicalOffset), { code: 1, remark: /already/ });
  world.onAsked = (asked) => world.endOneway(asked, true, true);
  world.advance(5000);
  t.same(world.seen(), ['lost']);
  t.match(world.resume(kept!.physicalOffset), { code: 1, remark: /committed/ });
  world.advance(60_000);
  t.same(world.seen(), ['lost', 'slow']);
  t.match(world.figures, { pending: 0, givenUp: 1, committed: 2 });
  t.same(world.store.simulation.failures, []);
  t.end();
});

test('TransactionActor ends by its first place what was stored again, and lists what is open', (t) => {
  const world = new TransactionWorld(new MemoryDisk({ seed: 3 }), 3);
  world.join();
  let place: Place | undefined;
  for (let i = 0; i < 150; i++)
    world.send(`m${i}`, (at) => {
      place = at;
    });
  world.advance(3500);
  t.equal(world.asked.length, 150);
  const first = world.list();
  t.match(first, { pending: 150 });
  t.equal(first?.offsets.length, 64, 'a page');
  t.match(first?.groups[0], 'PG');
  t.match(first?.topics[0], 'T');
  t.equal(first?.checks[0], 1);
  let listed = 0;
  for (let from = 0; from >= 0; ) {
    const page = world.list(from)!;
    listed += page.offsets.length;
    from = page.next;
  }
  t.equal(listed, 150);
  t.match(world.end37(place!, true), { code: 0 });
  t.same(world.seen(), ['m149']);
  t.match(world.list(), { pending: 149 });
  t.end();
});

test('TransactionActor tries again what the log refuses, and loses nothing', (t) => {
  const disk = new MemoryDisk({ seed: 4 });
  const world = new TransactionWorld(disk, 4);
  world.join();
  world.onAsked = (asked) => world.endOneway(asked, true, true);
  const places: Place[] = [];
  for (let i = 0; i < 50; i++) world.send(`m${i}`, (place) => places.push(place));
  world.advance(10);
  disk.fail({ call: 'write', errno: 'ENOSPC', path: /commitlog/, times: 3 });
  for (const place of places) world.endOneway(place, true);
  world.advance(20_000);
  t.equal(world.seen().length, 50);
  t.equal(new Set(world.seen()).size, 50);
  t.same(world.store.simulation.failures, []);
  t.end();
});

/** What an application would say: commit, roll back, or never anything. */
function wordOf(body: string): boolean | null {
  const number = Number(body);
  return number % 4 === 3 ? null : number % 2 === 0;
}

/** A life of the broker: half messages with every fate, and the log that it leaves. */
function life(seed: number): { world: TransactionWorld; log: Uint8Array; places: Map<string, Place> } {
  const world = new TransactionWorld(new MemoryDisk({ seed }), seed);
  const random = new SeededRandom(seed);
  const places = new Map<string, Place>();
  world.join();
  world.onAsked = (asked) => {
    const word = wordOf(asked.body);
    if (word !== null && (asked.times > 1 || random.below(2) === 0)) world.endOneway(asked, word, true);
  };
  for (let i = 0; i < 16; i++) {
    const body = String(i);
    world.send(body, (place) => {
      places.set(body, place);
      const word = wordOf(body);
      // Some words are lost on their way, some come late, some twice.
      const fate = random.below(4);
      if (word === null || fate === 0) return;
      world.store.simulation.schedule(fate === 1 ? 3000 : 0, () => world.endOneway(place, word));
      if (fate === 2) world.store.simulation.schedule(1, () => world.endOneway(place, word));
    });
    world.advance(random.below(400));
  }
  world.advance(14_000);
  return { world, log: world.log(), places };
}

for (const seed of [1, 2, 3, 4, 5, 6]) {
  test(`TransactionActor finds after a crash at any step what it knew (seed ${seed})`, (t) => {
    const { world: before, log, places } = life(seed);
    const ends = [0];
    for (const { totalSize } of decodeMessageRecords(log)) ends.push(ends.at(-1)! + totalSize);
    t.ok(ends.length > 60, `${ends.length} places to crash at`);
    let crashes = 0;
    for (const [index, boundary] of ends.entries()) {
      // In the middle of a record too: the log is cut at its beginning.
      const end = index % 3 === 0 && boundary + 60 < log.length ? boundary + 60 : boundary;
      // The offsets as they were saved last, or not at all.
      const saved = index % 2 === 0 ? before.saved.filter((one) => one.end <= boundary).at(-1) : undefined;
      const offsets: Offsets = saved ?? { half: -1, op: -1 };
      const world = new TransactionWorld(diskWith(log.subarray(0, end), seed), seed, before.now + 1000, offsets);
      const stored = new Set(bodiesOf(world.records(HALF)));
      // What was asked about for the last time before the crash may have got no answer.
      world.settings.checksMax = 6;
      world.join();
      world.onAsked = (asked) => {
        const word = wordOf(asked.body);
        if (word !== null) world.endOneway(asked, word, true);
      };
      // Clients say once more what they have said, by the places that they know.
      if (index % 5 < 3) {
        for (const [body, place] of places) {
          const word = wordOf(body);
          if (word !== null && place.physical < boundary) world.endOneway(place, word);
        }
      }
      world.advance(22_000);
      const expected = [...stored].filter((body) => wordOf(body) === true).sort();
      const givenUp = [...stored].filter((body) => wordOf(body) === null).sort();
      const isRight =
        String(world.seen()) === String(expected) &&
        String(bodiesOf(world.records(GIVEN_UP))) === String(givenUp) &&
        world.list()?.pending === 0 &&
        world.store.simulation.failures.length === 0;
      crashes++;
      if (!isRight) {
        t.same(world.seen(), expected, `seen after a crash at ${end} (record ${index}), saved ${JSON.stringify(offsets)}`);
        t.same(bodiesOf(world.records(GIVEN_UP)), givenUp, 'given up');
        t.equal(world.list()?.pending, 0);
        t.same(world.store.simulation.failures, []);
        break;
      }
    }
    t.equal(crashes, ends.length);
    t.end();
  });
}
