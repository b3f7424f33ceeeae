/**
 * What the client costs beside ali-ons: CPU time of the client's process a message, and the time of one send after another, against a ringmq process
 * of its own. Prints one JSON line a measurement. Every measurement runs in a process of its own; run alone, for the machine's other work shows.
 *
 *   node bench/client.ts [--messages N] [--rounds N]
 */
import { spawnSync } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { Admin, Producer, PushConsumer } from '../client/index.ts';
import { aliOns, silentLogger } from '../test/support/ali-ons.ts';
import { startRingmq } from '../test/support/start-ringmq.ts';
import { waitUntil } from '../test/support/wait-until.ts';

const { values: options, positionals } = parseArgs({
  allowPositionals: true,
  options: { messages: { type: 'string', default: '20000' }, rounds: { type: 'string', default: '3' } },
});
const messages = Number(options.messages);
const BODY = Buffer.alloc(128, 120);
const WINDOW = 64;

/** Keeps `WINDOW` sends under way until `messages` are done. */
async function flood(send: () => Promise<unknown>): Promise<void> {
  let left = messages;
  await Promise.all(
    Array.from({ length: WINDOW }, async () => {
      while (left-- > 0) await send();
    }),
  );
}

/** CPU and wall time of `run`, by message, in microseconds. */
async function cost(run: () => Promise<void>): Promise<{ cpuUs: number; wallUs: number }> {
  const before = process.cpuUsage();
  const start = performance.now();
  await run();
  const { system, user } = process.cpuUsage(before);
  return { cpuUs: (system + user) / messages, wallUs: ((performance.now() - start) * 1_000) / messages };
}

/** Median and 99th percentile of single sends, in microseconds. */
async function latency(send: () => Promise<unknown>): Promise<{ p50Us: number; p99Us: number }> {
  const times: number[] = [];
  for (let index = 0; index < 2_000; index++) {
    const start = performance.now();
    await send();
    times.push((performance.now() - start) * 1_000);
  }
  const sorted = times.slice(500).sort((a, b) => a - b);
  return { p50Us: sorted[sorted.length >> 1]!, p99Us: sorted[Math.floor(sorted.length * 0.99)]! };
}

async function measureOurs(nameServers: string, topic: string): Promise<Record<string, number>> {
  const producer = new Producer({ nameServers });
  const send = (): Promise<unknown> => producer.send({ topic, body: BODY });
  const single = await latency(send);
  const sending = await cost(() => flood(send));
  await producer.close();
  let received = 0;
  const consumer = new PushConsumer({ nameServers, group: `G_${topic}`, consumeFrom: 'first' });
  await consumer.subscribe(topic, () => {
    received++;
  });
  const consuming = await cost(async () => {
    await consumer.start();
    await waitUntil('the messages', () => received >= messages, 60_000, 5);
  });
  await consumer.close();
  return {
    ...single,
    sendCpuUs: sending.cpuUs,
    sendWallUs: sending.wallUs,
    consumeCpuUs: consuming.cpuUs,
    consumeWallUs: consuming.wallUs,
  };
}

async function measureAliOns(nameServers: string, topic: string): Promise<Record<string, number>> {
  const common = { nameSrv: nameServers, httpclient: {}, logger: silentLogger };
  const producer = new aliOns.Producer({ ...common, producerGroup: `P_${topic}` });
  producer.on('error', () => {});
  await producer.ready();
  const send = (): Promise<unknown> => producer.send(new aliOns.Message(topic, '', BODY));
  const single = await latency(send);
  const sending = await cost(() => flood(send));
  let received = 0;
  const consumer = new aliOns.Consumer({ ...common, consumerGroup: `G_${topic}`, consumeFromWhere: 'CONSUME_FROM_FIRST_OFFSET' });
  consumer.on('error', () => {});
  const consuming = await cost(async () => {
    consumer.subscribe(topic, '*', async () => {
      received++;
    });
    await consumer.ready();
    await waitUntil('the messages', () => received >= messages, 120_000, 5);
  });
  return {
    ...single,
    sendCpuUs: sending.cpuUs,
    sendWallUs: sending.wallUs,
    consumeCpuUs: consuming.cpuUs,
    consumeWallUs: consuming.wallUs,
  };
}

const [client, nameServer, topic] = positionals;
if (client !== undefined && nameServer !== undefined && topic !== undefined) {
  const figures = await (client === 'ringmq' ? measureOurs : measureAliOns)(nameServer, topic);
  const rounded = Object.fromEntries(Object.entries(figures).map(([name, value]) => [name, Math.round(value * 10) / 10]));
  process.stdout.write(`${JSON.stringify({ client, messages, ...rounded })}\n`);
  process.exit(0);
}

const ringmq = await startRingmq({ shards: 1 });
const admin = new Admin({ nameServers: ringmq.nameServer });
try {
  for (let round = 0; round < Number(options.rounds); round++) {
    for (const name of ['ringmq', 'ali-ons']) {
      const own = `Bench_${name.replace('-', '_')}_${round}`;
      await admin.topics.create(own, { writeQueues: 4 });
      const args = [fileURLToPath(import.meta.url), '--messages', String(messages), name, ringmq.nameServer, own];
      const { stdout, stderr, status } = spawnSync(process.execPath, args, { encoding: 'utf8' });
      if (status !== 0) throw new Error(`${name} ended with ${status}: ${stderr}`);
      process.stdout.write(stdout);
    }
  }
} finally {
  await admin.close();
  await ringmq.destroy();
}
