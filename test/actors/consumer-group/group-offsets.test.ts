import { test } from 'tap';
import type { OffsetFound, OffsetUpdated } from '../../../actors/consumer-group/offset-keeper.ts';
import type { OffsetsListed } from '../../../actors/consumer-group/offset-store-actor.ts';
import { OFFSETS_FILE } from '../../../actors/consumer-group/offset-table.ts';
import { GroupWorld } from './group-world.ts';

test('ConsumerGroupActor saves a commit within 700 ms, and not more often than needed', async (t) => {
  const world = new GroupWorld(1, 1);
  world.ensure('G');
  world.simulation.advance(3_000);
  const before = world.saves;
  t.match(update(world, 'T', 0, 5), { code: 0 });
  commit(world, 'T', 1, 9);
  world.simulation.advance(700);
  t.same(JSON.parse(world.saved.get(OFFSETS_FILE)!).offsetTable, { 'T@G': { 0: 5, 1: 9 } }, "in Java's shape");
  t.equal(world.saves, before + 1, 'both in one save');
  world.simulation.advance(10_000);
  t.equal(world.saves, before + 1, 'nothing changed since');
  commit(world, 'T', 1, 9);
  world.simulation.advance(10_000);
  t.equal(world.saves, before + 1, 'the same offset again is no change');
});

test('ConsumerGroupActor ignores negative commits and refuses those beyond the end', async (t) => {
  const world = new GroupWorld(2, 1);
  world.ensure('G');
  update(world, 'T', 0, 5);
  t.match(update(world, 'T', 0, -1), { code: 0 });
  t.match(update(world, 'T', 0, 1_001), { code: 29, remark: /beyond the end 1000.*commit at most 1000/ });
  commit(world, 'T', 0, 2_000);
  t.equal(query(world, 'T', 0), 5, 'the state is unchanged');
  t.match(update(world, 'T', 0, 3), { code: 0 }, 'a tool may set it back');
  t.equal(query(world, 'T', 0), 3);
});

test('ConsumerGroupActor answers 0 for a queue whose begin is still there, −1 for one with a past', async (t) => {
  const world = new GroupWorld(3, 1);
  world.ensure('G');
  world.ranges = { minOffset: (topic) => (topic === 'old' ? 7 : 0), maxOffset: () => 100, handle: () => 0 };
  t.equal(query(world, 'young', 0), 0);
  t.equal(query(world, 'young', 0, false), -1, 'the client did not want a zero');
  t.equal(query(world, 'old', 0), -1);
});

test('ConsumerGroupActor has its offsets again after a failure, those included that were not yet saved', async (t) => {
  const world = new GroupWorld(4, 2);
  world.ensure('G');
  update(world, 'T', 0, 5);
  world.simulation.advance(1_000);
  update(world, 'T', 0, 6);
  update(world, 'T', 1, 60);
  world.group<never>('G').tell({ kind: 'lock-queues', topics: null } as never);
  t.equal(query(world, 'T', 0), 6);
  t.equal(query(world, 'T', 1), 60);
});

test('ConsumerGroupActor sends again what a failed offset store forgot', async (t) => {
  const world = new GroupWorld(5, 1);
  world.ensure('G');
  update(world, 'T', 0, 5);
  world.simulation.advance(300);
  world.simulation.ref<never>('offset-store').tell({ kind: 'save-offsets', columns: null } as never);
  world.simulation.advance(5_000);
  t.same(JSON.parse(world.saved.get(OFFSETS_FILE)!).offsetTable, { 'T@G': { 0: 5 } });
});

test('ConsumerGroupActor keeps commits while the disk refuses them', async (t) => {
  const world = new GroupWorld(6, 1);
  world.ensure('G');
  world.simulation.advance(3_000);
  world.saveError = 'disk full';
  update(world, 'T', 0, 5);
  world.simulation.advance(20_000);
  t.equal(query(world, 'T', 0), 5);
  world.saveError = null;
  world.simulation.advance(5_000);
  t.same(JSON.parse(world.saved.get(OFFSETS_FILE)!).offsetTable, { 'T@G': { 0: 5 } });
});

test('ConsumerGroupActor lists its offsets page by page', async (t) => {
  const world = new GroupWorld(7, 1);
  world.ensure('G');
  for (let queueId = 0; queueId < 600; queueId++) commit(world, 'T', queueId, queueId);
  commit(world, 'U', 0, 1);
  const first = list(world, '', 0);
  t.equal(first?.columns.topics.length, 256);
  t.equal(first?.next, 256);
  t.equal(list(world, '', 512)?.columns.topics.length, 89);
  t.equal(list(world, '', 512)?.next, -1);
  t.same(list(world, 'U', 0)?.columns, { topics: ['U'], queueIds: [0], offsets: [1] });
  world.simulation.advance(5_000);
  t.equal(Object.keys(JSON.parse(world.saved.get(OFFSETS_FILE)!).offsetTable['T@G']).length, 600, 'a flight of several messages');
});

test('ConsumerGroupActor forgets the offsets of a deleted topic', async (t) => {
  const world = new GroupWorld(8, 1);
  world.ensure('G');
  update(world, 'T', 0, 5);
  update(world, 'U', 0, 6);
  world.simulation.advance(1_000);
  world.simulation.ref<never>('offset-store').tell({ kind: 'forget-topic', topic: 'T' } as never);
  world.simulation.advance(1_000);
  t.equal(query(world, 'T', 0, false), -1);
  t.equal(query(world, 'U', 0), 6);
  t.same(JSON.parse(world.saved.get(OFFSETS_FILE)!).offsetTable, { 'U@G': { 0: 6 } });
});

function update(world: GroupWorld, topic: string, queueId: number, offset: number): OffsetUpdated | undefined {
  return world.simulation.ask<OffsetUpdated, never>(
    world.group('G'),
    (replyTo) => ({ kind: 'update-offset', topic, queueId, offset, replyTo }) as never,
    2_000,
  );
}

function commit(world: GroupWorld, topic: string, queueId: number, offset: number): void {
  world.group<never>('G').tell({ kind: 'commit-offset', topic, queueId, offset } as never);
}

function query(world: GroupWorld, topic: string, queueId: number, zeroIfNotFound = true): number | undefined {
  return world.simulation.ask<OffsetFound, never>(
    world.group('G'),
    (replyTo) => ({ kind: 'query-offset', topic, queueId, zeroIfNotFound, replyTo }) as never,
    2_000,
  )?.offset;
}

function list(world: GroupWorld, topic: string, from: number): OffsetsListed | undefined {
  return world.simulation.ask<OffsetsListed, never>(
    world.group('G'),
    (replyTo) => ({ kind: 'list-offsets', topic, from, replyTo }) as never,
    2_000,
  );
}
