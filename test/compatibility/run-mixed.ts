/**
 * A Java broker and ours, both registered with a Java name server and with ours: every client sends to both brokers and reads both, by
 * the one name server and by the other. Then one broker after the other stops in order, and neither name server has its routes any more.
 */
import { startCluster } from '../support/cluster.ts';
import { routeOf } from '../support/create-topic.ts';
import { RemotingClient } from '../support/remoting-client.ts';
import { waitUntil } from '../support/wait-until.ts';
import { type ClientProgram, runProgram, type Verdict } from './client-programs.ts';
import { JavaServer } from './java-server.ts';
import { setQueues } from './run-cluster.ts';

export const MIXED_SCENARIOS = ['spread'] as const;

const CLIENT_MS_MAX = 120_000;
const ROUTE_MS_MAX = 35_000;

/** @param version of the Java servers */
export async function runMixed(
  clients: readonly ClientProgram[],
  version: string,
  onVerdict: (client: string, verdict: Verdict) => void,
): Promise<void> {
  const javaNames = await JavaServer.nameServer(version);
  const world: { end(): Promise<void> }[] = [{ end: () => javaNames.kill() }];
  try {
    const cluster = await startCluster({ nameServers: 1, brokers: ['broker-a'], others: [javaNames.address], shards: 2 });
    world.push({ end: () => cluster.destroy() });
    const javaBroker = await JavaServer.broker(version, 'broker-b', cluster.address);
    world.push({ end: () => javaBroker.kill() });
    const ours = cluster.brokers[0];
    const ourNames = cluster.nameServers[0];
    if (ours === undefined || ourNames === undefined) throw new Error('The cluster has a broker and a name server');
    const nameServers = [
      ['ours', ourNames.nameServer],
      ['javas', javaNames.address],
    ] as const;
    for (const client of clients) {
      for (const [word, nameServer] of nameServers) {
        const prefix = `m${word}_${client.name.replaceAll(/[^a-z0-9]/gi, '')}_${Date.now().toString(36)}`;
        const onEvent = async (event: string): Promise<void> => {
          const topic = event.replace(/^topics /, '');
          await setQueues(ours.broker, topic, 2);
          await setQueues(javaBroker.address, topic, 4);
          for (const [, one] of nameServers) await routeIs(one, topic, { 'broker-a': 2, 'broker-b': 4 });
        };
        const note = (verdict: Verdict): void => onVerdict(client.name, { ...verdict, scenario: `${verdict.scenario}-${word}` });
        await runProgram(client, nameServer, MIXED_SCENARIOS, prefix, note, onEvent, CLIENT_MS_MAX);
      }
    }
    onVerdict('brokers', await leaving(nameServers, ours.broker, javaBroker, () => ours.stop()));
  } finally {
    for (const { end } of world.reverse()) await end();
  }
}

/** A broker that stops in order withdraws its routes from a name server of the other make, too. */
async function leaving(
  nameServers: readonly (readonly [string, string])[],
  ours: string,
  javaBroker: JavaServer,
  stopOurs: () => Promise<unknown>,
): Promise<Verdict> {
  const begin = performance.now();
  const verdict = { scenario: 'leaving', ok: true, detail: {} };
  try {
    await setQueues(ours, 'Leaving', 2);
    await setQueues(javaBroker.address, 'Leaving', 4);
    for (const [, one] of nameServers) await routeIs(one, 'Leaving', { 'broker-a': 2, 'broker-b': 4 });
    await stopOurs();
    for (const [, one] of nameServers) await routeIs(one, 'Leaving', { 'broker-b': 4 }, 1_000);
    await javaBroker.stop();
    for (const [, one] of nameServers) await routeIs(one, 'Leaving', {}, 1_000);
    return { ...verdict, ms: Math.round(performance.now() - begin) };
  } catch (error) {
    return { ...verdict, ok: false, ms: Math.round(performance.now() - begin), error: String(error) };
  }
}

/** Waits until the name server has these queues and no others for the topic. */
async function routeIs(nameServer: string, topic: string, expected: Record<string, number>, ms: number = ROUTE_MS_MAX): Promise<void> {
  const client = await RemotingClient.connect(nameServer);
  try {
    await waitUntil(
      `${JSON.stringify(expected)} as the route of ${topic} at ${nameServer}`,
      async () => {
        const route = await routeOf(client, topic);
        const queues = new Map(route?.queueDatas.map(({ brokerName, writeQueueNums }) => [brokerName, writeQueueNums]));
        const wanted = Object.entries(expected);
        return queues.size === wanted.length && wanted.every(([name, count]) => queues.get(name) === count);
      },
      ms,
    );
  } finally {
    await client.close();
  }
}
