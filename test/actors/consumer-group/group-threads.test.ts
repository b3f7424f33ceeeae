/** The group actors on real threads: what is left of a group when one of its threads dies. */
import { renameSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'tap';
import type { HeartbeatCommand, HeartbeatTaken } from '../../../actors/consumer-group/consumer-group-messages.ts';
import type { EnsureGroup, GroupReply } from '../../../actors/consumer-group/group-registry-messages.ts';
import type { OffsetFound, OffsetUpdated, QueryOffset, UpdateOffset } from '../../../actors/consumer-group/offset-keeper.ts';
import type { SaveTable } from '../../../actors/store/store-messages.ts';
import type { EnsureTopic } from '../../../actors/topic/topic-registry-actor.ts';
import type { Actor } from '../../../runtime/actor.ts';
import { ActorSystem } from '../../../runtime/actor-system.ts';
import { temporaryDirectory } from '../../support/temporary-directory.ts';
import { pause, waitUntil } from '../../support/wait-until.ts';
import { subscription } from './group-world.ts';
import type { CopyRead, ReadCopy } from './support/group-thread.ts';

const SHARDS = ['shard-0', 'shard-1', 'shard-2'];

for (const victim of SHARDS) {
  test(`a group outlives ${victim}: members of other shards, subscriptions, configuration, offsets`, async (t) => {
    const directory = temporaryDirectory();
    t.teardown(() => directory.remove());
    const system = await start(directory.path);
    t.teardown(() => system.stop());
    // One group on every shard, whatever the hash does.
    const groups = SHARDS.map((shard) => groupOn(system, shard));
    for (const group of groups) {
      t.equal((await ensure(system, group)).kind, 'group-ready');
      for (const [shard, name] of SHARDS.entries()) t.equal((await heartbeat(system, group, shard, name)).code, 0);
      t.equal((await update(system, group, 5)).code, 0);
    }
    await pause(900);
    for (const group of groups) await update(system, group, 6);
    for (const shard of SHARDS) await read(system, shard, groups[0]!);

    await system.terminateThread(victim);
    const rest = SHARDS.filter((shard) => shard !== victim);
    await waitUntil('the new thread', () => system.threadGeneration(victim) === 1);
    for (const group of groups) {
      for (const shard of SHARDS) {
        // A group that died with its thread comes back with the first message to it, such as the heartbeat of a member.
        await heartbeat(system, group, SHARDS.indexOf(rest[0]!), rest[0]!);
        await waitUntil(`the members of ${group} on ${shard}`, async () => (await read(system, shard, group)).ids.join() === rest.join());
        t.same((await read(system, shard, group)).topics, ['T'], 'subscriptions too');
      }
      const offset = (await query(system, group)).offset;
      t.ok(offset === 6 || (offset === 5 && system.ref(`consumer-group/${group}`) && groupShard(group) === victim), `offset ${offset}`);
      t.match(await heartbeat(system, group, SHARDS.indexOf(victim), victim), { code: 0, mustNotify: true }, 'a client that came back');
      for (const shard of SHARDS) t.same((await read(system, shard, group)).ids, SHARDS);
      t.equal((await update(system, group, 7)).code, 0);
    }
    await pause(900);
    for (const group of groups) t.equal((await query(system, group)).offset, 7);
  });
}

const placed = new Map<string, string>();

function groupShard(group: string): string | undefined {
  return placed.get(group);
}

function groupOn(system: ActorSystem, shard: string): string {
  for (let index = 0; ; index++) {
    const group = `G${index}`;
    if (system.context.placementOf(`consumer-group/${group}`) !== system.context.threadIndex(shard)) continue;
    placed.set(group, shard);
    return group;
  }
}

async function start(directory: string): Promise<ActorSystem> {
  const module = new URL('./support/group-thread.ts', import.meta.url);
  const data = { shards: SHARDS, directory };
  const system = await ActorSystem.start({
    root: {
      id: 'top',
      strategy: 'one-for-one',
      intensity: 5,
      periodMs: 10_000,
      startTogether: true,
      children: SHARDS.map((name) => ({ name, group: 'shards', loop: 'event', module, data }) as const),
    },
    placement: [
      { prefix: 'consumer-group/', group: 'shards' },
      { prefix: 'producer-group/', group: 'shards' },
      { prefix: 'group-registry', thread: 'shard-0' },
      { prefix: 'offset-store', thread: 'shard-0' },
      { prefix: 'lock-store', thread: 'shard-0' },
      { prefix: 'store', thread: 'root' },
      { prefix: 'topic-registry', thread: 'root' },
      ...SHARDS.map((thread, id) => ({ prefix: `gateway/${id}`, thread })),
    ],
    log: () => {},
  });
  const texts = new Map<string, string>();
  const store: Actor<SaveTable> = {
    receive: ({ name, text, part = 0, parts = 1, replyTo }) => {
      texts.set(name, (part === 0 ? '' : (texts.get(name) ?? '')) + text);
      if (part < parts - 1) return;
      writeFileSync(join(directory, `${name}.tmp`), texts.get(name)!);
      renameSync(join(directory, `${name}.tmp`), join(directory, name));
      replyTo.tell({ kind: 'table-saved', name, ok: true });
    },
  };
  const registry: Actor<EnsureTopic> = { receive: ({ topic, replyTo }) => void replyTo.tell({ kind: 'topic-ready', topic }) };
  system.context.spawn('store', () => store as Actor<never>);
  system.context.spawn('topic-registry', () => registry as Actor<never>);
  return system;
}

function ensure(system: ActorSystem, group: string): Promise<GroupReply> {
  return system.ask<GroupReply, EnsureGroup>(system.ref('group-registry'), (replyTo) => ({ kind: 'ensure-group', group, replyTo }), 5_000);
}

function heartbeat(system: ActorSystem, group: string, shard: number, clientId: string): Promise<HeartbeatTaken> {
  return system.ask<HeartbeatTaken, HeartbeatCommand>(
    system.ref(`consumer-group/${group}`),
    (replyTo) => ({
      kind: 'heartbeat',
      member: { clientId, shard, connection: 1, address: '127.0.0.1:1', language: 'JAVA', version: 479 },
      habits: { consumeType: 'CONSUME_PASSIVELY', messageModel: 'CLUSTERING', consumeFromWhere: 'CONSUME_FROM_LAST_OFFSET' },
      subscriptions: [subscription('T')],
      fingerprint: 0,
      withoutSub: false,
      replyTo,
    }),
    8_000,
  );
}

function read(system: ActorSystem, shard: string, group: string): Promise<CopyRead> {
  return system.ask<CopyRead, ReadCopy>(system.ref(`${shard}/reader`), (replyTo) => ({ kind: 'read-copy', group, replyTo }), 5_000);
}

function update(system: ActorSystem, group: string, offset: number): Promise<OffsetUpdated> {
  return system.ask<OffsetUpdated, UpdateOffset>(
    system.ref(`consumer-group/${group}`),
    (replyTo) => ({ kind: 'update-offset', topic: 'T', queueId: 0, offset, replyTo }),
    5_000,
  );
}

function query(system: ActorSystem, group: string): Promise<OffsetFound> {
  return system.ask<OffsetFound, QueryOffset>(
    system.ref(`consumer-group/${group}`),
    (replyTo) => ({ kind: 'query-offset', topic: 'T', queueId: 0, zeroIfNotFound: true, replyTo }),
    5_000,
  );
}
