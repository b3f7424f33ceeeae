/**
 * What messages of the kinds that wait cost: transactions, timed messages, delay levels, beside plain sends; CPU of the broker from the send to
 * the place where consumers find the message, of the Java broker and ringmq in turn under the same load. Writes results/kinds.md.
 *
 *   node bench/kinds.ts [--messages N] [--rounds N] [--no-java] [--only A,B]     (npm run build first)
 *
 * Both brokers run all the time, one of them is loaded. The first rounds of each kind warm up and do not count; the ratio is the median of the
 * pairs' ratios.
 */
import { writeFileSync } from 'node:fs';
import { availableParallelism, cpus, release } from 'node:os';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { RemotingClient } from '../test/support/remoting-client.ts';
import { waitUntil } from '../test/support/wait-until.ts';
import { cpuSeconds, flood, GROUP, makeTopic, stored } from './flood.ts';
import { JavaPeer } from './java-peer.ts';
import type { Peer } from './peer.ts';
import { RingmqPeer } from './ringmq-peer.ts';

const { values } = parseArgs({
  options: {
    messages: { type: 'string', default: '60000' },
    rounds: { type: 'string', default: '5' },
    'no-java': { type: 'boolean', default: false },
    only: { type: 'string' },
  },
});
const MESSAGES = Number(values.messages);
const ROUNDS = Number(values.rounds);
const WARM_ROUNDS = 3;
const REST_MS = 1_500;

type Kind = { readonly name: string; readonly title: string; readonly properties: string; readonly isHalf?: boolean };

const KINDS: readonly Kind[] = [
  {
    name: 'transaction',
    title: 'transaction: half message, commit',
    properties: `PGROUP\u0001${GROUP}\u0002TRAN_MSG\u0001true`,
    isHalf: true,
  },
  { name: 'timer', title: 'timed, due after 2 s', properties: 'TIMER_DELAY_MS\u00012000' },
  { name: 'level', title: 'delay level 1', properties: 'DELAY\u00011' },
  { name: 'plain', title: 'plain', properties: 'K\u00011' },
].filter(({ name }) => values.only === undefined || values.only.split(',').includes(name));

async function addressOf(peer: Peer): Promise<string> {
  const client = await RemotingClient.connect(peer.nameServer);
  const { body } = await client.request(106, {});
  await client.close();
  return /"(127\.0\.0\.1:\d+)"/.exec(body.toString())![1]!;
}

/** µs of the broker's processes a message. */
async function once(address: string, peer: Peer, kind: Kind, round: number): Promise<number> {
  const client = await RemotingClient.connect(address);
  const topic = `kinds_${kind.name}_${round}_${Date.now().toString(36)}`;
  await makeTopic(client, topic);
  const before = cpuSeconds(peer.pids);
  const count = await flood(address, topic, MESSAGES, () => kind.properties, { isHalf: kind.isHalf === true });
  await waitUntil(`${count} in ${topic}`, async () => (await stored(client, topic)) >= count, 300_000, 50);
  await client.close();
  // Java indexes and writes op records behind its answers.
  await new Promise((resolve) => setTimeout(resolve, REST_MS));
  return ((cpuSeconds(peer.pids) - before) / count) * 1e6;
}

function median(figures: readonly number[]): number {
  const sorted = [...figures].sort((a, b) => a - b);
  return (sorted[(sorted.length - 1) >> 1]! + sorted[sorted.length >> 1]!) / 2;
}

const ours: Peer = await RingmqPeer.create('async', 1);
const java: Peer | null = values['no-java'] ? null : await JavaPeer.create('async');
const rows: string[] = [];
try {
  await ours.start();
  await java?.start();
  const addresses = { ours: await addressOf(ours), java: java === null ? '' : await addressOf(java) };
  for (const kind of KINDS) {
    const figures = { ours: [] as number[], java: [] as number[], ratio: [] as number[] };
    for (let round = -WARM_ROUNDS; round < ROUNDS; round++) {
      const one = await once(addresses.ours, ours, kind, round);
      const other = java === null ? Number.NaN : await once(addresses.java, java, kind, round);
      process.stderr.write(`${kind.name} round ${round}: ringmq ${one.toFixed(1)}, Java ${other.toFixed(1)} us\n`);
      if (round < 0) continue;
      figures.ours.push(one);
      figures.java.push(other);
      figures.ratio.push(other / one);
    }
    const cells = [median(figures.ours), median(figures.java), median(figures.ratio)].map((one) => one.toFixed(1));
    rows.push(`| ${kind.title} | ${cells.join(' | ')} |`);
  }
} finally {
  await ours.stop();
  await java?.stop();
}
const when = new Date().toISOString().slice(0, 16);
const machine = `${cpus()[0]?.model.trim() ?? 'unknown CPU'}, ${availableParallelism()} cores, Linux ${release()}, Node ${process.versions.node}`;
const text = `# What messages that wait cost

${when}, ${machine}; made by \`node bench/kinds.ts\`. CPU µs of the broker a message, user and system of all its threads, from its send to where consumers
find it: bodies of 128 bytes, four connections with 64 in flight each, one shard, asynchronous flush. Medians of ${ROUNDS} rounds in turn, warm.

| kind | ringmq | Java | Java ÷ ringmq |
| --- | ---: | ---: | ---: |
${rows.join('\n')}
`;
process.stdout.write(text);
if (java !== null && values.only === undefined) writeFileSync(fileURLToPath(new URL('results/kinds.md', import.meta.url)), text);
process.exit(0);
