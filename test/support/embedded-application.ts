/**
 * An application with an embedded cluster whose disk fails: sends until the cluster ends, then shows that it still lives itself. Started
 * as a process of its own, for the fault is injected from outside. Arguments: the store's directory. Prints one line of JSON.
 */
import { startCluster } from '../../index.ts';
import { sendMessage } from './broker-client.ts';
import { RemotingClient } from './remoting-client.ts';

const faults: unknown[] = [];
const cluster = await startCluster({
  store: process.argv[2]!,
  config: { flushDiskType: 'SYNC_FLUSH' },
  log: () => {},
  onFault: ({ node, kind, error }) => faults.push({ node, kind, error: error.message }),
});
const client = await RemotingClient.connect(cluster.brokers[0]!.address);
const acknowledged: string[] = [];
let failedAt = 0;
for (let i = 0; failedAt === 0; i++) {
  try {
    const { code, ext } = await sendMessage(client, 'embedded', `message ${i}`, { queueId: 0 });
    if (code === 0) acknowledged.push(`message ${i}@${ext?.['queueOffset']}`);
    else failedAt = performance.now();
  } catch {
    failedAt = performance.now();
  }
}
const ended = await cluster.ended;
const tookMs = performance.now() - failedAt;
await client.close();
const restart = await cluster.brokers[0]!.restart().then(
  () => 'restarted',
  (error: { code?: string }) => error.code,
);
await cluster.stop();
// A timer of the application's own still runs: its event loop was never blocked.
await new Promise((resolve) => setTimeout(resolve, 50));
process.stdout.write(`${JSON.stringify({ acknowledged, faults, ended: ended?.kind, tookMs, restart, isAlive: true })}\n`);
