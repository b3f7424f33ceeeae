/**
 * Shared memory of a simulated broker: as `allocateBrokerMemory`, but small, so that lanes are lapped and pools run empty within some
 * hundred messages, and the same pieces for every broker of this process, zeroed: one lives at a time.
 */
import { allocateReadSlots, type BrokerMemory } from '../actors/broker/broker-memory.ts';
import type { LaneMemory } from '../actors/commit-log/log-lane.ts';
import { allocateWatermarks } from '../actors/commit-log/watermarks.ts';
import { CHUNK_BYTES, ROW_WORDS, VERSION } from '../actors/queue/queue-layout.ts';
import type { WasmMemory } from '../actors/store/web-assembly.ts';

const LANE_CONTROL_BYTES = 256;
const DESCRIPTOR_BYTES = 64;
const DESCRIPTORS = 1024;
const RUNS = 256;
const RUN_BYTES = 32;
const RUNS_HEADER_BYTES = 64;
const FEED_ENTRIES = 1024;
const FEED_BYTES = (32 + FEED_ENTRIES * 5) * 4;
const ROW_BYTES = 64;
/** As in watermarks.ts. */
const MARKS = 4;
const MARK_WORDS = 16;

export type MemoryShape = { readonly laneBytes: number; readonly chunks: number };

const pool: Map<string, SharedArrayBuffer> = new Map();

function take(name: string, bytes: number): SharedArrayBuffer {
  const key = `${name} ${bytes}`;
  let memory = pool.get(key);
  if (memory === undefined) {
    memory = new SharedArrayBuffer(bytes);
    pool.set(key, memory);
  } else new Uint8Array(memory).fill(0);
  return memory;
}

const slots: WasmMemory[] = [];

/** Answers of cold reads: nobody reads what was not written before, so they are not zeroed. */
function readSlots(producer: number): WasmMemory {
  slots[producer] ??= allocateReadSlots();
  return slots[producer];
}

export function simulatedMemory(shape: MemoryShape, options: { shards: number; queueMax: number; counterWords: number }): BrokerMemory {
  const { laneBytes, chunks } = shape;
  const producers = Array.from({ length: options.shards }, (_, producer) => producer);
  const lane = (producer: number): LaneMemory => ({
    buffer: take(`lane ${producer}`, LANE_CONTROL_BYTES + DESCRIPTORS * DESCRIPTOR_BYTES + laneBytes),
    laneBytes,
    descriptors: DESCRIPTORS,
  });
  const ring = (name: string, items: number): Int32Array<SharedArrayBuffer> =>
    new Int32Array(take(name, (2 + 2 ** Math.ceil(Math.log2(items + 1))) * 4));
  const marks = allocateWatermarks();
  return {
    lanes: producers.map(lane),
    runs: { buffer: take('runs', RUNS_HEADER_BYTES + RUNS * RUN_BYTES), runs: RUNS },
    queues: {
      rows: take('rows', options.queueMax * ROW_BYTES),
      chunks: take('chunks', chunks * CHUNK_BYTES),
      freed: ring('freed', chunks),
      dirty: ring('dirty', options.queueMax),
      queueMax: options.queueMax,
      chunkCount: chunks,
    },
    marks,
    feed: new Int32Array(take('feed', FEED_BYTES)),
    readSlots: producers.map(readSlots),
    // Plugins run in processes of their own.
    plugins: [],
    counters: take('counters', options.shards * options.counterWords * 4),
  };
}

/** Everything of it that a thread's death in the middle of a turn must leave as it was. */
export function viewsOf(memory: BrokerMemory): Uint8Array[] {
  const { queues } = memory;
  const buffers = [
    ...memory.lanes.map((lane) => lane.buffer),
    memory.runs.buffer,
    queues.rows,
    queues.chunks,
    queues.freed.buffer,
    queues.dirty.buffer,
    memory.marks,
    memory.feed.buffer,
    memory.counters,
  ];
  return buffers.map((buffer) => new Uint8Array(buffer));
}

/** Whether a mark or a queue's row is being changed: its version is odd. */
export function isHalfChanged(memory: BrokerMemory): boolean {
  const marks = new Int32Array(memory.marks);
  for (let at = 0; at < MARKS * MARK_WORDS; at += MARK_WORDS) if ((marks[at]! & 1) !== 0) return true;
  const rows = new Int32Array(memory.queues.rows);
  for (let at = VERSION; at < rows.length; at += ROW_WORDS) if ((rows[at]! & 1) !== 0) return true;
  return false;
}
