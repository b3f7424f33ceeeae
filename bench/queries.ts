/**
 * Queries at scale:
 *
 *   index     a key among 5 million messages: request 12, warm
 *   backlog   one queue with 10 million unread messages: pulls from its begin, middle and end, and what the broker's memory does meanwhile
 *   cold      10 000 sends a second beside one connection that reads the whole backlog from the disk: p99 of the sends, against the calm one
 *
 * Prints JSON, and writes `results/queries.json` with --write. --only A,B chooses, --messages N scales (10000000). Needs 4 GB of room;
 * `cold` drops the page cache when it may (root).
 */
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { queueOffset } from '../test/support/broker-client.ts';
import { RemotingClient } from '../test/support/remoting-client.ts';
import { type RingmqProcess, startRingmq } from '../test/support/start-ringmq.ts';
import { runLoad } from './load-generator.ts';
import { machineName } from './machine-name.ts';
import { LOG_TOPIC, markAborted, uniqueKey, writeLog } from './made-log.ts';

const { values: options } = parseArgs({
  options: { only: { type: 'string' }, messages: { type: 'string', default: '10000000' }, write: { type: 'boolean', default: false } },
});

const BACKLOG = Number(options.messages);
const INDEXED = BACKLOG / 2;
const BODY_BYTES = 128;
const PULLS = 300;
const QUERIES = 300;
const RATE = '10000';
const READY_MS = 180_000;

function percentile(values: readonly number[], part: number): number {
  const sorted = [...values].sort((one, other) => one - other);
  return Math.round((sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * part))] ?? 0) * 1000) / 1000;
}

const spread = (values: readonly number[]): Record<string, number> => ({
  p50Ms: percentile(values, 0.5),
  p99Ms: percentile(values, 0.99),
  maxMs: percentile(values, 1),
});

async function timed(run: () => Promise<unknown>): Promise<number> {
  const begin = performance.now();
  await run();
  return performance.now() - begin;
}

/** Anonymous memory of the process in MB: page cache and files do not count. */
function anonymousMb(pid: number): number {
  return Math.round(Number(/RssAnon:\s+(\d+)/.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))?.[1] ?? 0) / 1024);
}

async function withLog<T>(records: number, run: (ringmq: RingmqProcess, client: RemotingClient) => Promise<T>): Promise<T> {
  const folder = mkdtempSync(join(tmpdir(), 'ringmq-queries-'));
  try {
    writeLog(join(folder, 'commitlog'), { records, bodyBytes: BODY_BYTES, queues: 1 });
    mkdirSync(join(folder, 'config'));
    const topic = { topicName: LOG_TOPIC, readQueueNums: 1, writeQueueNums: 1, perm: 6 };
    writeFileSync(join(folder, 'config', 'topics.json'), JSON.stringify({ topicConfigTable: { [LOG_TOPIC]: topic } }));
    markAborted(folder);
    const ringmq = await startRingmq({ dataDir: folder, readyMs: READY_MS, args: ['--set', 'diskMaxUsedSpaceRatio=95'] });
    const client = await RemotingClient.connect(ringmq.broker);
    try {
      return await run(ringmq, client);
    } finally {
      await client.close();
      await ringmq.destroy();
    }
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

async function index(): Promise<Record<string, unknown>> {
  return await withLog(INDEXED, async (_, client) => {
    const took: number[] = [];
    for (let query = 0; query < QUERIES + 50; query++) {
      const number = Math.floor((((query * 7_919) % 10_007) / 10_007) * INDEXED);
      const fields = {
        topic: LOG_TOPIC,
        key: uniqueKey(number),
        maxNum: '32',
        beginTimestamp: '0',
        endTimestamp: String(Date.now()),
        _UNIQUE_KEY_QUERY: 'true',
      };
      let code = -1;
      const ms = await timed(async () => {
        ({ code } = await client.request(12, fields));
      });
      if (code !== 0) throw new Error(`The key of message ${number} of ${INDEXED} is not found: ${code}`);
      if (query >= 50) took.push(ms);
    }
    return { messages: INDEXED, queries: took.length, ...spread(took) };
  });
}

async function pullAt(client: RemotingClient, offset: number, max: number): Promise<number> {
  const frame = await client.request(11, {
    consumerGroup: 'CG_queries',
    topic: LOG_TOPIC,
    queueId: '0',
    queueOffset: String(offset),
    maxMsgNums: String(max),
    sysFlag: '4',
    commitOffset: '0',
    suspendTimeoutMillis: '0',
    subscription: '*',
    subVersion: '0',
    expressionType: 'TAG',
  });
  if (frame.code !== 0) throw new Error(`A pull at ${offset}: ${frame.code} ${frame.remark}`);
  return Number(frame.ext?.['nextBeginOffset']);
}

async function backlog(): Promise<Record<string, unknown>> {
  return await withLog(BACKLOG, async ({ pid }, client) => {
    const end = await queueOffset(client, 30, LOG_TOPIC, 0);
    const startMb = anonymousMb(pid);
    const places = { begin: 0, middle: Math.floor(end / 2), end: end - PULLS * 32 };
    // Compiled and warm before anything counts.
    for (const from of Object.values(places)) for (let pull = 0, at = from; pull < 100; pull++) at = await pullAt(client, at, 32);
    const figures: Record<string, unknown> = {};
    for (const [name, from] of Object.entries(places)) {
      const took: number[] = [];
      let at = from;
      for (let pull = 0; pull < PULLS; pull++)
        took.push(
          await timed(async () => {
            at = await pullAt(client, at, 32);
          }),
        );
      figures[name] = spread(took);
    }
    return { unread: end, ...figures, anonymousMbBefore: startMb, anonymousMbAfter: anonymousMb(pid) };
  });
}

function dropCaches(): boolean {
  try {
    writeFileSync('/proc/sys/vm/drop_caches', '1');
    return true;
  } catch {
    // Not root: then the scan is read from the page cache, and the result says so.
    return false;
  }
}

async function cold(): Promise<Record<string, unknown>> {
  return await withLog(BACKLOG, async (ringmq, client) => {
    const flags = [
      '--ns',
      ringmq.nameServer,
      '--server-pid',
      String(ringmq.pid),
      '--rate',
      RATE,
      '--conns',
      '4',
      '--size',
      '256',
      '--drop',
    ];
    const load = (name: string): ReturnType<typeof runLoad> => runLoad(name, 'e2e', [...flags, '--duration', '15s', '--warmup', '3s']);
    const calm = await load('calm');
    const wasDropped = dropCaches();
    let isOver = false;
    let read = 0;
    const scan = (async () => {
      for (let at = 0; !isOver; ) {
        const next = await pullAt(client, at, 1024);
        read += next - at;
        at = next >= BACKLOG ? 0 : next;
      }
    })();
    const beside = await load('beside a cold scan');
    isOver = true;
    await scan;
    const [calmUs, besideUs] = [calm, beside].map(({ metrics }) => metrics['ack_p99_us'] ?? 0) as [number, number];
    const ok = calm.ok && beside.ok;
    return { ok, calmP99Us: calmUs, besideP99Us: besideUs, ratio: Math.round((besideUs / calmUs) * 100) / 100, scanned: read, wasDropped };
  });
}

const stages: Record<string, () => Promise<Record<string, unknown>>> = { index, backlog, cold };
const results: Record<string, unknown> = {};
for (const name of options.only?.split(',') ?? Object.keys(stages)) {
  const stage = stages[name];
  if (stage === undefined) throw new Error(`No stage ${name}; there are ${Object.keys(stages).join(', ')}`);
  results[name] = await stage();
  process.stdout.write(`${name} ${JSON.stringify(results[name])}\n`);
}
if (options.write) {
  const report = { machine: machineName(), date: new Date().toISOString().slice(0, 16), results };
  writeFileSync(fileURLToPath(new URL('results/queries.json', import.meta.url)), `${JSON.stringify(report, null, 1)}\n`);
}
process.exit(0);
