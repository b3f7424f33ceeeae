/**
 * Memory under clients and disks that do not behave, one after the other on one broker, asserted against a limit on its resident set:
 *
 *   idle      10 000 connections that say nothing
 *   deaf      producers that send and never read an answer, consumers that ask and never read
 *   slow      a consumer that takes a little now and then, beside a load
 *   stalled   the disk does not answer a sync for 30 s (sync flush), under load, and then does
 *   soak      all of the first three together, with a load, for --minutes N (10)
 *
 * Prints JSON, writes `results/back-pressure.json` with --write, ends with 1 above the limit. --only A,B chooses. `stalled` needs strace.
 */
import { readFileSync, realpathSync, writeFileSync } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { createConnection, type Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { READ_SLOT_BYTES, READ_SLOTS } from '../actors/broker/broker-memory.ts';
import { encodeCommand } from '../protocol/remoting/command.ts';
import { pullMessages, sendMessage } from '../test/support/broker-client.ts';
import { missingInjector, underFaults } from '../test/support/disk-faults.ts';
import { RemotingClient } from '../test/support/remoting-client.ts';
import { type RingmqProcess, startRingmq } from '../test/support/start-ringmq.ts';
import { pause } from '../test/support/wait-until.ts';
import { WatchedSenders } from '../test/support/watched-senders.ts';
import { machineName } from './machine-name.ts';
import { runStages } from './stages.ts';

const { values: options } = parseArgs({
  options: { only: { type: 'string' }, minutes: { type: 'string', default: '10' }, write: { type: 'boolean', default: false } },
});

const SHARDS = 2;
const OUTPUT_MB = 64;
/**
 * Resident memory of the broker, whatever its clients do: what it has at rest, what of freed memory it has not given back, and for each shard
 * output buffers at the most they may have for a moment, the reader's slots and a lane.
 */
const RSS_MAX_MB = Math.round(256 + 200 + SHARDS * (2 * OUTPUT_MB + (READ_SLOTS * READ_SLOT_BYTES) / 2 ** 20 + 32));
/** What a soak may gain after its first minute. */
const GROWTH_MAX_MB = 32;
const IDLE_CONNECTIONS = 10_000;
const DEAF = 80;
/** A deaf producer stores half a GB before its acknowledgements fill its share: in a soak the disk is to keep up. */
const DEAF_IN_SOAK = 20;
const STALL_MS = 30_000;
const TOPIC = 'pressure';
const BODY = Buffer.alloc(16 * 1024, 0x70);

type Outcome = { ok: boolean; [figure: string]: unknown };

function rssMb(pid: number): number {
  return Math.round(Number(/VmRSS:\s+(\d+)/.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))?.[1] ?? 0) / 1024);
}

/** The largest resident set while `run` runs, looked at every 200 ms. */
async function peakOf(pid: number, run: () => Promise<void>): Promise<number> {
  let peak = rssMb(pid);
  const timer = setInterval(() => {
    peak = Math.max(peak, rssMb(pid));
  }, 200);
  try {
    await run();
  } finally {
    clearInterval(timer);
  }
  return Math.max(peak, rssMb(pid));
}

function connect(address: string): Promise<Socket> {
  const [host, port] = address.split(':');
  return new Promise((resolve, reject) => {
    const socket = createConnection({ host: host!, port: Number(port) }, () => resolve(socket));
    socket.once('error', reject);
  });
}

/** One who writes as long as it is let, and never reads. */
class Deaf {
  readonly #socket: Socket;
  written = 0;

  constructor(socket: Socket, frame: Buffer) {
    this.#socket = socket;
    socket.pause();
    // The broker may end such a connection: that is one of the right answers.
    socket.on('error', () => {});
    const write = (): void => {
      while (!socket.destroyed && socket.write(frame)) this.written += frame.length;
      if (!socket.destroyed) socket.once('drain', write);
    };
    write();
  }

  close(): void {
    this.#socket.destroy();
  }
}

const sendFrame = (): Buffer =>
  Buffer.from(
    encodeCommand({
      code: 310,
      opaque: 1,
      ext: { a: 'PG', b: TOPIC, c: 'TBW102', d: 4, e: 0, f: 0, g: Date.now(), h: 0, i: '', j: 0, k: false, m: false },
      body: BODY,
    }),
  );
const pullFrame = (): Buffer =>
  Buffer.from(
    encodeCommand({
      code: 11,
      opaque: 1,
      ext: {
        consumerGroup: 'CG_deaf',
        topic: TOPIC,
        queueId: 0,
        queueOffset: 0,
        maxMsgNums: 32,
        sysFlag: 4,
        commitOffset: 0,
        suspendTimeoutMillis: 0,
        subscription: '*',
        subVersion: 0,
        expressionType: 'TAG',
      },
    }),
  );

async function idleConnections({ broker }: RingmqProcess, count: number): Promise<() => void> {
  const sockets: Socket[] = [];
  for (let from = 0; from < count; from += 200)
    sockets.push(...(await Promise.all(Array.from({ length: Math.min(200, count - from) }, () => connect(broker)))));
  for (const socket of sockets) socket.on('error', () => {});
  return () => {
    for (const socket of sockets) socket.destroy();
  };
}

async function deafClients({ broker }: RingmqProcess, count: number): Promise<Deaf[]> {
  const frames = [sendFrame(), pullFrame()];
  return await Promise.all(Array.from({ length: count }, async (_, one) => new Deaf(await connect(broker), frames[one % 2]!)));
}

/** Still serves, and soon. */
async function answerMs({ broker }: RingmqProcess): Promise<number> {
  const client = await RemotingClient.connect(broker);
  const begin = performance.now();
  const { code, remark } = await sendMessage(client, TOPIC, 'still there?', { queueId: 1 });
  const ms = performance.now() - begin;
  await client.close();
  if (code !== 0) throw new Error(`A send beside bad clients: ${code} ${remark}`);
  return Math.round(ms * 10) / 10;
}

async function withBroker(run: (ringmq: RingmqProcess) => Promise<Outcome>): Promise<Outcome> {
  const ringmq = await startRingmq({ shards: SHARDS, args: ['--set', `outputBytesMax=${OUTPUT_MB * 2 ** 20}`] });
  try {
    const client = await RemotingClient.connect(ringmq.broker);
    for (let number = 0; number < 400; number++) await sendMessage(client, TOPIC, BODY, { queueId: number % 4 });
    await client.close();
    return await run(ringmq);
  } finally {
    await ringmq.destroy();
  }
}

async function slowConsumer({ broker }: RingmqProcess, isOver: () => boolean): Promise<void> {
  const client = await RemotingClient.connect(broker);
  for (let at = 0; !isOver(); await pause(200)) at = Math.max(0, (await pullMessages(client, TOPIC, 0, at, { max: 4 })).next);
  await client.close();
}

const stages: Record<string, () => Promise<Outcome>> = {
  idle: () =>
    withBroker(async (ringmq) => {
      const before = rssMb(ringmq.pid);
      let close = (): void => {};
      const peakMb = await peakOf(ringmq.pid, async () => {
        close = await idleConnections(ringmq, IDLE_CONNECTIONS);
        await pause(5_000);
      });
      const ms = await answerMs(ringmq);
      close();
      return { ok: peakMb <= RSS_MAX_MB, connections: IDLE_CONNECTIONS, beforeMb: before, peakMb, answerMs: ms };
    }),
  deaf: () =>
    withBroker(async (ringmq) => {
      const before = rssMb(ringmq.pid);
      let deaf: Deaf[] = [];
      const peakMb = await peakOf(ringmq.pid, async () => {
        deaf = await deafClients(ringmq, DEAF);
        await pause(15_000);
      });
      const ms = await answerMs(ringmq);
      for (const one of deaf) one.close();
      const taken = deaf.reduce((sum, { written }) => sum + written, 0);
      return { ok: peakMb <= RSS_MAX_MB, clients: DEAF, takenMb: Math.round(taken / 2 ** 20), beforeMb: before, peakMb, answerMs: ms };
    }),
  slow: () =>
    withBroker(async (ringmq) => {
      let isOver = false;
      const consumer = slowConsumer(ringmq, () => isOver);
      const senders = new WatchedSenders(ringmq.broker, TOPIC, { bodyBytes: 4096 });
      const peakMb = await peakOf(ringmq.pid, () => pause(15_000));
      isOver = true;
      await Promise.all([consumer, senders.stop()]);
      return { ok: peakMb <= RSS_MAX_MB && senders.refused.length === 0, sent: senders.acknowledged.size, peakMb };
    }),
  stalled: async () => {
    const without = missingInjector();
    if (without !== false) return { ok: true, leftOut: without };
    const dataDir = realpathSync(await mkdtemp(join(tmpdir(), 'ringmq-stalled-')));
    // By threads of their own, strace counts from the sync worker's tenth call on.
    const stall = { call: 'fdatasync', errno: '', delayMs: STALL_MS, when: '10', paths: ['commitlog/00000000000000000000'] };
    const ringmq = await startRingmq({ flush: 'sync', dataDir, command: underFaults(dataDir, [stall]) });
    try {
      const pid = Number(/, pid (\d+);/.exec(ringmq.output)?.[1]);
      const senders = new WatchedSenders(ringmq.broker, TOPIC, { senders: 8, window: 64, bodyBytes: 8192 });
      const peakMb = await peakOf(pid, () => pause(STALL_MS + 5_000));
      const count = senders.acknowledged.size;
      await pause(2_000);
      const after = senders.acknowledged.size - count;
      await senders.stop();
      const codes = [...new Set(senders.refused.map(({ code }) => code))];
      const problems = (await senders.problems(ringmq.broker)).filter((problem) => !problem.includes('twice'));
      return {
        ok: peakMb <= RSS_MAX_MB && after > 100 && problems.length === 0,
        stallMs: STALL_MS,
        peakMb,
        answersMeanwhile: codes,
        after,
        problems,
      };
    } finally {
      await ringmq.destroy();
      await rm(dataDir, { recursive: true, force: true });
    }
  },
  soak: () =>
    withBroker(async (ringmq) => {
      const minutes = Number(options.minutes);
      let isOver = false;
      const close = await idleConnections(ringmq, IDLE_CONNECTIONS / 10);
      const deaf = await deafClients(ringmq, DEAF_IN_SOAK);
      const consumer = slowConsumer(ringmq, () => isOver);
      const senders = new WatchedSenders(ringmq.broker, TOPIC, { senders: 1, window: 8, bodyBytes: 1024, isForgetful: true });
      const firstMb = await peakOf(ringmq.pid, () => pause(Math.min(60_000, minutes * 15_000)));
      const peakMb = await peakOf(ringmq.pid, () => pause(minutes * 60_000));
      isOver = true;
      await Promise.all([consumer, senders.stop()]);
      for (const one of deaf) one.close();
      close();
      return { ok: peakMb <= RSS_MAX_MB && peakMb - firstMb <= GROWTH_MAX_MB, minutes, firstMb, peakMb, sent: senders.count };
    }),
};

const results = await runStages(
  stages,
  options.only,
  (name, outcome) => `${outcome.ok ? 'ok  ' : 'FAIL'} ${name} ${JSON.stringify(outcome)}`,
);
if (options.write) {
  const report = { machine: machineName(), date: new Date().toISOString().slice(0, 16), limitMb: RSS_MAX_MB, results };
  writeFileSync(fileURLToPath(new URL('results/back-pressure.json', import.meta.url)), `${JSON.stringify(report, null, 1)}\n`);
}
process.exit(Object.values(results).every(({ ok }) => ok) ? 0 : 1);
