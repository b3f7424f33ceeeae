/** What an embedded cluster does when its parts die: it heals, or it ends and the process lives. */
import { connect } from 'node:net';
import tap, { test } from 'tap';
import { type Cluster, type ClusterFault, type ClusterOptions, startCluster } from '../../index.ts';
import { sendMessage } from '../support/broker-client.ts';
import { RemotingClient } from '../support/remoting-client.ts';
import { waitUntil } from '../support/wait-until.ts';

tap.setTimeout(180_000);

type TestContext = { teardown(run: () => Promise<void> | void): void };

async function cluster(t: TestContext, options: ClusterOptions = {}): Promise<Cluster> {
  const started = await startCluster({ log: () => {}, ...options });
  t.teardown(() => started.stop());
  return started;
}

test('startCluster goes on when a thread of a broker dies: its supervisor is not the application', async (t) => {
  const { brokers } = await cluster(t);
  await brokers[0]!.endThread('shard-0');
  await waitUntil(
    'it serves again',
    async () => {
      try {
        const client = await RemotingClient.connect(brokers[0]!.address);
        const { code } = await sendMessage(client, 'After', 'death');
        await client.close();
        return code === 0;
      } catch {
        return false;
      }
    },
    60_000,
  );
  t.pass('a replaced shard serves');
});

test('startCluster stops and tells when a broker can no longer keep its promises; the process lives', async (t) => {
  const faults: ClusterFault[] = [];
  const started = await cluster(t, { onFault: (fault) => faults.push(fault) });
  const address = started.brokers[0]!.address;
  // More deaths than the supervisor allows in its period: it gives up.
  const ended = started.ended;
  let over = false;
  void ended.then(() => {
    over = true;
  });
  await waitUntil(
    'the supervisor gives up',
    async () => {
      await started.brokers[0]!.endThread('log').catch(() => {});
      return over;
    },
    120_000,
  );
  const fault = await ended;
  t.equal(fault?.node, 'broker-a');
  t.equal(fault?.kind, 'escalation');
  await waitUntil('onFault was called', () => faults.length === 1);
  t.equal(faults[0], fault);
  await t.rejects(started.brokers[0]!.restart(), { code: 'MQ_CLUSTER_STOPPED', message: /gives up/ });
  await t.rejects(
    new Promise((_, reject) => {
      const [host, port] = address.split(':');
      connect({ host: host!, port: Number(port) }).once('error', reject);
    }),
    { code: 'ECONNREFUSED' },
  );
  await started.stop();
});
