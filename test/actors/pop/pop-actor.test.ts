/** The pop actor on the virtual clock: limits, filters that want little, ordered attempts, what others commit, refusals of the log. */
import { test } from 'tap';
import { tagCode } from '../../../model/tag-hash.ts';
import { MemoryDisk } from '../../../storage/memory-disk.ts';
import { PopWorld, TOPIC } from './pop-world.ts';

const world = (seed = 1): PopWorld => new PopWorld(new MemoryDisk({ seed }), seed);
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
