import { test } from 'tap';
import type {
  OffsetsReset,
  QueuesLocked,
  ResetOffsets,
  ResetTaken,
  Unregistered,
  UnregisterMember,
} from '../../../actors/consumer-group/consumer-group-messages.ts';
import type { OffsetUpdated, UpdateOffset } from '../../../actors/consumer-group/offset-keeper.ts';
import { GroupWorld, subscription } from './group-world.ts';

for (const shardCount of [1, 3]) {
  test(`ConsumerGroupActor answers a first heartbeat when every shard has the member and the retry topic exists (${shardCount} shards)`, async (t) => {
    const world = new GroupWorld(1, shardCount);
    t.equal(world.ensure('G')?.kind, 'group-ready');
    const taken = world.heartbeat('G', 7);
    t.match(taken, { code: 0, mustNotify: true, wantsFull: false });
    t.ok(world.topics.has('%RETRY%G'), 'the retry topic was made before the answer');
    for (let shard = 0; shard < shardCount; shard++) {
      t.same(world.ids('G', shard), ['client-7'], `shard ${shard} has the member`);
      t.ok(world.table(shard).get('G')?.subscriptions.get('T')?.all, `shard ${shard} has the subscription`);
    }
    t.same(world.notices(), [], 'the sender is told by its own handler, before the answer');
    t.match(world.heartbeat('G', 7), { code: 0, mustNotify: false }, 'a further heartbeat changes nothing');
    t.same(world.simulation.failures, []);
  });
}

test('ConsumerGroupActor tells the others of a join, a changed subscription and a leave at once', async (t) => {
  const world = new GroupWorld(2, 1);
  world.ensure('G');
  world.heartbeat('G', 1);
  world.heartbeat('G', 2);
  world.simulation.advance(0);
  t.same(world.notices(), [1], 'the newcomer is told by its handler');
  t.match(world.heartbeat('G', 2, { subscriptions: [subscription('T', 2, 'A')] }), { mustNotify: true });
  world.simulation.advance(0);
  t.same(world.notices(), [1], 'a newer subscription is a change');
  t.match(world.heartbeat('G', 1), { mustNotify: false }, 'an older subscription is none');
  t.equal(world.table().get('G')?.subscriptions.get('T')?.subString, 'A', 'the larger version was kept');
  leave(world, 'G', 1);
  world.simulation.advance(0);
  t.same(world.notices(), [2], 'who stays is told');
  t.same(world.ids('G'), ['client-2']);
});

test('ConsumerGroupActor forgets a member without a heartbeat after 120 s, at the latest 10 s later', async (t) => {
  const world = new GroupWorld(3, 2);
  world.ensure('G');
  world.heartbeat('G', 1);
  world.heartbeat('G', 2);
  world.notices();
  for (let second = 0; second < 119; second += 17) {
    world.simulation.advance(16_999);
    world.heartbeat('G', 2);
  }
  t.same(world.ids('G'), ['client-1', 'client-2'], 'client-1 is silent for less than 120 s');
  world.simulation.advance(11_000);
  t.same(world.ids('G'), ['client-2'], 'client-1 has expired');
  t.same(world.notices(), [2], 'the other was told');
  t.match(world.closed, [{ connection: 1, reason: /no heartbeat/ }], 'and its socket is closed');
  world.simulation.advance(130_000);
  t.same(world.ids('G'), [], 'the other went silent too');
  t.equal(world.table(1).get('G')?.subscriptions.size, 0, 'a group without members subscribes to nothing');
  t.same(world.simulation.failures, []);
});

test('ConsumerGroupActor keeps a member that heartbeats every 30 s', async (t) => {
  const world = new GroupWorld(4, 1);
  world.ensure('G');
  world.heartbeat('G', 1);
  for (let round = 0; round < 20; round++) {
    world.simulation.advance(30_000);
    t.match(world.heartbeat('G', 1), { code: 0, mustNotify: false });
  }
  t.same(world.ids('G'), ['client-1']);
});

test('ConsumerGroupActor notifies in rounds: 10 000 joins make few notices, each member hears within 100 ms', async (t) => {
  const world = new GroupWorld(5, 1);
  world.ensure('G');
  const members = 10_000;
  for (let connection = 1; connection <= members; connection++) world.group('G').tell(heartbeatCommand(world, connection));
  world.simulation.advance(1_000);
  t.equal(world.table().get('G')?.memberCount, members);
  const told = world.notices().length;
  t.ok(told <= 15 * members, `${told} notices for ${members} joins`);
  // In the middle of a round's pause.
  leave(world, 'G', 2);
  world.simulation.advance(25);
  world.notices();
  leave(world, 'G', 1);
  world.simulation.advance(100);
  const heard = new Set(world.notices());
  t.equal(heard.size, members - 2, 'everybody heard that one left');
  t.same(world.simulation.failures, []);
});

test('ConsumerGroupActor sends no notices for a group that wants none', async (t) => {
  const world = new GroupWorld(6, 1);
  world.ensure('G');
  const config = { ...world.table().get('G')!.config, notifyConsumerIdsChangedEnable: false };
  world.simulation.ask(world.simulation.ref('group-registry'), (replyTo) => ({ kind: 'update-group', config, replyTo }) as never, 1_000);
  world.heartbeat('G', 1);
  t.match(world.heartbeat('G', 2), { mustNotify: false });
  world.simulation.advance(200);
  t.same(world.notices(), []);
});

test('ConsumerGroupActor, heartbeat V2: asks for full data when it does not know the fingerprint', async (t) => {
  const world = new GroupWorld(7, 1);
  world.ensure('G');
  t.match(world.heartbeat('G', 1, { fingerprint: 5 }), { wantsFull: false }, 'the first full one');
  t.match(world.heartbeat('G', 1, { fingerprint: 5, withoutSub: true, subscriptions: [] }), { wantsFull: false, mustNotify: false });
  t.ok(world.table().get('G')?.subscriptions.has('T'), 'what was known stays');
  t.match(world.heartbeat('G', 1, { fingerprint: 6, withoutSub: true, subscriptions: [] }), { wantsFull: true }, 'unknown subscriptions');
  t.match(world.heartbeat('G', 2, { fingerprint: 9 }), { wantsFull: false }, 'a full one says it all');
});

test('ConsumerGroupActor gives a queue to one client, and frees it when that goes', async (t) => {
  const world = new GroupWorld(8, 1);
  world.ensure('G');
  world.heartbeat('G', 1);
  world.heartbeat('G', 2);
  t.same(lock(world, 'client-1', [0, 1]), [true, true]);
  t.same(lock(world, 'client-2', [1, 2]), [false, true]);
  leave(world, 'G', 1);
  t.same(lock(world, 'client-2', [0, 1]), [true, true], 'the owner has gone');
  world.simulation.advance(59_999);
  t.same(lock(world, 'client-1', [0]), [false]);
  world.simulation.advance(2);
  t.same(lock(world, 'client-1', [0]), [true], 'nobody renewed it for 60 s');
});

test('ConsumerGroupActor keeps members and subscriptions over its own failure', async (t) => {
  const world = new GroupWorld(9, 2);
  world.ensure('G');
  world.heartbeat('G', 1, { shard: 1 });
  world.heartbeat('G', 2);
  // A message that no sender makes: the lists have different lengths, and the actor dies of it.
  world.group<never>('G').tell({ kind: 'lock-queues', clientId: 'x', topics: null, queueIds: [], replyTo: world.group('G') } as never);
  world.simulation.advance(2_000);
  t.ok(
    world.simulation.logs.some(({ fields }) => String(fields['error'] ?? '').includes('null')),
    'it failed',
  );
  t.same(world.ids('G').sort(), ['client-1', 'client-2'], 'no shard lost a member');
  t.match(world.heartbeat('G', 1, { shard: 1 }), { code: 0, mustNotify: false }, 'and it knows them itself');
  t.equal(world.table(1).get('G')?.subscriptions.size, 1);
});

test('ConsumerGroupActor brings a copy that differs in line with the next heartbeat', async (t) => {
  const world = new GroupWorld(10, 2);
  world.ensure('G');
  world.heartbeat('G', 1);
  world.table(0).setMembers('G', true, [], []);
  t.match(world.heartbeat('G', 1), { code: 0 });
  t.same(world.ids('G'), ['client-1']);
});

test('ConsumerGroupActor makes the retry topic again when somebody deleted it', async (t) => {
  const world = new GroupWorld(11, 1);
  world.ensure('G');
  world.heartbeat('G', 1);
  world.topics.delete('%RETRY%G');
  world.heartbeat('G', 1);
  t.ok(world.topics.has('%RETRY%G'));
});

function heartbeatCommand(world: GroupWorld, connection: number): never {
  return {
    kind: 'heartbeat',
    member: { clientId: `client-${connection}`, shard: 0, connection, address: '', language: 'JAVA', version: 1 },
    habits: { consumeType: 'CONSUME_PASSIVELY', messageModel: 'CLUSTERING', consumeFromWhere: 'CONSUME_FROM_LAST_OFFSET' },
    subscriptions: [subscription('T')],
    fingerprint: 0,
    withoutSub: false,
    replyTo: world.simulation.ref('nobody'),
  } as never;
}

function leave(world: GroupWorld, group: string, connection: number): void {
  world.simulation.ask<Unregistered, UnregisterMember>(
    world.group(group),
    (replyTo) => ({ kind: 'unregister', shard: 0, connection, replyTo }),
    1_000,
  );
}

function lock(world: GroupWorld, clientId: string, queueIds: number[]): readonly boolean[] | undefined {
  const topics = queueIds.map(() => 'T');
  return world.simulation.ask<QueuesLocked, never>(
    world.group('G'),
    (replyTo) => ({ kind: 'lock-queues', clientId, shard: 0, connection: 999, topics, queueIds, replyTo }) as never,
    1_000,
  )?.held;
}

test('ConsumerGroupActor names members that subscribe to something else, in the log and on every shard', async (t) => {
  const world = new GroupWorld(11, 2);
  const warnings = (): string[] =>
    world.simulation.logs.filter(({ text }) => text.startsWith('Members of a group subscribe')).map(({ fields }) => String(fields.members));
  world.ensure('G');
  world.heartbeat('G', 1);
  world.heartbeat('G', 2);
  t.same(warnings(), [], 'both want the same');
  world.heartbeat('G', 3, { subscriptions: [subscription('T', 2, 'red')] });
  t.same(warnings(), ['client-3']);
  for (const shard of [0, 1]) t.same(world.table(shard).get('G')?.differing, ['client-3']);
  for (let beat = 0; beat < 3; beat++) for (const connection of [1, 2]) world.heartbeat('G', connection);
  world.heartbeat('G', 3, { subscriptions: [subscription('T', 2, 'red')] });
  t.equal(warnings().length, 1, 'said once');
  world.heartbeat('G', 3, { subscriptions: [subscription('T', 3)] });
  for (const shard of [0, 1]) t.same(world.table(shard).get('G')?.differing, [], 'it wants what the others want again');
  world.heartbeat('G', 4, { subscriptions: [subscription('T', 4, 'blue')] });
  world.simulation.ask<Unregistered, UnregisterMember>(
    world.group('G'),
    (replyTo) => ({ kind: 'unregister', shard: 0, connection: 4, replyTo }),
    1_000,
  );
  world.simulation.advance(1_000);
  t.same(world.table(1).get('G')?.differing, [], 'it has gone');
  t.same(world.simulation.failures, []);
});

test('ConsumerGroupActor tells all shards of offsets that were reset, until one pull has heard of it', async (t) => {
  const world = new GroupWorld(12, 3);
  world.ensure('G');
  world.heartbeat('G', 1);
  const reset = (offset: number): OffsetsReset | undefined =>
    world.simulation.ask<OffsetsReset, ResetOffsets>(
      world.group('G'),
      (replyTo) => ({ kind: 'reset-offsets', columns: { topics: ['T'], queueIds: [1], offsets: [offset] }, isTold: true, replyTo }),
      5_000,
    );
  t.match(reset(2_000), { code: 29 }, 'beyond the end');
  t.equal(world.table(2).get('G')?.resets.size, 0);
  t.match(reset(7), { code: 0 });
  for (const shard of [0, 1, 2]) t.equal(world.table(shard).get('G')?.resets.get('T', 1), 7, 'answered when all know');
  t.equal(world.table(1).get('G')?.isRestricted, true);
  const commit = (offset: number): string | undefined =>
    world.simulation.ask<OffsetUpdated, UpdateOffset>(
      world.group('G'),
      (replyTo) => ({ kind: 'update-offset', topic: 'T', queueId: 1, offset, replyTo }),
      5_000,
    )?.remark;
  t.match(commit(99), /reset/);
  t.equal(world.table(2).takeReset('G', 'T', 1), 7);
  world.group<ResetTaken>('G').tell({ kind: 'reset-taken', topic: 'T', queueId: 1 });
  world.simulation.advance(1_000);
  for (const shard of [0, 1, 2]) {
    t.equal(world.table(shard).get('G')?.resets.size, 0);
    t.equal(world.table(shard).get('G')?.isRestricted, false);
  }
  t.equal(commit(99), '');
  t.same(world.simulation.failures, []);
});
