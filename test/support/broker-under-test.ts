/**
 * The broker that a whole-broker test talks to: a ringmq process of the test's own, removed when the test ends. With
 * BROKER_UNDER_TEST=NAMESRV,BROKER in the environment, tests that touch no process run against that one instead: so their
 * expectations were checked against the Java broker.
 */
import { RemotingClient } from './remoting-client.ts';
import { type StartOptions, startRingmq } from './start-ringmq.ts';

export type BrokerUnderTest = {
  nameServer: string;
  broker: string;
  connect(): Promise<RemotingClient>;
  connectNameServer(): Promise<RemotingClient>;
};

type TestContext = { teardown(run: () => Promise<void>): void };

const given = process.env['BROKER_UNDER_TEST']?.split(',');

/** True when the tests run against a broker that is not ours. */
export const isForeign: boolean = given !== undefined;

/** A name that no earlier run against the same broker has used. */
export function uniqueName(word: string): string {
  return `${word}_${process.pid}_${Date.now().toString(36)}_${Math.floor(performance.now())}`;
}

export async function brokerUnderTest(t: TestContext, options: StartOptions = {}): Promise<BrokerUnderTest> {
  const open: RemotingClient[] = [];
  const connected = async (address: string): Promise<RemotingClient> => {
    const client = await RemotingClient.connect(address);
    open.push(client);
    return client;
  };
  const [nameServer, broker] = given ?? [];
  if (nameServer !== undefined && broker !== undefined) {
    t.teardown(async () => {
      for (const client of open) await client.close();
    });
    return { nameServer, broker, connect: () => connected(broker), connectNameServer: () => connected(nameServer) };
  }
  const ringmq = await startRingmq(options);
  t.teardown(async () => {
    for (const client of open) await client.close();
    await ringmq.destroy();
  });
  return {
    nameServer: ringmq.nameServer,
    broker: ringmq.broker,
    connect: () => connected(ringmq.broker),
    connectNameServer: () => connected(ringmq.nameServer),
  };
}
