/**
 * Groups under faults, from seeds: clients come, go and commit on three shards while actors fail and the disk refuses saves.
 * Checked when all is quiet: every shard has the same members, those that are there; every offset is the one committed last, also
 * in the saved file.
 */
import { test } from 'tap';
import type { OffsetFound, QueryOffset } from '../../actors/consumer-group/offset-keeper.ts';
import { OFFSETS_FILE } from '../../actors/consumer-group/offset-table.ts';
import { SeededRandom } from '../../runtime/random.ts';
import { GroupWorld } from '../actors/consumer-group/group-world.ts';

const SHARDS = 3;
const GROUPS = ['A', 'B', 'C'];
const STEPS = 250;
const fresh = Math.floor(Math.random() * 2 ** 31);

for (const seed of [1, 2, 3, 4, 5, fresh]) {
  test(`groups keep members and offsets under faults (seed ${seed})`, async (t) => {
    const world = new GroupWorld(seed, SHARDS);
    const random = new SeededRandom(seed);
    const members = new Map(GROUPS.map((group) => [group, new Set<string>()]));
    const offsets = new Map<string, number>();
    for (const group of GROUPS) world.ensure(group);

    for (let step = 0; step < STEPS; step++) {
      const group = GROUPS[random.below(GROUPS.length)]!;
      const [shard, connection] = [random.below(SHARDS), random.below(8)];
      const clientId = `${shard}-${connection}`;
      const dice = random.below(100);
      if (dice < 35) {
        t.equal(world.heartbeat(group, connection, { shard, clientId })?.code, 0, `heartbeat ${step}`);
        members.get(group)!.add(clientId);
      } else if (dice < 50) {
        world.simulation.ask(world.group<never>(group), (replyTo) => ({ kind: 'unregister', shard, connection, replyTo }) as never, 1_000);
        members.get(group)!.delete(clientId);
      } else if (dice < 85) {
        const [topic, queueId, offset] = [`T${random.below(3)}`, random.below(4), random.below(1_000)];
        world.group<never>(group).tell({ kind: 'commit-offset', topic, queueId, offset } as never);
        offsets.set(`${topic}@${group}/${queueId}`, offset);
        world.simulation.advance(0);
      } else if (dice < 88) fail(world, `consumer-group/${group}`);
      else if (dice < 90) fail(world, `shard-${shard}/group-table`);
      else if (dice < 92) {
        // One fault at a time may cost what is not confirmed; what a group confirms again makes up for it.
        world.simulation.advance(2_000);
        fail(world, dice === 90 ? 'offset-store' : 'group-registry');
        world.simulation.advance(4_000);
      } else if (dice < 94) world.saveError = world.saveError === null ? 'disk full' : null;
      else world.simulation.advance(random.below(300));
    }

    world.saveError = null;
    // Nobody has been silent for 120 s: the clients that are left speak once more, and nobody else is there.
    for (const group of GROUPS) {
      for (const clientId of members.get(group)!) {
        const [shard, connection] = clientId.split('-').map(Number) as [number, number];
        world.heartbeat(group, connection, { shard, clientId });
      }
    }
    world.simulation.advance(15_000);
    for (const group of GROUPS) {
      const expected = [...members.get(group)!].sort();
      for (let shard = 0; shard < SHARDS; shard++)
        t.same(world.ids(group, shard).sort(), expected, `members of ${group} on shard ${shard}`);
    }
    const saved = JSON.parse(world.saved.get(OFFSETS_FILE) ?? '{"offsetTable":{}}').offsetTable as Record<string, Record<string, number>>;
    for (const [key, offset] of offsets) {
      const [name, queueId] = key.split('/') as [string, string];
      const [topic, group] = name.split('@') as [string, string];
      const found = world.simulation.ask<OffsetFound, QueryOffset>(
        world.group(group),
        (replyTo) => ({ kind: 'query-offset', topic, queueId: Number(queueId), zeroIfNotFound: false, replyTo }),
        1_000,
      );
      t.equal(found?.offset, offset, `offset of ${key}`);
      t.equal(saved[name]?.[queueId], offset, `saved offset of ${key}`);
    }
  });
}

/** A message that no sender makes: the actor throws and its supervisor starts it again. */
function fail(world: GroupWorld, path: string): void {
  world.simulation.ref<never>(path).tell({
    kind: path.startsWith('consumer')
      ? 'lock-queues'
      : path === 'offset-store'
        ? 'save-offsets'
        : path === 'group-registry'
          ? 'update-group'
          : 'group-configs-changed',
  } as never);
  // Within what supervision allows: ten restarts in ten seconds.
  world.simulation.advance(1_000);
}
