/**
 * Registration over TCP: the topic registry and the registration actor of a broker on one side, our own name server on the other.
 */
import { createServer, type Socket } from 'node:net';
import { test } from 'tap';
import type { AwaitRegistered } from '../../../actors/registration/registration-actor.ts';
import { startRegistration } from '../../../actors/registration/start-registration.ts';
import { startTopicRegistry } from '../../../actors/topic/start-topics.ts';
import type { SaveTable, TopicRegistryCommand, TopicReply, TopicsRegistered } from '../../../actors/topic/topic-registry-actor.ts';
import { DEFAULT_TOPIC_SETTINGS } from '../../../actors/topic/topic-rules.ts';
import type { Actor } from '../../../runtime/actor.ts';
import { ActorSystem } from '../../../runtime/actor-system.ts';
import { freePort } from '../../support/free-port.ts';
import { RemotingClient } from '../../support/remoting-client.ts';
import { startNameServer } from '../../support/start-name-server.ts';
import { waitUntil } from '../../support/wait-until.ts';

class Store implements Actor<SaveTable> {
  receive({ name, part = 0, parts = 1, replyTo }: SaveTable): void {
    if (part === parts - 1) replyTo.tell({ kind: 'table-saved', name, ok: true });
  }
}

/** A broker that has topics and nothing else, on this process's own thread. */
async function startBroker(nameServers: readonly string[]) {
  const system = await ActorSystem.start({
    root: { id: 'broker', strategy: 'one-for-one', intensity: 1, periodMs: 1_000, children: [] },
    placement: ['registration', 'topic-registry', 'store'].map((prefix) => ({ prefix, thread: 'root' })),
    log: () => {},
  });
  const thread = system.context;
  thread.spawn('store', () => new Store() as Actor<never>);
  let handles = 0;
  const registry = startTopicRegistry(thread, {
    settings: DEFAULT_TOPIC_SETTINGS,
    queueHandles: { intern: () => handles++, topics: () => [] },
    load: () => null,
    shards: [],
    sync: false,
    registration: 'registration',
  });
  const identity = { clusterName: 'C', brokerName: 'broker-r', brokerId: 0, brokerAddr: '127.0.0.1:7', haServerAddr: '127.0.0.1:8' };
  const registration = startRegistration(thread, { nameServers, ...identity, periodMs: 1_000 });
  const registered = () =>
    system.ask<TopicsRegistered, AwaitRegistered>(registration, (replyTo) => ({ kind: 'await-registered', replyTo }), 10_000);
  const create = (topic: string) =>
    system.ask<TopicReply, TopicRegistryCommand>(
      registry,
      (replyTo) => ({ kind: 'create-on-send', topic, defaultTopic: 'TBW102', queueNums: 4, clientAddress: 'x', sysFlag: 0, replyTo }),
      10_000,
    );
  return { system, registered, create };
}

test('a new topic has its route at every name server before its creator is answered', async (t) => {
  const servers = [await startNameServer(1), await startNameServer(2)];
  const broker = await startBroker(servers.map((server) => server.address));
  const clients = await Promise.all(servers.map((server) => RemotingClient.connect(server.address)));
  try {
    t.same(await broker.registered(), { kind: 'topics-registered', registered: 2, failed: 0 });
    for (const client of clients) t.equal((await client.request(105, { topic: 'TBW102' })).code, 0);
    for (let index = 0; index < 20; index++) {
      t.match(await broker.create(`Topic-${index}`), { kind: 'topic-ready' });
      for (const client of clients) t.equal((await client.request(105, { topic: `Topic-${index}` })).code, 0, `Topic-${index}`);
    }
    await Promise.all(Array.from({ length: 300 }, (_, index) => broker.create(`Burst-${index}`)));
    for (const client of clients) t.ok(JSON.parse((await client.request(206)).body.toString()).topicList.length >= 334);
    await broker.system.stop();
    for (const client of clients) t.equal((await client.request(105, { topic: 'TBW102' })).code, 17, 'unregistered with the stop');
  } finally {
    await broker.system.stop();
    for (const client of clients) await client.close();
    for (const server of servers) await server.stop();
  }
});

test('a name server that is dead or deaf holds up nobody for long, and gets everything when it is back', async (t) => {
  const port = await freePort();
  const sockets: Socket[] = [];
  const deaf = createServer((socket) => sockets.push(socket.on('error', () => {})));
  await new Promise<void>((resolve) => deaf.listen(0, '127.0.0.1', resolve));
  const deafAddress = `127.0.0.1:${(deaf.address() as { port: number }).port}`;
  const server = await startNameServer(1);
  const broker = await startBroker([server.address, `127.0.0.1:${port}`, deafAddress, 'no-address']);
  let late: Awaited<ReturnType<typeof startNameServer>> | undefined;
  try {
    t.match(await broker.registered(), { registered: 1, failed: 3 }, 'the deaf one costs its time limit');
    t.match(await broker.create('Orders'), { kind: 'topic-ready' });
    late = await startNameServer(1, { port });
    const client = await RemotingClient.connect(late.address);
    await waitUntil('the late name server to know the topic', async () => (await client.request(105, { topic: 'Orders' })).code === 0);
    t.pass('registered whole');
    await client.close();
  } finally {
    await broker.system.stop();
    await server.stop();
    await late?.stop();
    for (const socket of sockets) socket.destroy();
    await new Promise((resolve) => deaf.close(resolve));
  }
});

test('a name server that was restarted has all routes again without waiting for the period', async (t) => {
  const port = await freePort();
  const first = await startNameServer(1, { port });
  const broker = await startBroker([first.address]);
  try {
    await broker.registered();
    await broker.create('Orders');
    await first.stop();
    const second = await startNameServer(1, { port });
    const client = await RemotingClient.connect(second.address);
    await waitUntil('the routes to be back', async () => (await client.request(105, { topic: 'Orders' })).code === 0);
    t.pass('the closed connection is opened again by itself');
    await client.close();
    await second.stop();
  } finally {
    await broker.system.stop();
  }
});

test('a name-server shard that was killed has its routes again with the next registration', async (t) => {
  const server = await startNameServer(3);
  const broker = await startBroker([server.address]);
  try {
    await broker.registered();
    const topics = Array.from({ length: 60 }, (_, index) => `Topic-${index}`);
    await Promise.all(topics.map((topic) => broker.create(topic)));
    for (const shard of ['shard-1', 'shard-0']) {
      await server.system.terminateThread(shard);
      await waitUntil(`all routes to be back after the death of ${shard}`, async () => {
        // A connection of its own each time: the client's may have died with the shard.
        const client = await RemotingClient.connect(server.address).catch(() => undefined);
        if (client === undefined) return false;
        try {
          const answers = await Promise.all(topics.map((topic) => client.request(105, { topic }, { timeoutMs: 5_000 })));
          return answers.every((answer) => answer.code === 0);
        } catch {
          return false;
        } finally {
          await client.close();
        }
      });
      t.pass(`${shard} was replaced`);
    }
  } finally {
    await broker.system.stop();
    await server.stop();
  }
});
