/**
 * Queries at scale:
 *
 *   index     a key among 5 million messages: request 12, warm
 *   backlog   one queue with 10 million unread messages: pulls from its begin, middle and end, and what the broker's memory does meanwhile
 *   cold      10 000 sends a second beside one connection that reads the whole backlog from the disk: p99 of the sends, against the calm one.
 *             Calm and scanned rounds take turns, so that whatever else the machine does meets both; medians count
 *
 * Prints JSON, and writes `results/queries.json` with --write, where stages that did not run keep their last result; ends with 1 when `cold`
 * is above its limit. --only A,B chooses, --messages N scales (10000000), --rounds N the turns of `cold` (9). Needs 4 GB of room; `cold`
 * drops the page cache when it may (root).
 */
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { queueOffset } from '../test/support/broker-client.ts';
import { RemotingClient } from '../test/support/remoting-client.ts';
import { type RingmqProcess, startRingmq } from '../test/support/start-ringmq.ts';
import { runLoad } from './load-generator.ts';
import { LOG_TOPIC, markAborted, uniqueKey, writeLog } from './made-log.ts';
import { runStages, writeStageResults } from './stages.ts';

const { values: options } = parseArgs({
  options: {
    only: { type: 'string' },
    messages: { type: 'string', default: '10000000' },
    rounds: { type: 'string', default: '9' },
    write: { type: 'boolean', default: false },
  },
});

const BACKLOG = Number(options.messages);
const INDEXED = BACKLOG / 2;
const BODY_BYTES = 128;
const PULLS = 300;
const QUERIES = 300;
const RATE = '10000';
const ROUND = ['--duration', '6s', '--warmup', '1s'];
/** What a cold scan may make of the hot sends' p99. */
const COLD_RATIO_MAX = 2;
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

/** One connection that reads the backlog from its begin on, again and again. */
class Scan {
  readonly #client: RemotingClient;
  #at = 0;
  #isOver = true;
  #reading: Promise<void> = Promise.resolve();
  read = 0;

  constructor(client: RemotingClient) {
    this.#client = client;
  }

  begin(): void {
    this.#isOver = false;
    this.#reading = this.#run();
  }

  async end(): Promise<void> {
    this.#isOver = true;
    await this.#reading;
  }

  async #run(): Promise<void> {
    while (!this.#isOver) {
      const next = await pullAt(this.#client, this.#at, 1024);
      this.read += next - this.#at;
      this.#at = next >= BACKLOG ? 0 : next;
    }
  }
}

async function cold(): Promise<Record<string, unknown>> {
  return await withLog(BACKLOG, async ({ nameServer, pid }, client) => {
    const flags = ['--ns', nameServer, '--server-pid', String(pid), '--rate', RATE, '--conns', '4', '--size', '256', '--drop', ...ROUND];
    const load = (name: string): ReturnType<typeof runLoad> => runLoad(name, 'e2e', flags);
    const scan = new Scan(client);
    const rounds: { calmP99Us: number; besideP99Us: number; scanned: number }[] = [];
    let ok = true;
    let wasDropped = true;
    await load('warm');
    for (let round = 0; round < Number(options.rounds); round++) {
      const calm = await load('calm');
      wasDropped = dropCaches() && wasDropped;
      const before = scan.read;
      scan.begin();
      const beside = await load('beside a cold scan');
      await scan.end();
      ok = ok && calm.ok && beside.ok;
      const [calmP99Us, besideP99Us] = [calm, beside].map(({ metrics }) => metrics['ack_p99_us'] ?? 0) as [number, number];
      rounds.push({ calmP99Us, besideP99Us, scanned: scan.read - before });
      process.stderr.write(`cold ${JSON.stringify(rounds.at(-1))}\n`);
    }
    const calmP99Us = percentile(
      rounds.map((round) => round.calmP99Us),
      0.5,
    );
    const besideP99Us = percentile(
      rounds.map((round) => round.besideP99Us),
      0.5,
    );
    const ratio = Math.round((besideP99Us / calmP99Us) * 100) / 100;
    return { ok: ok && ratio <= COLD_RATIO_MAX, calmP99Us, besideP99Us, ratio, ratioMax: COLD_RATIO_MAX, wasDropped, rounds };
  });
}

const stages: Record<string, () => Promise<Record<string, unknown>>> = { index, backlog, cold };
const results = await runStages(stages, options.only);
if (options.write) writeStageResults('queries.json', results);
process.exit(Object.values(results).some((result) => (result as { ok?: boolean }).ok === false) ? 1 : 0);
