/**
 * `npm run chaos`: a real broker process under load is done harm to, again and again, and nothing acknowledged may be lost. Prints a
 * verdict with counts, and ends with 1 when an invariant was broken.
 *
 *   kill      kill -9 at a random moment, and a start on the same store
 *   stop      SIGTERM and a start
 *   pause     SIGSTOP for up to 2 s, SIGCONT
 *   thread    one of the broker's worker threads is ended
 *   clock     its wall clock jumps by an hour or a day, either way (faketime)
 *   full      its disk, a small tmpfs, is filled to the last byte, and emptied (root)
 *   damage    after kill -9, the files are torn, cut, flipped: what stood in those bytes is excused, nothing else
 *
 * --rounds N (200), --seed N (printed), --only A,B. The witness is the stock `ali-ons` client: it sends and consumes throughout.
 */
import { existsSync, globSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { SeededRandom } from '../../runtime/random.ts';
import { queueOffset, readQueue } from '../support/broker-client.ts';
import { fill, missingDisks, SmallDisk } from '../support/loop-disk.ts';
import type { RawMessage } from '../support/raw-message.ts';
import { RemotingClient } from '../support/remoting-client.ts';
import { prepareRingmq, type RingmqProcess } from '../support/start-ringmq.ts';
import { pause, waitUntil } from '../support/wait-until.ts';
import { DAMAGES, damageStore } from './log-damage.ts';
import { QUEUES, Witness } from './witness.ts';

const { values: options } = parseArgs({
  options: { rounds: { type: 'string', default: '200' }, seed: { type: 'string' }, only: { type: 'string' } },
});

const SEGMENT_BYTES = 16 * 1024 * 1024;
const DISK_BYTES = 768 * 1024 * 1024;
const RAW_SENDERS = 6;
const CALM_MS = 150;
const FULL_MS = 600;
const CONSUMED_MS_MAX = 60_000;
const READABLE_MS_MAX = 20_000;
const HOST = fileURLToPath(new URL('broker-host.ts', import.meta.url));

const KINDS = ['kill', 'stop', 'pause', 'thread', 'clock', 'full', 'damage'] as const;
type Kind = (typeof KINDS)[number];
/** Of 100 rounds. */
const SHARE: Readonly<Record<Kind, number>> = { kill: 40, stop: 5, pause: 10, thread: 15, clock: 10, full: 10, damage: 10 };

// The stock client tells standard error of every attempt to reach a broker that is away.
console.error = () => {};

const seed = Number(options.seed ?? Math.floor(Math.random() * 2 ** 31));
const random = new SeededRandom(seed);
const rounds = Number(options.rounds);

const fakeTime = globSync('/usr/lib/*/faketime/libfaketimeMT.so.1')[0];
const withoutDisk = missingDisks();
const missing: Partial<Record<Kind, string>> = {
  ...(fakeTime === undefined ? { clock: 'libfaketime is missing: apt-get install faketime' } : {}),
  ...(withoutDisk === false ? {} : { full: withoutDisk }),
};
const wanted = (options.only?.split(',') as Kind[] | undefined) ?? [...KINDS];
for (const kind of wanted) if (!KINDS.includes(kind)) throw new Error(`No fault ${kind}; there are ${KINDS.join(', ')}`);
const kinds = wanted.filter((kind) => missing[kind] === undefined);
for (const [kind, why] of Object.entries(missing)) process.stdout.write(`left out: ${kind}, ${why}\n`);

const disk = withoutDisk === false ? new SmallDisk(DISK_BYTES) : null;
const folder = disk?.path ?? mkdtempSync(join(tmpdir(), 'ringmq-chaos-'));
const clockFile = join(mkdtempSync(join(tmpdir(), 'ringmq-clock-')), 'time');
const dataDir = join(folder, 'store');
const counts: Record<Kind, number> = { kill: 0, stop: 0, pause: 0, thread: 0, clock: 0, full: 0, damage: 0 };
let excused = 0;
const problems: string[] = [];

function chooseKind(): Kind {
  let at = random.below(kinds.reduce((sum, kind) => sum + SHARE[kind], 0));
  for (const kind of kinds) {
    at -= SHARE[kind];
    if (at < 0) return kind;
  }
  return 'kill';
}

const ringmq = await prepareRingmq({ dataDir, command: [process.execPath, HOST], readyMs: 60_000 });
const witness = new Witness(ringmq.nameServer, ringmq.broker, String(seed));

async function startBroker(): Promise<void> {
  witness.brokerStarts();
  const env =
    fakeTime === undefined
      ? {}
      : { LD_PRELOAD: fakeTime, FAKETIME_TIMESTAMP_FILE: clockFile, FAKETIME_NO_CACHE: '1', FAKETIME_DONT_FAKE_MONOTONIC: '1' };
  await ringmq.start({
    flush: random.below(2) === 0 ? 'sync' : 'async',
    shards: 1 + random.below(2),
    env: kinds.includes('clock') ? env : {},
  });
}

/** Waits until sends are acknowledged again. */
async function untilServed(what: string): Promise<void> {
  const before = witness.acknowledged.size;
  await waitUntil(`sends to be acknowledged ${what}`, () => witness.acknowledged.size > before, 60_000);
}

/** A queue says "pull again" while a thread behind it is being replaced: for a moment, not for long. */
async function readSteadily(client: RemotingClient, topic: string, queue: number): Promise<RawMessage[]> {
  let last = '';
  const read = (): Promise<RawMessage[] | undefined> =>
    readQueue(client, topic, queue).catch((error: Error) => {
      last = error.message;
      return undefined;
    });
  return await waitUntil(`${topic}/${queue} to be readable`, read, READABLE_MS_MAX, 200).catch((error: Error) => {
    throw new Error(`${error.message}; the last read failed: ${last}`);
  });
}

const acts: Record<Kind, () => Promise<void>> = {
  kill: async () => {
    await ringmq.kill();
    await startBroker();
  },
  stop: async () => {
    const { code } = await ringmq.stop(30_000);
    if (code !== 0) problems.push(`SIGTERM ended with ${code}: ${ringmq.output.slice(-500)}`);
    await startBroker();
  },
  pause: async () => {
    ringmq.signal('SIGSTOP');
    await pause(200 + random.below(1_800));
    ringmq.signal('SIGCONT');
  },
  thread: async () => ringmq.signal('SIGUSR2'),
  clock: async () => {
    const by = ['+1h', '-1h', '+1d', '-1d', '+0'][random.below(5)]!;
    writeFileSync(clockFile, `${by}\n`);
  },
  full: async () => {
    const empty = fill(folder);
    const before = witness.acknowledged.size;
    await pause(FULL_MS);
    const client = await RemotingClient.connect(ringmq.broker);
    // Reads go on while nothing can be written.
    const { length } = await readSteadily(client, witness.topics[1], 0);
    if (length === 0 && before > 100) problems.push('a full disk: nothing could be read');
    await client.close();
    empty();
  },
  damage: async () => {
    await ringmq.kill();
    const kind = DAMAGES[random.below(DAMAGES.length)]!;
    excused += witness.excuse(damageStore(dataDir, kind, SEGMENT_BYTES, () => random.below(1_000_000) / 1_000_000));
    await startBroker();
  },
};

function checkQueue(place: string, messages: readonly RawMessage[], end: number, found: Map<string, string[]>): void {
  let storedAt = 0;
  let expected = messages[0]?.queueOffset ?? 0;
  for (const { body, queueOffset: offset, storeTimestamp } of messages) {
    // A gap may only be where a damaged message stood.
    if (offset !== expected && (offset < expected || excused === 0)) problems.push(`${place}: offset ${offset} where ${expected} comes`);
    expected = offset + 1;
    if (Number(storeTimestamp) < storedAt) problems.push(`${place}/${offset}: stored before the message before it`);
    storedAt = Number(storeTimestamp);
    const text = body.toString();
    found.set(text, [...(found.get(text) ?? []), `${place}/${offset}`]);
    if (!/^(stock|raw) \d+ \d+ [sr]*$|^first of /.test(text))
      problems.push(`${place}/${offset}: a message that nobody sent: ${text.slice(0, 60)}`);
  }
  if (end !== expected && excused === 0) problems.push(`${place} ends at ${end}, its last message is ${expected - 1}`);
}

/** Reads everything back and compares. Returns the copies beyond the first. */
async function check(): Promise<{ stored: number; copies: number; lost: number; notConsumed: number }> {
  const client = await RemotingClient.connect(ringmq.broker);
  const found = new Map<string, string[]>();
  for (const topic of witness.topics)
    for (let queue = 0; queue < QUEUES; queue++)
      checkQueue(`${topic}/${queue}`, await readSteadily(client, topic, queue), await queueOffset(client, 30, topic, queue), found);
  await client.close();
  let lost = 0;
  for (const [body, place] of witness.acknowledged) {
    if (found.get(body)?.includes(place) === true) continue;
    lost++;
    if (lost <= 5) problems.push(`lost: ${body.slice(0, 40)} acknowledged at ${place}, found at ${found.get(body)?.join() ?? 'none'}`);
  }
  const stock = [...witness.acknowledged.keys()].filter((body) => body.startsWith('stock '));
  const missed = (): string[] => stock.filter((body) => !witness.consumed.has(body));
  await waitUntil('the stock consumer to have everything', () => missed().length === 0, CONSUMED_MS_MAX, 200).catch(() => {
    problems.push(`${missed().length} acknowledged messages never came to the stock consumer, such as ${missed()[0]?.slice(0, 40)}`);
  });
  const stored = [...found.values()].reduce((sum, places) => sum + places.length, 0);
  return { stored, copies: stored - found.size, lost, notConsumed: missed().length };
}

function percentile(values: readonly number[], part: number): number {
  const sorted = [...values].sort((one, other) => one - other);
  return sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * part))] ?? 0;
}

async function run(broker: RingmqProcess): Promise<void> {
  writeFileSync(clockFile, '+0\n');
  process.stdout.write(`chaos: ${rounds} rounds, seed ${seed}, faults ${kinds.join(', ')}\n`);
  await startBroker();
  await witness.start(RAW_SENDERS);
  const begin = performance.now();
  for (let round = 0; round < rounds && problems.length === 0; round++) {
    await untilServed(`in round ${round}`);
    await pause(random.below(2 * CALM_MS));
    const kind = chooseKind();
    counts[kind]++;
    await acts[kind]();
  }
  await untilServed('at the end');
  await witness.stopSending();
  const result = await check();
  const verdict = {
    seed,
    rounds: Object.values(counts).reduce((sum, count) => sum + count, 0),
    ...counts,
    attempts: witness.attempts,
    acknowledged: witness.acknowledged.size,
    byStockClient: witness.stockAcknowledged,
    unanswered: witness.failures,
    ...result,
    excusedByDamage: excused,
    firstAckMsP50: percentile(witness.recoveredMs, 0.5),
    firstAckMsMax: percentile(witness.recoveredMs, 1),
    seconds: Math.round((performance.now() - begin) / 1000),
  };
  process.stdout.write(`${JSON.stringify(verdict)}\n`);
  if (problems.length > 0) process.stdout.write(`${broker.output.slice(-4_000)}\n`);
}

try {
  await run(ringmq);
} catch (error) {
  problems.push(`${(error as Error).stack}\n${ringmq.output.slice(-6_000)}`);
} finally {
  await witness.close();
  await ringmq.destroy();
  disk?.remove();
  if (existsSync(folder)) rmSync(folder, { recursive: true, force: true });
  rmSync(join(clockFile, '..'), { recursive: true, force: true });
}
for (const problem of problems.slice(0, 20)) process.stdout.write(`BROKEN ${problem}\n`);
process.stdout.write(
  problems.length === 0 ? 'chaos: every acknowledged message is there\n' : `chaos: ${problems.length} problems, seed ${seed}\n`,
);
// The stock client's timers would keep the process alive.
process.exit(problems.length === 0 ? 0 : 1);
