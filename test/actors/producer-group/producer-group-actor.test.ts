import { test } from 'tap';
import type { Unregistered } from '../../../actors/consumer-group/consumer-group-messages.ts';
import {
  type ListProducers,
  type PickProducer,
  ProducerGroupActor,
  type ProducerGroupCommand,
  type ProducerHeartbeat,
  type ProducerHeartbeatTaken,
  type ProducerPicked,
  type ProducersListed,
} from '../../../actors/producer-group/producer-group-actor.ts';
import type { ActorRef } from '../../../runtime/actor.ts';
import { Simulation } from '../../../runtime/simulation.ts';

function started(): { simulation: Simulation; group: ActorRef<ProducerGroupCommand> } {
  const simulation = new Simulation({ seed: 1 });
  simulation.register('producer-group/', { create: () => new ProducerGroupActor() });
  return { simulation, group: simulation.ref('producer-group/P') };
}

function beat(
  simulation: Simulation,
  group: ActorRef<ProducerGroupCommand>,
  connection: number,
  clientId = `p${connection}`,
): ProducerHeartbeatTaken | undefined {
  return simulation.ask<ProducerHeartbeatTaken, ProducerHeartbeat>(
    group,
    (replyTo) => ({
      kind: 'producer-heartbeat',
      member: { clientId, shard: 0, connection, address: 'a', language: 'GO', version: 317 },
      replyTo,
    }),
    1_000,
  );
}

function list(simulation: Simulation, group: ActorRef<ProducerGroupCommand>, from = 0): ProducersListed | undefined {
  return simulation.ask<ProducersListed, ListProducers>(group, (replyTo) => ({ kind: 'list-producers', from, replyTo }), 1_000);
}

test('ProducerGroupActor lists its members page by page, without those who left or fell silent', async (t) => {
  const { simulation, group } = started();
  for (let connection = 0; connection < 70; connection++) t.equal(beat(simulation, group, connection)?.code, 0);
  t.equal(list(simulation, group)?.members.length, 64);
  t.equal(list(simulation, group)?.next, 64);
  t.match(list(simulation, group, 64), { next: -1 });
  simulation.ask<Unregistered, ProducerGroupCommand>(
    group,
    (replyTo) => ({ kind: 'unregister', shard: 0, connection: 69, replyTo }),
    1_000,
  );
  t.equal(list(simulation, group, 64)?.members.length, 5);
  simulation.advance(100_000);
  beat(simulation, group, 3);
  simulation.advance(40_000);
  t.same(
    list(simulation, group)?.members.map((member) => member.clientId),
    ['p3'],
  );
});

test('ProducerGroupActor picks its members in turn', async (t) => {
  const { simulation, group } = started();
  const pick = (): string | undefined =>
    simulation.ask<ProducerPicked, PickProducer>(group, (replyTo) => ({ kind: 'pick-producer', replyTo }), 1_000)?.member?.clientId;
  t.equal(pick(), undefined);
  for (const connection of [1, 2, 3]) beat(simulation, group, connection);
  t.same([pick(), pick(), pick(), pick()].sort(), ['p1', 'p1', 'p2', 'p3']);
});

test('ProducerGroupActor ends itself a minute after its last member, and is made again by the next', async (t) => {
  const { simulation, group } = started();
  beat(simulation, group, 1);
  simulation.advance(300_000);
  t.same(list(simulation, group)?.members, []);
  t.equal(beat(simulation, group, 2)?.code, 0);
  t.equal(list(simulation, group)?.members.length, 1);
  t.same(simulation.failures, []);
});

test('ProducerGroupActor picks the connection that a client came back over, not the one that it left', async (t) => {
  const { simulation, group } = started();
  for (const connection of [1, 2, 3]) beat(simulation, group, connection, 'client');
  beat(simulation, group, 4, 'other');
  simulation.advance(1_000);
  beat(simulation, group, 2, 'client');
  const picked = (): number | undefined =>
    simulation.ask<ProducerPicked, PickProducer>(group, (replyTo) => ({ kind: 'pick-producer', replyTo }), 1_000)?.member?.connection;
  t.same([picked(), picked(), picked(), picked()], [2, 2, 2, 4]);
});
