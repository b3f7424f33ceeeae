/**
 * Broker memory: every SharedArrayBuffer that the broker's threads have in common, allocated once by the root and given to each
 * thread. Pages that nobody has touched cost nothing. It outlives every thread: a thread that is replaced finds its state here.
 */
import { allocateIndexFeed, type IndexFeedMemory } from '../commit-log/index-feed.ts';
import { allocateLane, type LaneMemory } from '../commit-log/log-lane.ts';
import { allocateRunTable, type RunTableMemory } from '../commit-log/run-table.ts';
import { allocateWatermarks } from '../commit-log/watermarks.ts';
import { allocateExchange, type ExchangeMemory } from '../filter/plugin-exchange.ts';
import { allocateQueues, type QueueMemory } from '../queue/queue-layout.ts';
import { WASM_PAGE_BYTES, type WasmMemory, webAssembly } from '../store/web-assembly.ts';

/** A cold pull's answer is assembled here: the largest message and its fixed part fit. */
export const READ_SLOT_BYTES = 4 * 1024 * 1024 + 64 * 1024;
/** Cold pulls of one shard that may be read, or lent to sockets, at once; memory is taken only where a slot is written. */
export const READ_SLOTS = 16;
/** Records of a lane that may wait for their answer. */
export const LANE_DESCRIPTORS = 32_768;

/** Memory that WebAssembly can write to: see record-mover.ts. */
export function allocateReadSlots(): WasmMemory {
  const pages = (READ_SLOTS * READ_SLOT_BYTES) / WASM_PAGE_BYTES;
  return new webAssembly.Memory({ initial: pages, maximum: pages, shared: true });
}

export type BrokerMemory = {
  /** One a shard, in the shards' order, then one a guest. */
  readonly lanes: readonly LaneMemory[];
  readonly runs: RunTableMemory;
  readonly queues: QueueMemory;
  readonly marks: SharedArrayBuffer;
  readonly feed: IndexFeedMemory;
  /** By shard, then by guest: READ_SLOTS slots of READ_SLOT_BYTES. */
  readonly readSlots: readonly WasmMemory[];
  /** Counters by shard, then by guest: see shard-counters.ts. */
  readonly counters: SharedArrayBuffer;
  /** As many as there may be filter plugins. */
  readonly plugins: readonly ExchangeMemory[];
};

/** @param options.guests threads of applications that may send and pull beside the shards */
export function allocateBrokerMemory(options: {
  shards: number;
  guests?: number;
  laneBytes: number;
  queueMax: number;
  counterWords: number;
  plugins?: number;
}): BrokerMemory {
  const producers = options.shards + (options.guests ?? 0);
  return {
    lanes: Array.from({ length: producers }, () => allocateLane(options.laneBytes, LANE_DESCRIPTORS)),
    runs: allocateRunTable(),
    queues: allocateQueues(options.queueMax),
    marks: allocateWatermarks(),
    feed: allocateIndexFeed(),
    readSlots: Array.from({ length: producers }, allocateReadSlots),
    counters: new SharedArrayBuffer(producers * options.counterWords * 4),
    plugins: Array.from({ length: options.plugins ?? 0 }, () => allocateExchange(options.shards)),
  };
}
