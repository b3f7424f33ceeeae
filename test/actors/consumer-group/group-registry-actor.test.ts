import { test } from 'tap';
import { defaultGroupConfig, type GroupConfig } from '../../../actors/consumer-group/group-config.ts';
import type { GroupReply } from '../../../actors/consumer-group/group-registry-messages.ts';
import { GROUPS_FILE } from '../../../actors/consumer-group/groups-json.ts';
import { GroupWorld } from './group-world.ts';

test('GroupRegistryActor makes a group by use: saves it, tells all shards, answers', async (t) => {
  const world = new GroupWorld(1, 3);
  t.ok(world.table(2).complete, 'every shard got the built-in groups');
  t.ok(world.table(2).get('TOOLS_CONSUMER'));
  t.match(world.ensure('G'), { kind: 'group-ready' });
  for (let shard = 0; shard < 3; shard++) t.match(world.table(shard).get('G')?.config, { retryMaxTimes: 16, consumeEnable: true });
  const saved = JSON.parse(world.saved.get(GROUPS_FILE)!);
  t.match(saved.subscriptionGroupTable.G, { groupName: 'G', groupRetryPolicy: { type: 'CUSTOMIZED' }, retryQueueNums: 1 });
  t.same(world.simulation.failures, []);
});

test('GroupRegistryActor answers for a group made by use though it cannot be saved, and saves it later', async (t) => {
  const world = new GroupWorld(1, 2);
  world.simulation.advance(2_000);
  world.saveError = 'disk full';
  t.match(world.ensure('G'), { kind: 'group-ready' });
  t.ok(world.table(1).get('G'), 'every shard knows it');
  world.saveError = null;
  world.simulation.advance(1_100);
  t.ok(JSON.parse(world.saved.get(GROUPS_FILE)!).subscriptionGroupTable.G);
});

test('GroupRegistryActor refuses bad names and, where groups are not made by use, unknown groups', async (t) => {
  const world = new GroupWorld(2, 1, false);
  t.match(world.ensure('a b'), { kind: 'group-refused', code: 29, remark: /illegal characters/ });
  t.match(world.ensure(''), { code: 29 });
  t.match(world.ensure('x'.repeat(249)), { code: 29, remark: /longer than group max length 248/ });
  t.match(world.ensure('G'), { code: 26, remark: /updateSubGroup/ });
  t.match(world.ensure('CID_RMQ_SYS_X'), { kind: 'group-ready' });
  t.equal(world.table().get('G'), undefined);
});

test('GroupRegistryActor answers a tool after its change is saved; a failed save changes nothing', async (t) => {
  const world = new GroupWorld(3, 2);
  world.simulation.advance(2_000);
  t.match(update(world, { ...defaultGroupConfig('G'), retryMaxTimes: 3 }), { kind: 'group-ready' });
  t.equal(JSON.parse(world.saved.get(GROUPS_FILE)!).subscriptionGroupTable.G.retryMaxTimes, 3);
  t.equal(world.table(1).get('G')?.config.retryMaxTimes, 3);
  world.saveError = 'disk full';
  t.match(update(world, { ...defaultGroupConfig('G'), retryMaxTimes: 4 }), { kind: 'group-refused', code: 1, remark: /disk full/ });
  t.equal(world.table(1).get('G')?.config.retryMaxTimes, 3);
  t.match(update(world, { ...defaultGroupConfig('G'), retryQueueNums: -1 }), {
    code: 29,
    remark: /retryQueueNums is -1, must be from 0 to/,
  });
  t.match(update(world, defaultGroupConfig('x'.repeat(121))), { code: 29 });
});

test('GroupRegistryActor deletes a group everywhere, with its offsets when asked; a heartbeat makes it again', async (t) => {
  const world = new GroupWorld(4, 2);
  world.ensure('G');
  world.heartbeat('G', 1);
  world.group<never>('G').tell({ kind: 'commit-offset', topic: 'T', queueId: 0, offset: 5 } as never);
  world.simulation.advance(2_000);
  t.match(remove(world, 'G'), { kind: 'group-ready' });
  world.simulation.advance(1_000);
  t.equal(world.table(1).get('G'), undefined);
  t.notOk(world.saved.get(GROUPS_FILE)!.includes('"G"'));
  t.notOk(world.saved.get('consumerOffset.json')!.includes('T@G'));
  t.match(remove(world, 'never-there'), { kind: 'group-ready' });
  world.ensure('G');
  world.heartbeat('G', 1);
  t.same(world.ids('G', 1), ['client-1'], 'members that stayed are there at once');
});

test('GroupRegistryActor, restarted, reads its file and makes the copies right', async (t) => {
  const world = new GroupWorld(5, 2);
  world.ensure('G');
  world.simulation.advance(2_000);
  world.table(1).putConfig(defaultGroupConfig('ghost'));
  world.simulation.ref<never>('group-registry').tell({ kind: 'update-group', config: null } as never);
  world.simulation.advance(3_000);
  t.ok(world.table(1).get('G'), 'what was saved is there');
  t.equal(world.table(1).get('ghost'), undefined, 'what it does not know has gone');
});

test('GroupRegistryActor, restarted, tells the shards at once what its file says', async (t) => {
  const world = new GroupWorld(5, 2);
  world.ensure('G');
  world.simulation.advance(2_000);
  // The former registry died before this shard took what it told.
  world.table(1).removeConfig('G');
  world.simulation.ref<never>('group-registry').tell({ kind: 'update-group', config: null } as never);
  world.simulation.advance(10);
  t.ok(world.table(1).get('G'), 'nobody waits for half a second to be known');
});

test('GroupTableActor, restarted, asks for the configurations, and members come from their actors', async (t) => {
  const world = new GroupWorld(6, 2);
  world.ensure('G');
  world.heartbeat('G', 1);
  world.table(1).removeConfig('G');
  world.table(1).setMembers('G', true, [], []);
  world.simulation.ref<never>('shard-1/group-table').tell({ kind: 'group-configs-changed', removed: null } as never);
  world.simulation.advance(2_000);
  t.ok(world.table(1).get('G'), 'the configuration is back');
});

test('GroupRegistryActor takes 5 000 groups in a moment, those that come close together in one save', async (t) => {
  const world = new GroupWorld(7, 2);
  world.simulation.advance(2_000);
  const before = world.saves;
  for (let index = 0; index < 5_000; index++) {
    world.simulation
      .ref<never>('group-registry')
      .tell({ kind: 'ensure-group', group: `g${index}`, replyTo: world.simulation.ref('nobody') } as never);
    if (index % 500 === 0) world.simulation.advance(1);
  }
  world.simulation.advance(1_500);
  t.equal(world.table(1).size, 5_000 + 8);
  t.ok(world.saves - before <= 3, `${world.saves - before} saves`);
});

function update(world: GroupWorld, config: GroupConfig): GroupReply | undefined {
  return world.simulation.ask<GroupReply, never>(
    world.simulation.ref('group-registry'),
    (replyTo) => ({ kind: 'update-group', config, replyTo }) as never,
    5_000,
  );
}

function remove(world: GroupWorld, group: string): GroupReply | undefined {
  return world.simulation.ask<GroupReply, never>(
    world.simulation.ref('group-registry'),
    (replyTo) => ({ kind: 'delete-group', group, cleanOffset: true, replyTo }) as never,
    5_000,
  );
}
