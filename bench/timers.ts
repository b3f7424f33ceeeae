/**
 * Timed messages and delay levels (`npm run build` first). Prints one JSON line a measurement.
 *
 *   node bench/timers.ts cost [--messages N] [--rounds N] [--no-java]   CPU of the broker a message, from its send to its delivery, beside the Java broker
 *   node bench/timers.ts late [--rate N] [--seconds N]                  how late messages come that are due at N a second
 *   node bench/timers.ts pending [--messages N]                         memory with N timers that wait, and a start after kill -9 with them
 */

import { existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { connect, type Socket } from 'node:net';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { queueOffset, readQueue } from '../test/support/broker-client.ts';
import { encodeRawFrame } from '../test/support/raw-frame.ts';
import { RemotingClient } from '../test/support/remoting-client.ts';
import { prepareRingmq, type RingmqProcess } from '../test/support/start-ringmq.ts';
import { waitUntil } from '../test/support/wait-until.ts';
import { cacheFolder } from './cache-folder.ts';
import { JavaPeer } from './java-peer.ts';

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    messages: { type: 'string' },
    rounds: { type: 'string', default: '3' },
    rate: { type: 'string', default: '10000' },
    seconds: { type: 'string', default: '10' },
    'no-java': { type: 'boolean', default: false },
  },
});

const BUILT = fileURLToPath(new URL('../dist/bin/ringmq.js', import.meta.url));
const CONNECTIONS = 4;
const WINDOW = 64;
const QUEUES = 4;
const BODY = Buffer.alloc(128, 120);
const TICKS = 100;
const TIMER_TOPIC = 'rmq_sys_wheel_timer';

type Properties = (message: number) => string;

/** Sends messages over one connection, `WINDOW` at a time, and counts the answers. */
class Flood {
  readonly #socket: Socket;
  readonly #topic: string;
  #buffer: Buffer = Buffer.alloc(0);
  #answered = 0;
  refused = 0;
  #onAnswer: () => void = () => {};

  private constructor(socket: Socket, topic: string) {
    this.#socket = socket;
    this.#topic = topic;
    socket.setNoDelay(true);
    socket.on('data', (chunk) => this.#take(chunk));
  }

  static async open(address: string, topic: string): Promise<Flood> {
    const [host, port] = address.split(':') as [string, string];
    const socket = connect({ host, port: Number(port) });
    await new Promise((resolve, reject) => socket.once('connect', resolve).once('error', reject));
    return new Flood(socket, topic);
  }

  #take(chunk: Buffer): void {
    this.#buffer = this.#buffer.length === 0 ? chunk : Buffer.concat([this.#buffer, chunk]);
    let at = 0;
    while (this.#buffer.length - at >= 4) {
      const length = this.#buffer.readInt32BE(at);
      if (this.#buffer.length - at - 4 < length) break;
      if (!this.#buffer.subarray(at + 8, at + 32).includes('"code":0')) this.refused++;
      this.#answered++;
      at += 4 + length;
    }
    this.#buffer = this.#buffer.subarray(at);
    this.#onAnswer();
  }

  /** @param mayGo how many of this connection's messages may be sent by now */
  async send(first: number, count: number, properties: Properties, mayGo: () => number = () => count): Promise<void> {
    let sent = 0;
    const answeredBefore = this.#answered;
    const go = (): void => {
      const frames: Buffer[] = [];
      const end = Math.min(count, mayGo(), this.#answered - answeredBefore + WINDOW);
      for (; sent < end; sent++) frames.push(this.#frame(first + sent, properties(first + sent)));
      if (frames.length > 0) this.#socket.write(Buffer.concat(frames));
    };
    await new Promise<void>((resolve) => {
      const pace = setInterval(go, 2);
      this.#onAnswer = () => {
        go();
        if (this.#answered - answeredBefore < count) return;
        clearInterval(pace);
        resolve();
      };
      go();
    });
  }

  #frame(message: number, properties: string): Buffer {
    const i = `UNIQ_KEY\u0001${String(message).padStart(32, '0')}\u0002WAIT\u0001true\u0002${properties}\u0002`;
    const ext = {
      a: 'P',
      b: this.#topic,
      c: 'TBW102',
      d: String(QUEUES),
      e: String(message % QUEUES),
      f: '0',
      g: String(Date.now()),
      h: '0',
      i,
      j: '0',
      k: 'false',
      m: 'false',
    };
    return encodeRawFrame({ code: 310, opaque: message, ext, flag: 0, body: BODY });
  }

  close(): void {
    this.#socket.destroy();
  }
}

async function flood(address: string, topic: string, count: number, properties: Properties, rate = 0): Promise<number> {
  const floods = await Promise.all(Array.from({ length: CONNECTIONS }, () => Flood.open(address, topic)));
  const each = Math.ceil(count / CONNECTIONS);
  const start = performance.now();
  const mayGo = rate === 0 ? undefined : (): number => ((performance.now() - start) / 1000) * (rate / CONNECTIONS);
  await Promise.all(floods.map((one, index) => one.send(index * each, each, properties, mayGo)));
  const refused = floods.reduce((sum, one) => sum + one.refused, 0);
  for (const one of floods) one.close();
  if (refused > 0) throw new Error(`${refused} of ${count} sends were refused`);
  return each * CONNECTIONS;
}

function cpuSeconds(pids: readonly number[]): number {
  return pids.reduce((sum, pid) => {
    const fields = readFileSync(`/proc/${pid}/stat`, 'utf8').split(') ')[1]!.split(' ');
    return sum + (Number(fields[11]) + Number(fields[12])) / TICKS;
  }, 0);
}

function memoryMb(pid: number): { rss: number; anon: number } {
  const status = readFileSync(`/proc/${pid}/status`, 'utf8');
  const field = (name: string): number => Math.round(Number(new RegExp(`${name}:\\s+(\\d+)`).exec(status)![1]) / 1024);
  return { rss: field('VmRSS'), anon: field('RssAnon') };
}

async function stored(client: RemotingClient, topic: string): Promise<number> {
  let sum = 0;
  for (let queue = 0; queue < QUEUES; queue++) sum += await queueOffset(client, 30, topic, queue);
  return sum;
}

async function makeTopic(client: RemotingClient, topic: string): Promise<void> {
  const ext = {
    topic,
    defaultTopic: 'TBW102',
    readQueueNums: QUEUES,
    writeQueueNums: QUEUES,
    perm: 6,
    topicFilterType: 'SINGLE_TAG',
    order: false,
  };
  const { code, remark } = await client.request(17, { ...ext, topicSysFlag: 0 });
  if (code !== 0) throw new Error(`the topic was not made: ${code} ${remark}`);
}

function print(figures: Record<string, unknown>): void {
  const rounded = Object.entries(figures).map(([name, value]) => [name, typeof value === 'number' ? Math.round(value * 100) / 100 : value]);
  process.stdout.write(`${JSON.stringify(Object.fromEntries(rounded))}\n`);
}

async function cost(label: string, address: string, pids: () => number[], messages: number): Promise<void> {
  for (let round = 0; round < Number(values.rounds); round++) {
    for (const [kind, properties] of [
      ['timer', 'TIMER_DELAY_MS\u00012000'],
      ['level', 'DELAY\u00011'],
      ['plain', 'K\u00011'],
    ] as const) {
      const client = await RemotingClient.connect(address);
      const topic = `bench_${kind}_${round}_${Date.now().toString(36)}`;
      await makeTopic(client, topic);
      const before = cpuSeconds(pids());
      const start = performance.now();
      const count = await flood(address, topic, messages, () => properties);
      const sentS = (performance.now() - start) / 1000;
      await waitUntil(`${count} in ${topic}`, async () => (await stored(client, topic)) >= count, 300_000, 50);
      const allS = (performance.now() - start) / 1000;
      await client.close();
      print({ broker: label, kind, round, messages: count, cpuUs: ((cpuSeconds(pids()) - before) / count) * 1e6, sentS, allS });
    }
  }
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

async function measureCost(): Promise<void> {
  const messages = Number(values.messages ?? 100_000);
  const ours = await ringmq();
  try {
    await cost('ringmq', ours.broker, () => [ours.pid], messages);
  } finally {
    await destroy(ours);
  }
  if (values['no-java']) return;
  const java = await JavaPeer.create('async');
  try {
    await java.start();
    const client = await RemotingClient.connect(java.nameServer);
    const { body } = await client.request(106, {});
    await client.close();
    const [, address] = /"(127\.0\.0\.1:\d+)"/.exec(body.toString())!;
    await cost(java.label, address!, () => java.pids, messages);
  } finally {
    await java.stop();
  }
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
      const sent = await flood(
        broker.broker,
        topic,
        count,
        (message) => `TIMER_DELIVER_MS\u0001${due(message)}`,
        when === 'before' ? 0 : rate,
      );
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
if (what === 'cost') await measureCost();
else if (what === 'late') await measureLateness();
else if (what === 'pending') await measurePending();
else throw new Error('say cost, late or pending');
process.exit(0);
