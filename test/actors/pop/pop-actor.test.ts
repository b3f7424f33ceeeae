/** The pop actor on the virtual clock: limits, filters that want little, ordered attempts, what others commit, refusals of the log. */
import { test } from 'tap';
import { tagCode } from '../../../model/tag-hash.ts';
import { MemoryDisk } from '../../../storage/memory-disk.ts';
import { GROUP, PopWorld, TOPIC } from './pop-world.ts';

const world = (seed = 1): PopWorld => new PopWorld(new MemoryDisk({ seed }), seed);
const RETRY = `%RETRY%${GROUP}_${TOPIC}`;
const bodies = (held: readonly { body: string }[]): string[] => held.map(({ body }) => body);

test('PopActor finds the one message that a filter wants behind very many that it does not', async (t) => {
  const one = world();
  for (let i = 0; i < 20_000; i++) {
    one.send(`m${i}`, 0, 'b');
    if (i % 2_000 === 0) one.advance(1_000);
  }
  one.send('wanted', 0, 'a');
  t.same(bodies(one.pop({ codes: [tagCode('a')] }).held), ['wanted']);
  t.equal(one.pop({ codes: [tagCode('a')] }).reply.status, 'none');
  one.advance(300);
  t.equal(one.committed.get(`${TOPIC}/0`), 20_000, 'what is not wanted is done, the one in flight is not');
});

test('PopActor gives out no more than may be in flight, and goes on when something is done', async (t) => {
  const one = world(2);
  one.limits.inflightMax = 5;
  for (let i = 0; i < 12; i++) one.send(`m${i}`, 0);
  const first = one.pop({ invisibleMs: 60_000 }).held;
  t.same(bodies(first), ['m0', 'm1', 'm2', 'm3', 'm4']);
  t.equal(one.pop().reply.status, 'none');
  t.equal(one.ack(first[2]!), 'done');
  t.same(bodies(one.pop({ invisibleMs: 60_000 }).held), ['m5']);
  one.advance(300);
  t.equal(one.committed.get(`${TOPIC}/0`) ?? 0, 0, 'the first is not done');
  for (const held of first) t.equal(one.ack(held), 'done');
  one.advance(300);
  t.equal(one.committed.get(`${TOPIC}/0`), 5);
});

test('PopActor answers full when too many pops wait', async (t) => {
  const one = world(3);
  one.limits.heldMax = 0;
  t.equal(one.pop({ holdMs: 1_000 }).reply.status, 'full');
});

test('an ordered pop of the same attempt gets the same messages at once, another one waits', async (t) => {
  const one = world(4);
  for (let i = 0; i < 4; i++) one.send(`m${i}`, 0);
  const terms = { isOrdered: true, queueId: 0, max: 2, invisibleMs: 1_000 };
  t.same(bodies(one.pop({ ...terms, attemptId: 'a' }).held), ['m0', 'm1']);
  t.equal(one.pop({ ...terms, attemptId: 'b' }).reply.status, 'none');
  const same = one.pop({ ...terms, attemptId: 'a' });
  t.same(bodies(same.held), ['m0', 'm1'], 'its answer was lost');
  t.same(same.reply.attempts, [0, 0], 'which is no further delivery');
  t.equal(one.ack(same.held[1]!), 'done');
  one.advance(1_000);
  const again = one.pop({ ...terms, attemptId: 'c' });
  t.same(bodies(again.held), ['m0']);
  t.same(again.reply.attempts, [1]);
  t.equal(one.ack(again.held[0]!), 'done');
  t.same(bodies(one.pop({ ...terms, attemptId: 'c' }).held), ['m2', 'm3']);
  const reborn = one.reborn(5, 100, one.committed);
  t.equal(reborn.pop(terms).reply.status, 'none', 'blocked after a crash too');
  reborn.advance(1_000);
  t.same(bodies(reborn.pop(terms).held), ['m2', 'm3']);
});

test('PopActor goes on where somebody else has consumed for the group, and never back', async (t) => {
  const one = world(6);
  for (let i = 0; i < 10; i++) one.send(`m${i}`, 0);
  for (const held of one.pop({ max: 4 }).held) t.equal(one.ack(held), 'done');
  one.advance(3_000);
  t.equal(one.committed.get(`${TOPIC}/0`), 4);
  one.committed.set(`${TOPIC}/0`, 7);
  t.same(bodies(one.pop({ max: 1 }).held), ['m7'], 'a pull has read three');
  const other = world(7);
  for (let i = 0; i < 3; i++) other.send(`m${i}`, 0);
  for (const held of other.pop().held) t.equal(other.ack(held), 'done');
  other.advance(100_000);
  other.committed.delete(`${TOPIC}/0`);
  t.equal(other.pop().reply.status, 'none', 'the group has lost what it was told: nothing comes again for that');
  other.advance(500);
  t.equal(other.committed.get(`${TOPIC}/0`), 3, 'and is told again');
});

test('while the log refuses, pops are served and acknowledgements say that they are not kept', async (t) => {
  const one = world(8);
  for (let i = 0; i < 3; i++) one.send(`m${i}`, 0);
  one.append.refuseFor('the disk is nearly full');
  const { held } = one.pop({ invisibleMs: 60_000 });
  t.equal(held.length, 3);
  t.equal(one.ack(held[0]!), 'refused');
  one.append.refuseFor('');
  one.advance(3_000);
  t.equal(one.ack(held[1]!), 'done');
  const reborn = one.reborn(9, 100, one.committed);
  t.equal(reborn.pop().reply.status, 'none', 'the whole state was told when there was room');
  t.equal(reborn.ack(held[2]!), 'done');
});

test('PopActor gives a message that comes again to a client when it cannot come from where it was any more', async (t) => {
  const one = world(10);
  one.send('m', 0);
  t.equal(one.pop({ invisibleMs: 1_000 }).held.length, 1);
  // It can be popped before the shard has looked what became of what it stored.
  const { store } = one;
  store.isAnswering = false;
  one.advance(1_010);
  t.equal(one.records(RETRY).length, 1);
  store.simulation.schedule(10, () => {
    store.isAnswering = true;
    store.sequence();
  });
  const again = one.pop({ invisibleMs: 60_000 }).held;
  t.same([bodies(again), again[0]?.retry], [['m'], 1]);
  // Nothing else reaches the log.
  const reborn = one.reborn(11, 100, one.committed);
  reborn.advance(2_000);
  t.equal(reborn.pop().reply.status, 'none', 'its place before is done');
  t.equal(reborn.records(RETRY).length, 1);
  t.equal(reborn.ack(again[0]!), 'done');
  reborn.advance(70_000);
  t.equal(reborn.pop().reply.status, 'none');
});

test('what was acknowledged to PopActor does not come again, also when a topic for another message of its pop is still being made', async (t) => {
  const one = world(12);
  const take = (): string[] => bodies(one.pop({ holdMs: 2_000, invisibleMs: 100 }).held);
  one.send('last', 0);
  for (let attempt = 0; attempt < 3; attempt++) t.same(take(), ['last']);
  one.send('b', 0);
  t.same(take(), ['b']);
  one.advance(200);
  t.same(take(), ['last', 'b'], 'one more attempt for one of them, none for the other');
  one.topicAfterMs = 500;
  const { held } = one.pop({ holdMs: 2_000, invisibleMs: 60_000 });
  t.same(bodies(held), ['b']);
  t.equal(one.ack(held[0]!), 'done');
  const reborn = one.reborn(13, 100, one.committed);
  t.equal(reborn.pop({ holdMs: 2_000 }).reply.status, 'none');
  t.same(
    reborn.records(`%DLQ%${GROUP}`).map(({ body }) => Buffer.from(body).toString()),
    ['last'],
  );
});

test('PopActor passes over nothing that has the offset of a message that a power cut has taken, however often the broker is killed before it could say so', async (t) => {
  const one = world(14);
  for (let i = 0; i < 40; i++) one.send(`m${i}`, 0);
  const { held } = one.pop({ max: 40, invisibleMs: 60_000 });
  for (const each of held.slice(1)) t.equal(one.ack(each), 'done');
  // As a power cut leaves it which takes twenty messages, but not the record that they were popped.
  one.tellJournal([{ kind: 'popped', popTime: one.now, invisibleMs: 60_000, offsets: [58, 59], next: 60 }]);
  let reborn = one.reborn(15, 100, one.committed);
  // Nothing reaches the journal while these are stored and the broker is killed again.
  for (let life = 0; life < 2; life++) {
    reborn.append.refuseFor('the disk is nearly full');
    reborn.advance(500);
    for (let i = 0; i < 15; i++) reborn.send(`n${life * 15 + i}`, 0);
    reborn = reborn.reborn(16 + life, 100, one.committed);
  }
  t.equal(reborn.store.table.next(reborn.store.handle(TOPIC, 0)), 70);
  const all: string[] = [];
  for (let { held } = reborn.pop(); held.length > 0; { held } = reborn.pop()) {
    for (const each of held) {
      all.push(each.body);
      t.equal(reborn.ack(each), 'done');
    }
  }
  t.same(
    all,
    Array.from({ length: 30 }, (_, i) => `n${i}`),
    'what was popped before is in flight or done',
  );
  reborn.advance(70_000);
  t.same(bodies(reborn.pop().held), ['m0'], 'and comes again');
});
