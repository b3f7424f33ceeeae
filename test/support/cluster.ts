/**
 * Several ringmq processes as a user runs them: name servers of their own, and brokers that register with all of them. Owns the
 * processes and their folders. Fails by throwing with the output of the process that does not become ready.
 */
import { fileURLToPath } from 'node:url';
import { freePort } from './free-port.ts';
import { prepareRingmq, type RingmqProcess } from './start-ringmq.ts';

const ENTRY = fileURLToPath(new URL('../../bin/ringmq.ts', import.meta.url));

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

/** Starts them all at once: a broker waits for its name servers itself. */
export async function startCluster({ nameServers, brokers, shards = 1, others = [], brokerArgs = [] }: ClusterOptions): Promise<Cluster> {
  const command = (role: string): string[] => [process.execPath, ENTRY, role];
  const ports = await Promise.all(Array.from({ length: nameServers }, () => freePort()));
  const addresses = [...ports.map((port) => `127.0.0.1:${port}`), ...others];
  const cluster: Cluster = {
    nameServers: await Promise.all(ports.map((nameServerPort) => prepareRingmq({ command: command('namesrv'), nameServerPort, shards }))),
    brokers: [],
    address: addresses.join(';'),
    destroy: async () => {
      for (const one of [...cluster.brokers, ...cluster.nameServers]) await one.destroy();
    },
  };
  for (const name of brokers) {
    const args = ['--set', `brokerName=${name}`, ...brokerArgs];
    cluster.brokers.push(await prepareRingmq({ command: command('broker'), shards, args, env: { NAMESRV_ADDR: addresses.join(';') } }));
  }
  try {
    await Promise.all([...cluster.nameServers, ...cluster.brokers].map((one) => one.start()));
  } catch (error) {
    await cluster.destroy();
    throw error;
  }
  return cluster;
}
