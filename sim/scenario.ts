/**
 * Scenario: what a seed makes of a world: mode, sizes, load, and which misfortunes happen at all. Each seed has some of them and leaves
 * the others out, so that every combination comes up and a fault that hides others does not always hide them. Pure.
 */
import { SeededRandom } from '../runtime/random.ts';
import type { NetworkMoods } from './network.ts';

/** As many messages as go to the log in one piece at most (the end desk's 256, and their op record), and some more. */
const CHUNKS_LEAST = 264;

export type CrashKind = 'kill' | 'power' | 'stop';

export type Scenario = {
  readonly seed: number;
  readonly syncFlush: boolean;
  readonly shards: number;
  readonly segmentBytes: number;
  readonly laneBytes: number;
  readonly chunks: number;
  readonly topics: number;
  readonly queues: number;
  readonly producers: number;
  readonly readers: number;
  readonly bodyBytesMax: number;
  readonly delays: boolean;
  readonly offsets: boolean;
  readonly batches: boolean;
  /** How long clients send before everything is healed and looked at. */
  readonly loadMs: number;
  /** Mean pause of a producer between bursts. */
  readonly gapMs: number;
  /** Ends of the process within the load, in order. */
  readonly crashes: readonly { readonly atMs: number; readonly kind: CrashKind; readonly inCall: boolean }[];
  /** Of 10 000 calls of the disk, those in which their thread dies. */
  readonly threadDeathsPer10000: number;
  /** Deaths of shards within the load, which happen between their turns. */
  readonly shardDeaths: number;
  /** Of 10 000 calls of the disk, those that fail. */
  readonly diskErrorsPer10000: number;
  /** The sync of the log that fails, counted from 0; null: none. */
  readonly failedSync: number | null;
  /** Usual time of a sync, at most. */
  readonly syncMs: number;
  /** Writes take time too, in which others go on. */
  readonly writeMs: number;
  /** The last look comes after one more end of this kind. */
  readonly lastCrash: CrashKind | null;
  readonly network: NetworkMoods;
  /** Some messages have a time of their own. */
  readonly timers: boolean;
  readonly transactions: boolean;
  /** Threads die between any two stores to shared memory, where threads die at all: asked for by --any-step. */
  readonly anyStep: boolean;
  /** Time between two checkpoints, and between two saves of what was delivered: short, so that a short seed has some. */
  readonly checkpointMs: number;
  readonly saveMs: number;
  /** So long no write of the log finds room, once in the load; 0: never. */
  readonly fullMs: number;
  /** Consumers fail and give messages back. */
  readonly retries: boolean;
  readonly pops: boolean;
  /** Readers by tag and by SQL92. */
  readonly filters: boolean;
  /** Timed messages that are taken back. */
  readonly recalls: boolean;
  /** Asynchronous flush: the longest time that what is written waits for the disk. Longer than offsets wait, they may last longer than what they count. */
  readonly flushMs: number;
  /** Half messages are given up after two checks, and an operator has them checked anew: in worlds with transactions. */
  readonly resumes: boolean;
  /** Requests and their replies. */
  readonly requests: boolean;
  /** The broker divides queues among members and keeps how groups read; a name server runs beside it. */
  readonly assignments: boolean;
};

export function scenarioOf(seed: number): Scenario {
  const random = new SeededRandom(Math.imul(seed, 0x9e3779b1) ^ 0x51ed270b);
  const pick = <T>(...choices: readonly T[]): T => choices[random.below(choices.length)]!;
  const chance = (share: number): boolean => random.next() < share;
  const syncFlush = chance(0.5);
  // Most seeds are short; some are long and quiet, so that what comes every ten seconds comes.
  const isLong = chance(0.12);
  const loadMs = isLong ? 11_000 + random.below(8_000) : 1_000 + random.below(2_500);
  const kinds: CrashKind[] = ['kill', 'power', 'stop'];
  const crashes = Array.from({ length: random.below(4) }, () => ({
    atMs: Math.floor(random.next() * loadMs),
    kind: pick(...kinds),
    inCall: chance(0.7),
  })).sort((one, other) => one.atMs - other.atMs);
  const hasNetworkFaults = chance(0.5);
  const former = {
    seed,
    syncFlush,
    shards: pick(1, 2, 2, 3),
    segmentBytes: pick(64, 128, 128, 512) * 1024,
    laneBytes: pick(512, 1024) * 1024,
    // What the broker gives to the log in one piece may change its queue so often, and needs a chunk each time.
    chunks: pick(CHUNKS_LEAST, CHUNKS_LEAST + 12, 2 * CHUNKS_LEAST),
    topics: pick(1, 1, 2),
    queues: pick(1, 2, 4),
    producers: pick(1, 2, 3),
    readers: pick(1, 1, 2),
    bodyBytesMax: pick(40, 300, 300, 2000, 12_000),
    delays: chance(0.4),
    offsets: chance(0.5),
    batches: chance(0.3),
    loadMs,
    gapMs: isLong ? pick(100, 200) : pick(10, 25, 60),
    crashes,
    threadDeathsPer10000: chance(0.3) ? pick(5, 50, 200) : 0,
    shardDeaths: chance(0.25) ? 1 + random.below(2) : 0,
    diskErrorsPer10000: chance(0.25) ? pick(3, 20) : 0,
    failedSync: chance(0.2) ? random.below(50) : null,
    syncMs: pick(0.2, 2, 20),
    writeMs: pick(0, 0.1, 1),
    lastCrash: pick(null, ...kinds),
    network: {
      delayMs: pick(0.1, 1, 5),
      latePer1000: chance(0.5) ? 10 : 0,
      lateMs: pick(20, 200, 1000),
      breaksPer1000: hasNetworkFaults ? pick(2, 10) : 0,
    },
  };
  return {
    ...former,
    timers: chance(0.3),
    checkpointMs: pick(300, 1_000, 10_000),
    saveMs: pick(20, 100, 1_000),
    fullMs: chance(0.15) ? pick(200, 1_500) : 0,
    transactions: chance(0.3),
    anyStep: false,
    retries: chance(0.25),
    pops: chance(0.25),
    filters: chance(0.25),
    recalls: chance(0.25),
    flushMs: pick(500, 500, 5_000),
    resumes: chance(0.5),
    requests: chance(0.25),
    assignments: chance(0.25),
  };
}
