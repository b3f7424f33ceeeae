import { test } from 'tap';
import type { BrokerRegistration } from '../../../actors/name-server/broker-registration.ts';
import {
  type BrokerRegistered,
  type Done,
  type NameServerCommand,
  NameServerShardActor,
  type RouteAnswer,
  type RoutePage,
} from '../../../actors/name-server/shard-actor.ts';
import type { Actor, ActorRef } from '../../../runtime/actor.ts';
import { Simulation } from '../../../runtime/simulation.ts';

const SHARDS = ['shard-0', 'shard-1', 'shard-2'];

function world() {
  const simulation = new Simulation({ seed: 5, startMs: 1_000_000 });
  const closed: string[] = [];
  const registerNow: string[] = [];
  simulation.spawn('registration', () => ({ receive: (message: { kind: string }) => void registerNow.push(message.kind) }));
  const start = (shard: number, isRestart: boolean): ActorRef<NameServerCommand> =>
    simulation.spawn<NameServerCommand>(SHARDS[shard]!.concat('/name-server'), () => {
      const options = { shard, shards: SHARDS, scanMs: 10_000, registration: 'registration', isRestart };
      const closeConnection = (connection: number): void => void closed.push(`${shard}/${connection}`);
      return new NameServerShardActor({ ...options, closeConnection }) as Actor<NameServerCommand>;
    });
  const shards = [start(0, false), start(1, false)];
  /** As the handler of shard 0 does it: every shard gets the broker, and its own topics. */
  const register = (topics: readonly string[], change: Partial<BrokerRegistration> = {}) => {
    const registration: BrokerRegistration = {
      clusterName: 'C',
      brokerName: 'a',
      brokerAddr: 'a:1',
      brokerId: 0,
      haServerAddr: 'a:2',
      heartbeatTimeoutMs: 120_000,
      enableActingMaster: false,
      listeners: '',
      zoneName: '',
      version: { stateVersion: 0, timestamp: 1, counter: 1 },
      topicCount: 3,
      serial: 1,
      shard: 0,
      connection: 7,
      ...change,
    };
    const replies = shards.map((shard, index) =>
      simulation.ask<BrokerRegistered, NameServerCommand>(
        shard,
        (replyTo) => ({
          kind: 'register-broker',
          registration,
          topics: topics
            .filter((_, at) => at % 2 === index)
            .map((topicName) => ({ topicName, readQueueNums: 4, writeQueueNums: 4, perm: 6, topicSysFlag: 0 })),
          replyTo,
        }),
        1_000,
      ),
    );
    return replies.map((reply) => reply?.code);
  };
  const has = (shard: number, topic: string) =>
    simulation.ask<RouteAnswer, NameServerCommand>(shards[shard]!, (replyTo) => ({ kind: 'get-route', topic, replyTo }), 1_000)?.found;
  return { simulation, closed, registerNow, shards, start, register, has };
}

test('NameServerShardActor evicts a broker that is silent for 120 s, on every shard, and closes its connection', async (t) => {
  const { simulation, closed, register, has } = world();
  t.same(register(['T', 'U']), [0, 0]);
  for (let round = 0; round < 10; round++) {
    simulation.advance(30_000);
    register(['T', 'U']);
  }
  t.ok(has(0, 'T') && has(1, 'U'), 'a broker that registers every 30 s stays for ever');
  simulation.advance(119_000);
  t.ok(has(0, 'T') && has(1, 'U'));
  simulation.advance(11_000);
  t.notOk(has(0, 'T'));
  t.notOk(has(1, 'U'), 'the shard with the connection told the other');
  t.same(closed, ['0/7']);
});

test('NameServerShardActor counts a heartbeat and an unchanged version as life', async (t) => {
  const { simulation, shards, register, has } = world();
  register(['T', 'U']);
  for (let round = 0; round < 8; round++) {
    simulation.advance(60_000);
    for (const shard of shards) shard.tell({ kind: 'broker-heartbeat', clusterName: 'C', brokerAddr: 'a:1' });
  }
  t.ok(has(0, 'T') && has(1, 'U'));
});

test('NameServerShardActor forgets a broker at once when its connection closed', async (t) => {
  const { simulation, shards, register, has } = world();
  register(['T', 'U']);
  for (const shard of shards)
    simulation.ask<Done, NameServerCommand>(shard, (replyTo) => ({ kind: 'connection-closed', shard: 0, connection: 7, replyTo }), 1_000);
  t.notOk(has(0, 'T') || has(1, 'U'));
  register(['T', 'U'], { connection: 8 });
  t.ok(has(1, 'U'));
});

test('NameServerShardActor that lost its routes asks the own broker to register', async (t) => {
  const { simulation, registerNow, start } = world();
  simulation.advance(1);
  t.same(registerNow, [], 'a first start has lost nothing');
  start(2, true);
  simulation.advance(1);
  t.same(registerNow, ['register-now']);
});

test('NameServerShardActor lists its topics page by page', async (t) => {
  const { simulation, shards, register } = world();
  register(Array.from({ length: 700 }, (_, index) => `T${index}`));
  const names = new Set<string>();
  let cursor = 0;
  while (cursor >= 0) {
    const page: RoutePage | undefined = simulation.ask<RoutePage, NameServerCommand>(
      shards[0]!,
      (replyTo) => ({ kind: 'list-routes', clusterName: '', cursor, replyTo }),
      1_000,
    );
    for (const name of page!.topics) names.add(name);
    t.ok(page!.topics.length <= 128);
    cursor = page!.next;
  }
  t.equal(names.size, 350);
});
