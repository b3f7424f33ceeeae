/**
 * Several ringmq processes as a user runs them: name servers of their own, and brokers that register with all of them. Owns the
 * processes and their folders. Fails by throwing with the output of the process that does not become ready.
 */
import { fileURLToPath } from 'node:url';
import { freeBrokerPort } from './free-port.ts';
import { prepareRingmq, type RingmqProcess } from './start-ringmq.ts';

const ENTRY = fileURLToPath(new URL('../../bin/ringmq.ts', import.meta.url));

/** Several start at once: a limit that only catches what hangs. */
const READY_MS_MAX = 60_000;
const ANY_ADMIN_PORT = { ADMIN_ADDR: '127.0.0.1:0' };

export type ClusterOptions = {
  nameServers: number;
  /** By name; each registers with all name servers. */
  brokers: readonly string[];
  shards?: number;
  /** Name servers that run already, such as Java's: host:port. */
  others?: readonly string[];
  /** More arguments of each broker. */
  brokerArgs?: readonly string[];
};

export type Cluster = {
  nameServers: RingmqProcess[];
  brokers: RingmqProcess[];
  /** All name servers, as clients take them. */
  address: string;
  destroy(): Promise<void>;
};

/** Starts the name servers, then the brokers: those begin with a word of warning about one that is not there yet. */
export async function startCluster({ nameServers, brokers, shards = 1, others = [], brokerArgs = [] }: ClusterOptions): Promise<Cluster> {
  const command = (role: string): string[] => [process.execPath, ENTRY, role];
  const cluster: Cluster = {
    nameServers: [],
    brokers: [],
    address: '',
    destroy: async () => {
      for (const one of [...cluster.brokers, ...cluster.nameServers]) await one.destroy();
    },
  };
  try {
    for (let index = 0; index < nameServers; index++) {
      // From below the ports that the kernel gives to clients: one is looked for some time before it is taken.
      const nameServerPort = await freeBrokerPort();
      cluster.nameServers.push(
        await prepareRingmq({ command: command('namesrv'), nameServerPort, shards, env: ANY_ADMIN_PORT, readyMs: READY_MS_MAX }),
      );
    }
    cluster.address = [...cluster.nameServers.map(({ nameServer }) => nameServer), ...others].join(';');
    await Promise.all(cluster.nameServers.map((one) => one.start()));
    for (const name of brokers) {
      const args = ['--set', `brokerName=${name}`, ...brokerArgs];
      const env = { ...ANY_ADMIN_PORT, NAMESRV_ADDR: cluster.address };
      cluster.brokers.push(await prepareRingmq({ command: command('broker'), shards, args, env, readyMs: READY_MS_MAX }));
    }
    await Promise.all(cluster.brokers.map((one) => one.start()));
  } catch (error) {
    await cluster.destroy();
    throw error;
  }
  return cluster;
}
