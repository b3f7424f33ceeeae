/**
 * How long a start takes after `kill -9`, by what it has to do:
 *
 *   tail      a log's end that no checkpoint covers, of 1 GiB: records of 1 KB and of 128 B are read, checked, dispatched and indexed
 *   large     100 GiB of log (sparse), the last checkpoint near its end
 *   queues    100 000 queues with a checkpoint, and without one (as in a Java store: the files are scanned)
 *
 * Every figure is taken from a started process (spawn to its ready line) and from its own word about the recovery. Prints JSON, and
 * writes `results/recovery.json` with --write. --only A,B chooses; --gib N the tail's size. Needs 5 GB of room, sparse files.
 */
import { spawnSync } from 'node:child_process';
import { closeSync, ftruncateSync, mkdirSync, mkdtempSync, openSync, rmSync, writeFileSync, writeSync } from 'node:fs';
import { availableParallelism, cpus, tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { BLANK_RECORD_BYTES, encodeMessageRecord, RECORD_MAGIC_BLANK, writeInt32, writeInt64 } from '../model/message-record.ts';
import { NodeDisk } from '../storage/node-disk.ts';
import { openStore, writeCheckpoint } from '../storage/open-store.ts';
import { segmentName } from '../storage/segment-set.ts';
import { storeLayout } from '../storage/store-layout.ts';
import { startRingmq } from '../test/support/start-ringmq.ts';

const { values: options } = parseArgs({
  options: { only: { type: 'string' }, gib: { type: 'string', default: '1' }, write: { type: 'boolean', default: false } },
});

const GIB = 1024 ** 3;
const SEGMENT_BYTES = GIB;
const RUN_BYTES = 8 * 1024 * 1024;
const LARGE_GIB = 100;
const QUEUES = 100_000;
const QUEUES_PER_TOPIC = 100;
const START_MS = 1_700_000_000_000;
const PHYSICAL_OFFSET_AT = 28;
const QUEUE_OFFSET_AT = 20;
const QUEUE_ID_AT = 12;

/** Writes a log of `bytes` whose records lie in turn in `queues` queues of one topic; its unique keys differ as a client's do. */
function writeLog(directory: string, bytes: number, bodyBytes: number, queues: number, from = 0): { records: number; end: number } {
  mkdirSync(directory, { recursive: true });
  const body = Buffer.alloc(bodyBytes, 0x61);
  const fields = { topic: 'recovery', queueId: 0, queueOffset: 0, physicalOffset: 0, storeTimestamp: START_MS, body };
  const unique = (record: number): string => `7F0000010A2B18B4AAC2${record.toString(16).padStart(12, '0').toUpperCase()}`;
  const template = encodeMessageRecord({ ...fields, properties: `UNIQ_KEY\x01${unique(0)}\x02WAIT\x01true\x02TAGS\x01TagA` });
  const uniqueAt = template.length - Buffer.byteLength(`${unique(0)}\x02WAIT\x01true\x02TAGS\x01TagA`);
  const size = template.length;
  const run = Buffer.alloc(RUN_BYTES);
  let records = 0;
  let position = from;
  while (position < from + bytes) {
    const base = position - (position % SEGMENT_BYTES);
    const file = openSync(join(directory, segmentName(base)), 'w');
    ftruncateSync(file, SEGMENT_BYTES);
    const last = Math.min(from + bytes, base + SEGMENT_BYTES);
    while (position + size + BLANK_RECORD_BYTES <= last) {
      const count = Math.min(Math.floor(RUN_BYTES / size), Math.floor((last - BLANK_RECORD_BYTES - position) / size));
      for (let i = 0; i < count; i++, records++) {
        const at = i * size;
        run.set(template, at);
        writeInt32(run, at + QUEUE_ID_AT, records % queues);
        writeInt64(run, at + QUEUE_OFFSET_AT, Math.floor(records / queues));
        writeInt64(run, at + PHYSICAL_OFFSET_AT, position + at);
        run.write(unique(records), at + uniqueAt, 'latin1');
      }
      writeSync(file, run, 0, count * size, position - base);
      position += count * size;
    }
    if (last === base + SEGMENT_BYTES) {
      const blank = Buffer.alloc(BLANK_RECORD_BYTES);
      writeInt32(blank, 0, last - position);
      writeInt32(blank, 4, RECORD_MAGIC_BLANK);
      writeSync(file, blank, 0, blank.length, position - base);
      position = last;
    } else {
      closeSync(file);
      return { records, end: position };
    }
    closeSync(file);
  }
  return { records, end: position };
}

type Started = { readyMs: number; recovery: string };

/** Starts a broker on the store as a user does, and ends it as a crash does. */
async function start(dataDir: string, env: Record<string, string> = {}): Promise<Started> {
  const begin = performance.now();
  const ringmq = await startRingmq({ dataDir, readyMs: 120_000, env });
  const readyMs = Math.round(performance.now() - begin);
  const recovery = ringmq.output.split('\n').find((line) => line.includes('recovered')) ?? '';
  await ringmq.kill();
  await ringmq.destroy();
  return { readyMs, recovery };
}

async function inFolder<T>(run: (folder: string) => Promise<T>): Promise<T> {
  const folder = mkdtempSync(join(tmpdir(), 'ringmq-recovery-'));
  try {
    return await run(folder);
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

/** A file that says that the former run did not end in order. */
function markAborted(folder: string): void {
  writeFileSync(join(folder, 'abort'), '1');
}

async function tail(bodyBytes: number): Promise<Record<string, unknown>> {
  return await inFolder(async (folder) => {
    const bytes = Number(options.gib) * GIB;
    const { records } = writeLog(join(folder, 'commitlog'), bytes, bodyBytes, 8);
    spawnSync('sync');
    markAborted(folder);
    const { readyMs, recovery } = await start(folder);
    return { bodyBytes, gib: Number(options.gib), records, readyMs, secondsPerGib: readyMs / 1000 / Number(options.gib), recovery };
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
    writeLog(directory, SEGMENT_BYTES / 16, 1024, 8, from);
    const store = openStore(storeOptions(folder));
    writeCheckpoint({ ...store, disk: new NodeDisk(), layout: storeLayout(folder) }, { position: store.end, storeTimestamp: START_MS });
    for (let base = 0; base < from; base += SEGMENT_BYTES) {
      const file = openSync(join(directory, segmentName(base)), 'w');
      ftruncateSync(file, SEGMENT_BYTES);
      closeSync(file);
    }
    const { readyMs, recovery } = await start(folder);
    return { gib: LARGE_GIB, readyMs, recovery };
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
      const fields = { topic, queueId, queueOffset: 0, physicalOffset: position, storeTimestamp: START_MS, body, properties: '' };
      const record = encodeMessageRecord(fields);
      store.log.write(record, 0, record.length, position);
      writeInt64(unit, 0, position);
      writeInt32(unit, 8, record.length);
      store.queues.append(store.queues.queue(topic, queueId), unit, 0, unit.length, 0);
      position += record.length;
    }
    store.log.sync(0, position);
    writeCheckpoint(parts, { position, storeTimestamp: START_MS });
    const environment = { QUEUES_MAX: String(2 * QUEUES) };
    const withTable = await start(folder, environment);
    rmSync(storeLayout(folder).queueTable);
    const scanned = await start(folder, environment);
    return { queues: QUEUES, withTable, scanned };
  });
}

const stages: Record<string, () => Promise<Record<string, unknown>>> = {
  'tail-1k': () => tail(1024),
  'tail-128': () => tail(128),
  large,
  queues,
};
const results: Record<string, unknown> = {};
for (const name of options.only?.split(',') ?? Object.keys(stages)) {
  const stage = stages[name];
  if (stage === undefined) throw new Error(`No stage ${name}; there are ${Object.keys(stages).join(', ')}`);
  results[name] = await stage();
  process.stdout.write(`${name} ${JSON.stringify(results[name])}\n`);
}
if (options.write) {
  const machine = `${cpus()[0]?.model.trim() ?? 'unknown CPU'}, ${availableParallelism()} cores, Node ${process.versions.node}`;
  const path = fileURLToPath(new URL('results/recovery.json', import.meta.url));
  writeFileSync(path, `${JSON.stringify({ machine, date: new Date().toISOString().slice(0, 16), results }, null, 1)}\n`);
}
