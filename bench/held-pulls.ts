/**
 * What held pulls cost while nothing comes: opens pulls on an empty topic, holds them, and prints the share of a core that the
 * broker used meanwhile. `node bench/held-pulls.ts BROKER_ADDRESS PID [PULLS] [SECONDS]`.
 */
import { readFileSync } from 'node:fs';
import { RemotingClient } from '../test/support/remoting-client.ts';

const PULL_MESSAGE = 11;
const SUSPEND_AND_SUBSCRIPTION = 2 | 4;
const CONNECTIONS = 20;
/** Clock ticks a second in /proc. */
const TICKS = 100;

const [address, pid, pullsText = '10000', secondsText = '10'] = process.argv.slice(2);
if (address === undefined || pid === undefined) throw new Error('usage: node bench/held-pulls.ts BROKER_ADDRESS PID [PULLS] [SECONDS]');
const pulls = Number(pullsText);
const seconds = Number(secondsText);

function cpuSeconds(): number {
  const fields = readFileSync(`/proc/${pid}/stat`, 'utf8').split(') ')[1]!.split(' ');
  return (Number(fields[11]) + Number(fields[12])) / TICKS;
}

const first = await RemotingClient.connect(address);
await first.request(17, {
  topic: 'held_pulls',
  defaultTopic: 'TBW102',
  readQueueNums: 8,
  writeQueueNums: 8,
  perm: 6,
  topicFilterType: 'SINGLE_TAG',
  order: false,
});
let answered = 0;
let failed = 0;
const clients = await Promise.all(Array.from({ length: CONNECTIONS }, () => RemotingClient.connect(address)));
for (let i = 0; i < pulls; i++) {
  const ext = {
    consumerGroup: `g${i % 50}`,
    topic: 'held_pulls',
    queueId: i % 8,
    queueOffset: 0,
    maxMsgNums: 32,
    sysFlag: SUSPEND_AND_SUBSCRIPTION,
    commitOffset: 0,
    suspendTimeoutMillis: 60_000,
    subscription: '*',
    subVersion: 0,
    expressionType: 'TAG',
  };
  clients[i % CONNECTIONS]!.request(PULL_MESSAGE, ext, { timeoutMs: 90_000 }).then(
    () => answered++,
    () => failed++,
  );
}
await new Promise((resolve) => setTimeout(resolve, 3_000));
const before = cpuSeconds();
await new Promise((resolve) => setTimeout(resolve, seconds * 1000));
const cores = (cpuSeconds() - before) / seconds;
console.log(JSON.stringify({ pulls, seconds, answered, failed, cores: Number(cores.toFixed(4)) }));
process.exit(0);
