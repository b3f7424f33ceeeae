/**
 * Timed messages (`npm run build` first). Prints one JSON line a measurement.
 *
 *   node bench/timers.ts late [--rate N] [--seconds N]                  how late messages come that are due at N a second
 *   node bench/timers.ts pending [--messages N]                         memory with N timers that wait, and a start after kill -9 with them
 */

import { existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { queueOffset, readQueue } from '../test/support/broker-client.ts';
import { RemotingClient } from '../test/support/remoting-client.ts';
import { prepareRingmq, type RingmqProcess } from '../test/support/start-ringmq.ts';
import { waitUntil } from '../test/support/wait-until.ts';
import { cacheFolder } from './cache-folder.ts';
import { CONNECTIONS, cpuSeconds, Flood, flood, makeTopic, QUEUES, stored } from './flood.ts';

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    messages: { type: 'string' },
    rate: { type: 'string', default: '10000' },
    seconds: { type: 'string', default: '10' },
  },
});

const BUILT = fileURLToPath(new URL('../dist/bin/ringmq.js', import.meta.url));
const TIMER_TOPIC = 'rmq_sys_wheel_timer';

function memoryMb(pid: number): { rss: number; anon: number } {
  const status = readFileSync(`/proc/${pid}/status`, 'utf8');
  const field = (name: string): number => Math.round(Number(new RegExp(`${name}:\\s+(\\d+)`).exec(status)![1]) / 1024);
  return { rss: field('VmRSS'), anon: field('RssAnon') };
}

function print(figures: Record<string, unknown>): void {
  const rounded = Object.entries(figures).map(([name, value]) => [name, typeof value === 'number' ? Math.round(value * 100) / 100 : value]);
  process.stdout.write(`${JSON.stringify(Object.fromEntries(rounded))}\n`);
}

async function ringmq(args: readonly string[] = []): Promise<RingmqProcess> {
  if (!existsSync(BUILT)) throw new Error(`${BUILT} is missing: run npm run build first`);
  const dataDir = mkdtempSync(join(cacheFolder('run'), 'ringmq-'));
  const made = await prepareRingmq({ shards: 1, dataDir, command: [process.execPath, BUILT, 'start'], args: [...args], readyMs: 120_000 });
  await made.start();
  return made;
}

async function destroy(broker: RingmqProcess): Promise<void> {
  await broker.destroy();
  rmSync(broker.dataDir, { recursive: true, force: true, maxRetries: 5 });
}

/** Messages are parked beforehand; what is measured is store time less time of delivery. */
async function measureLateness(): Promise<void> {
  const [rate, seconds] = [Number(values.rate), Number(values.seconds)];
  const broker = await ringmq();
  try {
    const client = await RemotingClient.connect(broker.broker);
    for (const [what, when] of [
      ['parked before', 'before'],
      ['parked meanwhile', 'meanwhile'],
    ] as const) {
      const topic = `late_${when}`;
      await makeTopic(client, topic);
      const count = rate * seconds;
      const first = Math.ceil(Date.now() + (when === 'before' ? 4000 + count / 30 : 1500));
      const each = Math.ceil(count / CONNECTIONS);
      // The messages of the connections lie between each other.
      const due = (message: number): number =>
        first + Math.floor((((message % each) * CONNECTIONS + Math.floor(message / each)) * 1000) / rate);
      const sent = await flood(broker.broker, topic, count, (message) => `TIMER_DELIVER_MS\u0001${due(message)}`, {
        rate: when === 'before' ? 0 : rate,
      });
      const early = await stored(client, topic);
      await waitUntil(`${sent} messages`, async () => (await stored(client, topic)) >= sent, 120_000, 100);
      const late: number[] = [];
      for (let queue = 0; queue < QUEUES; queue++)
        for (const { properties, storeTimestamp } of await readQueue(client, topic, queue))
          late.push(storeTimestamp - Number(properties['TIMER_DELIVER_MS']));
      late.sort((a, b) => a - b);
      const at = (share: number): number => late[Math.min(late.length - 1, Math.floor(late.length * share))]!;
      print({
        what,
        rate,
        messages: late.length,
        beforeLastWasSent: early,
        earliest: late[0],
        p50: at(0.5),
        p99: at(0.99),
        p999: at(0.999),
        latest: at(1),
      });
    }
    await client.close();
  } finally {
    await destroy(broker);
  }
}

async function metric(broker: RingmqProcess, name: string): Promise<number> {
  const text = await (await fetch(`http://${broker.admin}/metrics`)).text();
  return Number(new RegExp(`^${name}(?:\\{[^}]*\\})? (\\S+)$`, 'm').exec(text)?.[1] ?? Number.NaN);
}

async function measurePending(): Promise<void> {
  const messages = Number(values.messages ?? 10_000_000);
  const broker = await ringmq();
  try {
    const maker = await RemotingClient.connect(broker.broker);
    await makeTopic(maker, 'pending');
    await maker.close();
    await new Promise((resolve) => setTimeout(resolve, 3000));
    const idle = memoryMb(broker.pid);
    const start = performance.now();
    const cpu = cpuSeconds([broker.pid]);
    // Spread over two days, from ten minutes on.
    const from = Date.now() + 1_800_000;
    const count = await flood(broker.broker, 'pending', messages, (message) => {
      const spread = Math.imul(message, 2_654_435_761 | 0) >>> 0;
      return `TIMER_DELIVER_MS\u0001${from + (spread % 172_000_000)}`;
    });
    const parkedS = (performance.now() - start) / 1000;
    const full = memoryMb(broker.pid);
    await new Promise((resolve) => setTimeout(resolve, 40_000));
    const rest = memoryMb(broker.pid);
    // Another one: a connection that is silent for so long is closed.
    const client = await RemotingClient.connect(broker.broker);
    const parked = await queueOffset(client, 30, TIMER_TOPIC, 0);
    const pending = await metric(broker, 'rocketmq_timing_messages');
    print({ what: 'parked', messages: count, parked, pending, parkedS, cpuUs: ((cpuSeconds([broker.pid]) - cpu) / count) * 1e6 });
    print({
      what: 'memory',
      idleRssMb: idle.rss,
      idleAnonMb: idle.anon,
      fullRssMb: full.rss,
      fullAnonMb: full.anon,
      restRssMb: rest.rss,
      restAnonMb: rest.anon,
    });
    await client.close();
    await broker.kill();
    const restart = performance.now();
    await broker.start();
    const readyMs = performance.now() - restart;
    await waitUntil('the wheel', async () => (await metric(broker, 'rocketmq_timing_messages')) === pending, 60_000, 20);
    const again = await RemotingClient.connect(broker.broker);
    const wheelMs = performance.now() - restart;
    const due = Date.now() + 1000;
    const one = await Flood.open(broker.broker, 'pending');
    await one.send(count, 1, () => `TIMER_DELIVER_MS\u0001${due}`);
    await waitUntil('a timer', async () => (await stored(again, 'pending')) > 0, 10_000, 5);
    print({ what: 'after kill -9', readyMs, wheelMs, firstTimerLateMs: Date.now() - due, ...memoryMb(broker.pid) });
    one.close();
    await again.close();
  } finally {
    await destroy(broker);
  }
}

const [what] = positionals;
if (what === 'late') await measureLateness();
else if (what === 'pending') await measurePending();
else throw new Error('say late or pending');
process.exit(0);
