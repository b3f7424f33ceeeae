/**
 * How long a start takes after `kill -9`, by what it has to do:
 *
 *   empty     an empty store: what a start costs by itself
 *   tail      a log's end that no checkpoint covers, of 1 GiB: records of 1 KB and of 128 B are read, checked, dispatched and indexed
 *   large     100 GiB of log (sparse), the last checkpoint near its end
 *   queues    100 000 queues with a checkpoint, and without one (as in a Java store: the files are scanned)
 *
 * Every figure is taken from a started process (spawn to its ready line) and from its own word about the recovery; tails are started
 * --rounds N times (3), with their medians. Prints JSON, and writes `results/recovery.json` with --write, where stages that did not run
 * keep their last result; ends with 1 when a tail of 1 KB messages takes longer than its limit. --only A,B chooses; --gib N the tail's size.
 * Needs 5 GB of room, sparse files.
 */
import { spawnSync } from 'node:child_process';
import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { encodeMessageRecord, writeInt32, writeInt64 } from '../model/message-record.ts';
import { NodeDisk } from '../storage/node-disk.ts';
import { openStore, writeCheckpoint } from '../storage/open-store.ts';
import { storeLayout } from '../storage/store-layout.ts';
import { startRingmq } from '../test/support/start-ringmq.ts';
import { markAborted, SEGMENT_BYTES, STORED_MS, writeHoles, writeLog } from './made-log.ts';
import { runStages, writeStageResults } from './stages.ts';

const { values: options } = parseArgs({
  options: {
    only: { type: 'string' },
    gib: { type: 'string', default: '1' },
    rounds: { type: 'string', default: '3' },
    write: { type: 'boolean', default: false },
  },
});

const GIB = 1024 ** 3;
const LARGE_GIB = 100;
const QUEUES = 100_000;
const QUEUES_PER_TOPIC = 100;
const READY_MS = 300_000;
/** What recovery may take for each GiB of tail with messages of 1 KB. */
const TAIL_MS_PER_GIB_MAX = 2000;

/** `recoveryMs`: of the recovery alone, as the broker tells it; null: there was none. */
type Started = { readyMs: number; recoveryMs: number | null; cpuSeconds: number; recovery: string };
const TICKS_PER_SECOND = 100;

/** Processor time of all threads of the process so far, user and system. */
function cpuSeconds(pid: number): number {
  const fields = readFileSync(`/proc/${pid}/stat`, 'utf8')
    .replace(/^.*\) /, '')
    .split(' ');
  return (Number(fields[11]) + Number(fields[12])) / TICKS_PER_SECOND;
}

/** Starts a broker on the store as a user does, and ends it as a crash does. */
async function start(dataDir: string): Promise<Started> {
  const begin = performance.now();
  const ringmq = await startRingmq({ dataDir, readyMs: READY_MS });
  const readyMs = Math.round(performance.now() - begin);
  const used = cpuSeconds(ringmq.pid);
  const recovery = ringmq.output.split('\n').find((line) => line.includes('recovered')) ?? '';
  await ringmq.kill();
  await ringmq.destroy();
  const recoveryMs = / ms=(\d+)/.exec(recovery)?.[1] ?? null;
  return {
    readyMs,
    recoveryMs: recoveryMs === null ? null : Number(recoveryMs),
    cpuSeconds: used,
    recovery: /from=.*$/.exec(recovery)?.[0] ?? 'nothing to recover',
  };
}

async function inFolder<T>(run: (folder: string) => Promise<T>): Promise<T> {
  const folder = mkdtempSync(join(tmpdir(), 'ringmq-recovery-'));
  try {
    return await run(folder);
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

async function tail(bodyBytes: number, msPerGibMax: number | null): Promise<Record<string, unknown>> {
  return await inFolder(async (folder) => {
    const gib = Number(options.gib);
    const { records } = writeLog(join(folder, 'commitlog'), { bytes: gib * GIB, bodyBytes, queues: 8 });
    const rounds: Started[] = [];
    for (let round = 0; round < Number(options.rounds); round++) {
      // Nothing but the log: what the round before has rebuilt is to be built again.
      for (const name of readdirSync(folder)) if (name !== 'commitlog') rmSync(join(folder, name), { recursive: true });
      markAborted(folder);
      spawnSync('sync');
      rounds.push(await start(folder));
    }
    const sorted = rounds.map(({ recoveryMs }) => recoveryMs ?? Number.NaN).sort((one, other) => one - other);
    const msPerGib = Math.round((sorted[Math.floor(sorted.length / 2)] ?? Number.NaN) / gib);
    const verdict = msPerGibMax === null ? {} : { msPerGibMax, ok: msPerGib <= msPerGibMax };
    return { bodyBytes, gib, records, msPerGib, ...verdict, rounds };
  });
}

function storeOptions(folder: string): Parameters<typeof openStore>[0] {
  return {
    disk: new NodeDisk(),
    layout: storeLayout(folder),
    segmentBytes: SEGMENT_BYTES,
    now: Date.now,
    processId: process.pid,
    delayMsOf: () => 0,
    onDamage: (damage) => {
      throw new Error(`Damage in a sound log: ${JSON.stringify(damage)}`);
    },
  };
}

/** 100 GiB of log, of which all but the end is hole: what a start reads of it shows. */
async function large(): Promise<Record<string, unknown>> {
  return await inFolder(async (folder) => {
    const directory = join(folder, 'commitlog');
    const from = (LARGE_GIB - 1) * SEGMENT_BYTES;
    writeLog(directory, { bytes: SEGMENT_BYTES / 16, bodyBytes: 1024, queues: 8, from });
    const store = openStore(storeOptions(folder));
    writeCheckpoint({ ...store, disk: new NodeDisk(), layout: storeLayout(folder) }, { position: store.end, storeTimestamp: STORED_MS });
    writeHoles(directory, from);
    return { gib: LARGE_GIB, ...(await start(folder)) };
  });
}

async function queues(): Promise<Record<string, unknown>> {
  return await inFolder(async (folder) => {
    const store = openStore(storeOptions(folder));
    const parts = { ...store, disk: new NodeDisk(), layout: storeLayout(folder) };
    const body = Buffer.from('one message a queue');
    const unit = Buffer.alloc(20);
    let position = 0;
    for (let number = 0; number < QUEUES; number++) {
      const topic = `topic_${Math.floor(number / QUEUES_PER_TOPIC)}`;
      const queueId = number % QUEUES_PER_TOPIC;
      const fields = { topic, queueId, queueOffset: 0, physicalOffset: position, storeTimestamp: STORED_MS, body, properties: '' };
      const record = encodeMessageRecord(fields);
      store.log.write(record, 0, record.length, position);
      writeInt64(unit, 0, position);
      writeInt32(unit, 8, record.length);
      store.queues.append(store.queues.queue(topic, queueId), unit, 0, unit.length, 0);
      position += record.length;
    }
    store.log.sync(0, position);
    writeCheckpoint(parts, { position, storeTimestamp: STORED_MS });
    const withTable = await start(folder);
    rmSync(storeLayout(folder).queueTable);
    const scanned = await start(folder);
    return { queues: QUEUES, withTable, scanned };
  });
}

const stages: Record<string, () => Promise<Record<string, unknown>>> = {
  empty: () => inFolder(start),
  'tail-1k': () => tail(1024, TAIL_MS_PER_GIB_MAX),
  'tail-128': () => tail(128, null),
  large,
  queues,
};
const results = await runStages(stages, options.only);
if (options.write) writeStageResults('recovery.json', results);
if (Object.values(results).some((result) => (result as { ok?: boolean }).ok === false)) process.exitCode = 1;
