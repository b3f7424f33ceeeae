/**
 * Log lane: the shared memory through which one shard hands records, already in the commit log's format, to the commit-log
 * actor. A ring of record bytes with a descriptor per record beside it; one producer (the shard), one consumer (the log
 * worker), any number of readers that use the bytes as the log's tail cache.
 *
 * Counters wrap at 2^32 and are compared as (a - b) | 0. A position is a virtual byte position modulo 2^32; its place in the
 * ring is `position & (laneBytes - 1)`. A record never straddles the ring's end: the producer skips to the next lap.
 *
 *   control   64 words: HEAD | WRITTEN | RECLAIM | GENERATION, a cache line each
 *   records   DESCRIPTORS x 16 words
 *   bytes     laneBytes (a power of two)
 *
 * Fails by assertion only. A dead producer leaves nothing half done: what lies behind HEAD was never published.
 */
import assert from 'node:assert/strict';

/** Records published by the shard (count). Paired with the log worker's load in `LaneConsumer.published`. */
const HEAD = 0;
/** Records written to the file, or refused (count). Stored by the log worker, loaded by the shard. */
const WRITTEN = 16;
/** Bytes before this virtual position may be overwritten. Stored by the shard before it overwrites, loaded by readers after their copy. */
const RECLAIM = 32;
/** One more with every producer that takes the lane over. */
const GENERATION = 48;
const CONTROL_WORDS = 64;

export const DESCRIPTOR_WORDS = 16;
/** Words of a descriptor. The first eight are written by the shard, 7..11 by the log worker, 12..15 are the shard's own memory. */
export const D_QUEUE = 0;
export const D_POSITION = 1;
export const D_SIZE = 2;
export const D_FLAGS = 3;
/** Java hash of the tag; sign-extended to the unit's 8 bytes. With FLAG_DELAYED the delay level. */
export const D_TAG = 4;
/** Hash of `topic#UNIQ_KEY`, made non-negative as the index wants it. */
export const D_UNIQUE_HASH = 5;
/** Hash of `topic#key` for the first of KEYS. With FLAG_TIMED the high half of the unit's time. */
export const D_KEY_HASH = 6;
/** 0, or why the record was refused (`Outcome`). */
export const D_OUTCOME = 7;
export const D_OFFSET_LO = 8;
export const D_OFFSET_HI = 9;
export const D_PHYSICAL_LO = 10;
export const D_PHYSICAL_HI = 11;
/** D_PHYSICAL_HI of a record that has no place in the log yet: what a log worker that takes over tells the written ones by. */
export const NO_PLACE = -1;
export const D_SLOT = 12;
export const D_CONNECTION = 13;
export const D_OPAQUE = 14;
/** Where UNIQ_KEY's value lies: offset from the record's first byte << 9 | length (0: none). */
export const D_UNIQUE_AT = 15;

/** Somebody waits for the answer. */
export const FLAG_ANSWER = 1;
/** The answer waits for the disk in sync-flush mode (`WAIT` was not false). */
export const FLAG_WAIT_SYNC = 2;
/** The request came with the binary header. */
export const FLAG_BINARY = 4;
/** First record of a batch; the following ones carry FLAG_CONTINUED. */
export const FLAG_BATCH = 8;
export const FLAG_CONTINUED = 16;
/** D_UNIQUE_HASH, D_KEY_HASH hold something. */
export const FLAG_UNIQUE = 32;
export const FLAG_KEY = 64;
/** More than one key: the log worker walks the record's KEYS. */
export const FLAG_MANY_KEYS = 128;
/** The record's born host is IPv6: what follows lies 12 bytes further on. */
export const FLAG_BORN_V6 = 256;
/** No place in its queue: offset 0 and no unit, as for a record of a prepared or rolled-back transaction. */
export const FLAG_NO_DISPATCH = 512;
/** Parked for the time of its delay level: its unit carries the time of delivery instead of a tag. */
export const FLAG_DELAYED = 1024;
/** First record of a batch whose records are of several queues. */
export const FLAG_MIXED = 2048;
/** A half message, or one that was parked: its last two properties are the topic and the queue that its sender chose. */
export const FLAG_ELSEWHERE = 4096;
/** Parked for a time of its own: its unit carries the 64 bits of D_TAG (low) and D_KEY_HASH (high) instead of a tag. */
export const FLAG_TIMED = 8192;
/** With FLAG_TIMED and FLAG_ELSEWHERE: its sender is given a handle to take it back. */
export const FLAG_RECALLED = 16384;

/** D_SLOT of a record that the broker itself appends: no connection has it. */
export const INNER_SLOT = 0;

/** Why a record was refused: kept in D_OUTCOME and turned into a response by the shard. */
export type Outcome =
  | typeof OUTCOME_STORED
  | typeof OUTCOME_DISK_FULL
  | typeof OUTCOME_STOPPED
  | typeof OUTCOME_FENCED
  | typeof OUTCOME_NO_QUEUE;
export const OUTCOME_STORED = 0;
export const OUTCOME_DISK_FULL = 1;
export const OUTCOME_STOPPED = 2;
export const OUTCOME_FENCED = 3;
export const OUTCOME_NO_QUEUE = 4;

/** Where a written record lies in the log. */
export function physicalOffsetOf(words: Int32Array, at: number): number {
  return words[at + D_PHYSICAL_HI]! * TWO_32 + (words[at + D_PHYSICAL_LO]! >>> 0);
}

/** It is written, but ends behind `flushed`, the end of what is on the disk. */
export function isUnsynced(words: Int32Array, at: number, flushed: number): boolean {
  return words[at + D_OUTCOME] === OUTCOME_STORED && physicalOffsetOf(words, at) + words[at + D_SIZE]! > flushed;
}

/** A written record's place in its queue. */
export function queueOffsetOf(words: Int32Array, at: number): number {
  return words[at + D_OFFSET_HI]! * TWO_32 + (words[at + D_OFFSET_LO]! >>> 0);
}

const TWO_32 = 0x1_0000_0000;
/** Readers trust bytes only this far from the reclaim position; the producer announces its overwriting in such steps. */
const RECLAIM_STEP = 256 * 1024;

/**
 * A lap ends here when nothing hinders: a lane that is emptied as fast as it is filled uses its first part only, which fits the
 * processor's cache (15 % of the CPU of 64 KiB sends) and holds the newest messages for those who pull. Under pressure the whole
 * lane is used. Positions go on as if the rest of the lap had been written.
 */
export const LAP_BYTES = 8 * 1024 * 1024;

export type LaneMemory = { readonly buffer: SharedArrayBuffer; readonly laneBytes: number; readonly descriptors: number };

/** @param laneBytes a power of two ≥ 1 MiB; a record must be smaller than a quarter of it. */
export function allocateLane(laneBytes: number, descriptors: number): LaneMemory {
  assert((laneBytes & (laneBytes - 1)) === 0 && laneBytes >= 1 << 20, 'A lane is a power of two of at least 1 MiB');
  assert((descriptors & (descriptors - 1)) === 0, 'A power of two of descriptors');
  return { buffer: new SharedArrayBuffer(CONTROL_WORDS * 4 + descriptors * DESCRIPTOR_WORDS * 4 + laneBytes), laneBytes, descriptors };
}

/** The lane's memory as every side sees it. */
export class LaneView {
  readonly control: Int32Array;
  readonly descriptors: Int32Array;
  readonly bytes: Uint8Array;
  readonly view: DataView;
  readonly laneBytes: number;
  readonly byteMask: number;
  readonly descriptorMax: number;
  readonly descriptorMask: number;

  constructor(memory: LaneMemory) {
    const descriptorBytes = memory.descriptors * DESCRIPTOR_WORDS * 4;
    this.control = new Int32Array(memory.buffer, 0, CONTROL_WORDS);
    this.descriptors = new Int32Array(memory.buffer, CONTROL_WORDS * 4, memory.descriptors * DESCRIPTOR_WORDS);
    this.bytes = new Uint8Array(memory.buffer, CONTROL_WORDS * 4 + descriptorBytes, memory.laneBytes);
    this.view = new DataView(memory.buffer, CONTROL_WORDS * 4 + descriptorBytes, memory.laneBytes);
    this.laneBytes = memory.laneBytes;
    this.byteMask = memory.laneBytes - 1;
    this.descriptorMax = memory.descriptors;
    this.descriptorMask = memory.descriptors - 1;
  }

  /** Pairs with the producer's store in `publish`: descriptors and bytes before it are whole. */
  published(): number {
    return Atomics.load(this.control, HEAD);
  }

  /** Pairs with `LaneConsumer.setWritten`: descriptors before it carry their offsets or their refusal. */
  written(): number {
    return Atomics.load(this.control, WRITTEN);
  }

  /** The log worker's: everything before `count` is in the file or refused. */
  setWritten(count: number): void {
    Atomics.store(this.control, WRITTEN, count);
  }

  generation(): number {
    return Atomics.load(this.control, GENERATION);
  }

  /** After a copy of bytes that begin at `position`: were they whole? Pairs with the producer's store before it overwrites. */
  intact(position: number): boolean {
    return ((position - Atomics.load(this.control, RECLAIM)) | 0) >= 0;
  }

  /** Word index of the descriptor of record number `count`. */
  descriptorAt(count: number): number {
    return (count & this.descriptorMask) * DESCRIPTOR_WORDS;
  }
}

/** The shard's side: reserves, publishes, releases. */
export class LaneProducer {
  readonly lane: LaneView;
  /** Records reserved and committed so far, published or not. */
  head: number;
  /** The oldest record that is not released. */
  tail: number;
  #published: number;
  #writeAt: number;
  #releaseAt: number;
  #reclaimed: number;

  /** Takes the lane over where its last producer left it, everything written counting as answered. */
  constructor(memory: LaneMemory) {
    this.lane = new LaneView(memory);
    const head = this.lane.published();
    assert(head === this.lane.written(), 'A lane is drained before it is taken over');
    this.head = head;
    this.tail = head;
    this.#published = head;
    let at = 0;
    if (this.lane.generation() > 0) {
      const last = this.lane.descriptorAt((head - 1) | 0);
      at = (this.lane.descriptors[last + D_POSITION]! + this.lane.descriptors[last + D_SIZE]!) | 0;
    }
    this.#writeAt = at;
    this.#releaseAt = at;
    this.#reclaimed = Atomics.load(this.lane.control, RECLAIM);
    Atomics.add(this.lane.control, GENERATION, 1);
  }

  /** Records that wait for their answer. */
  get pending(): number {
    return (this.head - this.tail) | 0;
  }

  get usedBytes(): number {
    return (this.#writeAt - this.#releaseAt) >>> 0;
  }

  /**
   * Index into `lane.bytes` of `maxBytes` contiguous bytes for the next record, or -1: the lane is full.
   * Nothing is taken before `commit`.
   */
  reserve(maxBytes: number): number {
    const lane = this.lane;
    if (((this.head - this.tail) | 0) >= lane.descriptorMax) return -1;
    let index = this.#writeAt & lane.byteMask;
    let at = this.#writeAt;
    if (index + maxBytes > lane.laneBytes || (index >= LAP_BYTES && this.#mayTurn(index, maxBytes))) {
      at = (at + (lane.laneBytes - index)) | 0;
      index = 0;
    }
    const end = (at + maxBytes) | 0;
    if ((end - this.#releaseAt) >>> 0 > lane.laneBytes) return -1;
    const overwrites = (end - lane.laneBytes) | 0;
    if (((overwrites - this.#reclaimed) | 0) > 0) {
      // Announced before the first byte is overwritten: a reader that copied such bytes sees it afterwards and throws its copy away.
      this.#reclaimed = (overwrites + RECLAIM_STEP) | 0;
      Atomics.store(lane.control, RECLAIM, this.#reclaimed);
    }
    this.#writeAt = at;
    return index;
  }

  /** Whether the lane's beginning is free for a record: then what is written next lies in memory that the processor still has near. */
  #mayTurn(index: number, maxBytes: number): boolean {
    const pending = (this.#writeAt - this.#releaseAt) >>> 0;
    return pending <= index - maxBytes;
  }

  /** Takes `size` bytes from the last reservation; returns the word index of the record's descriptor, POSITION, SIZE and OUTCOME set. */
  commit(size: number): number {
    const lane = this.lane;
    const at = lane.descriptorAt(this.head);
    const words = lane.descriptors;
    words[at + D_POSITION] = this.#writeAt;
    words[at + D_SIZE] = size;
    words[at + D_OUTCOME] = OUTCOME_STORED;
    words[at + D_PHYSICAL_HI] = NO_PLACE;
    this.#writeAt = (this.#writeAt + size) | 0;
    this.head = (this.head + 1) | 0;
    return at;
  }

  /** Takes back what was committed since `head` stood at `count`, when nothing of it was published (a batch that does not fit). */
  rollBack(count: number): void {
    if (count === this.head) return;
    this.#writeAt = this.lane.descriptors[this.lane.descriptorAt(count) + D_POSITION]!;
    this.head = count;
  }

  /** Makes everything committed visible to the log worker with one store. True if there was anything. */
  publish(): boolean {
    if (this.#published === this.head) return false;
    this.#published = this.head;
    Atomics.store(this.lane.control, HEAD, this.head);
    return true;
  }

  /** The records before `count` are answered: their bytes may be overwritten when the room is needed. */
  release(count: number): void {
    if (count === this.tail) return;
    const last = this.lane.descriptorAt((count - 1) | 0);
    this.#releaseAt = (this.lane.descriptors[last + D_POSITION]! + this.lane.descriptors[last + D_SIZE]!) | 0;
    this.tail = count;
  }
}
