/**
 * Plugin exchange: the shared memory in which shards hand batches of records to a plugin's worker and get verdicts back. One a plugin's place; it
 * outlives the worker and the shards. What lies in it are copies: whatever a plugin does to them, the shard keeps its own and takes only
 * yes and no. Nothing here waits; both sides have a bell.
 *
 *   head      BELL · SERVING · WATCHED · JUDGED · PASSED · 3 free · one reply bell a shard
 *   a slot    STATE · COUNT · BYTES · GROUP_BYTES · LOOKED · 3 free · 8 words of verdict bits          (by shard, then by slot)
 *   its data  the group's name (1024 bytes), then the records back to back, as in the log
 *
 *   FREE ─shard→ SUBMITTED ─worker→ CLAIMED + generation ─worker→ DONE ─shard→ FREE
 *             ←shard (withdrawn)  ←root (its worker has died)        CLAIMED ─root→ LOST (its worker cannot be ended) ─root→ FREE
 *
 * Only the worker whose generation stands in SERVING claims. A claim is a compare-exchange, so that a version that takes over and the
 * one that goes never judge the same batch, and a batch whose worker died is judged again.
 */
import { readInt32 } from '../../model/message-record.ts';
import { allocateMapped } from '../../runtime/mapped-memory.ts';

/** The largest message and its fixed part fit, as they fit the slots of cold pulls. */
const RECORD_BYTES_MAX = 4 * 1024 * 1024 + 64 * 1024;
/** Records of one batch. */
export const PLUGIN_BATCH_MAX = 256;
/** Bytes of one batch, but one message, whatever its size. */
export const PLUGIN_BATCH_BYTES = 256 * 1024;
/** Batches of one shard that one plugin may have before it. The first takes a message of any size. */
export const PLUGIN_SLOTS = 8;

const BELL = 0;
const SERVING = 1;
const WATCHED = 2;
const JUDGED = 3;
const PASSED = 4;
const REPLY_BELL = 8;

const SLOT_WORDS = 16;
const STATE = 0;
const COUNT = 1;
const BYTES = 2;
const GROUP_BYTES = 3;
const LOOKED = 4;
const VERDICT = 8;

const FREE = 0;
const SUBMITTED = 1;
const DONE = 2;
const CLAIMED = 16;
const LOST = 1 << 28;

const GROUP_BYTES_MAX = 1024;
const SMALL_BYTES = GROUP_BYTES_MAX + PLUGIN_BATCH_BYTES;
const LARGE_BYTES = GROUP_BYTES_MAX + RECORD_BYTES_MAX;
const SHARD_BYTES = LARGE_BYTES + (PLUGIN_SLOTS - 1) * SMALL_BYTES;

export type ExchangeMemory = { readonly shards: number; readonly words: SharedArrayBuffer; readonly data: SharedArrayBuffer };

export function allocateExchange(shards: number): ExchangeMemory {
  const words = REPLY_BELL + shards * (1 + PLUGIN_SLOTS * SLOT_WORDS);
  return { shards, words: new SharedArrayBuffer(words * 4), data: allocateMapped(shards * SHARD_BYTES) };
}

function slotWords(shards: number, shard: number, slot: number): number {
  return REPLY_BELL + shards + (shard * PLUGIN_SLOTS + slot) * SLOT_WORDS;
}

function slotData(shard: number, slot: number): number {
  return shard * SHARD_BYTES + (slot === 0 ? 0 : LARGE_BYTES + (slot - 1) * SMALL_BYTES);
}

/** Bytes of records that a slot takes. */
export function slotRoom(slot: number): number {
  return slot === 0 ? RECORD_BYTES_MAX : PLUGIN_BATCH_BYTES;
}

/** One verdict a record, by its index in the batch; of the first `looked` only. */
export class Verdicts {
  readonly #bits: Int32Array = new Int32Array(PLUGIN_BATCH_MAX / 32);
  looked = 0;

  clear(): void {
    this.#bits.fill(0);
    this.looked = 0;
  }

  pass(index: number): void {
    this.#bits[index >>> 5] = (this.#bits[index >>> 5] as number) | (1 << (index & 31));
  }

  matches(_bytes: Uint8Array, _at: number, index: number): boolean {
    return ((this.#bits[index >>> 5] as number) & (1 << (index & 31))) !== 0;
  }

  load(words: Int32Array, at: number): void {
    for (let i = 0; i < this.#bits.length; i++) this.#bits[i] = words[at + i] as number;
  }

  store(words: Int32Array, at: number): void {
    for (let i = 0; i < this.#bits.length; i++) words[at + i] = this.#bits[i] as number;
  }
}

/** A shard's side. It owns its slots where they are FREE or DONE. */
export class ExchangePort {
  readonly #words: Int32Array;
  readonly #data: Uint8Array;
  readonly #shards: number;
  readonly #shard: number;

  constructor(memory: ExchangeMemory, shard: number) {
    this.#words = new Int32Array(memory.words);
    this.#data = new Uint8Array(memory.data);
    this.#shards = memory.shards;
    this.#shard = shard;
  }

  /** False: a batch of this shard's predecessor is still being judged there. */
  isFree(slot: number): boolean {
    const at = slotWords(this.#shards, this.#shard, slot) + STATE;
    // A predecessor's batch that nobody has claimed, or that is done, is nobody's: pairs with `claim`.
    Atomics.compareExchange(this.#words, at, SUBMITTED, FREE);
    Atomics.compareExchange(this.#words, at, DONE, FREE);
    return Atomics.load(this.#words, at) === FREE;
  }

  /** Hands over a batch that fits the slot, which is free. */
  submit(slot: number, group: Uint8Array, records: Uint8Array, length: number, count: number): void {
    const words = this.#words;
    const at = slotWords(this.#shards, this.#shard, slot);
    const to = slotData(this.#shard, slot);
    const groupBytes = Math.min(group.length, GROUP_BYTES_MAX);
    this.#data.set(groupBytes === group.length ? group : group.subarray(0, groupBytes), to);
    this.#data.set(records.length === length ? records : records.subarray(0, length), to + GROUP_BYTES_MAX);
    words[at + COUNT] = count;
    words[at + BYTES] = length;
    words[at + GROUP_BYTES] = groupBytes;
    // Publishes what was written above: pairs with the compare-exchange in `claim`.
    Atomics.store(words, at + STATE, SUBMITTED);
    // Pairs with the load in `bell` before a worker looks and waits: without it the batch would lie there until the next one.
    Atomics.add(words, BELL, 1);
    Atomics.notify(words, BELL);
  }

  /** Takes a batch back. False: a worker is at it; its verdict is to be waited for. */
  withdraw(slot: number): boolean {
    const at = slotWords(this.#shards, this.#shard, slot) + STATE;
    // Pairs with `claim`: one of the two gets it.
    return Atomics.compareExchange(this.#words, at, SUBMITTED, FREE) === SUBMITTED;
  }

  /** Takes the slot's verdicts, if they are there; the slot is free then. */
  take(slot: number, into: Verdicts): boolean {
    const words = this.#words;
    const at = slotWords(this.#shards, this.#shard, slot);
    // Pairs with the store in `done`.
    if (Atomics.load(words, at + STATE) !== DONE) return false;
    into.load(words, at + VERDICT);
    into.looked = words[at + LOOKED] as number;
    Atomics.store(words, at + STATE, FREE);
    return true;
  }

  /** The worker that claimed it does not come back: the batch is to be handed over in another slot. */
  isLost(slot: number): boolean {
    return Atomics.load(this.#words, slotWords(this.#shards, this.#shard, slot) + STATE) >= LOST;
  }

  /** To be read before the slots are looked at that `whenAnswered` is to tell of. */
  get replies(): number {
    // Pairs with the add in `done`.
    return Atomics.load(this.#words, REPLY_BELL + this.#shard);
  }

  /** Settles when a verdict has come since `replies` was `seen`; undefined: one has. */
  whenAnswered(seen: number): Promise<unknown> | undefined {
    // Pairs with the notify in `done`; the compare inside sees an add that came since.
    const wait = Atomics.waitAsync(this.#words, REPLY_BELL + this.#shard, seen);
    return wait.async ? wait.value : undefined;
  }

  /** Ends a wait that nobody needs any more. */
  endWait(): void {
    Atomics.notify(this.#words, REPLY_BELL + this.#shard);
  }

  /** True: nobody watches the worker yet; the caller has the supervisor do so. */
  wantsWatch(): boolean {
    // Pairs with `unwatch`: between the two exactly one shard sends for the supervisor.
    return Atomics.load(this.#words, WATCHED) === 0 && Atomics.compareExchange(this.#words, WATCHED, 0, 1) === 0;
  }
}

/** A worker's side. */
export class ExchangeDesk {
  readonly #words: Int32Array;
  readonly #data: Uint8Array;
  readonly #shards: number;
  readonly #generation: number;
  #next = 0;
  /** The claimed slot. */
  #slot = 0;
  #at = 0;

  constructor(memory: ExchangeMemory, generation: number) {
    this.#words = new Int32Array(memory.words);
    this.#data = new Uint8Array(memory.data);
    this.#shards = memory.shards;
    this.#generation = generation;
  }

  /** To be read before `claim` finds nothing and `whenRung` is called. */
  get bell(): number {
    // Pairs with the add in `submit` and in `serve`.
    return Atomics.load(this.#words, BELL);
  }

  whenRung(seen: number): Promise<unknown> | undefined {
    // Pairs with the notify in `submit`; the compare inside sees an add that came since.
    const wait = Atomics.waitAsync(this.#words, BELL, seen);
    return wait.async ? wait.value : undefined;
  }

  /** Takes a submitted batch, of all shards and slots in turn. False: there is none, or another version serves. */
  claim(): boolean {
    const words = this.#words;
    // Pairs with the store in `serve`.
    if (Atomics.load(words, SERVING) !== this.#generation) return false;
    const slots = this.#shards * PLUGIN_SLOTS;
    for (let i = 0; i < slots; i++) {
      const slot = (this.#next + i) % slots;
      const at = slotWords(this.#shards, 0, slot);
      // Pairs with `submit`, `withdraw` and the claims of other versions.
      if (Atomics.load(words, at + STATE) !== SUBMITTED) continue;
      if (Atomics.compareExchange(words, at + STATE, SUBMITTED, CLAIMED + this.#generation) !== SUBMITTED) continue;
      this.#next = slot + 1;
      this.#slot = slot;
      this.#at = at;
      return true;
    }
    return false;
  }

  /** Of the claimed batch. */
  get count(): number {
    return this.#words[this.#at + COUNT] as number;
  }

  get bytes(): number {
    return this.#words[this.#at + BYTES] as number;
  }

  /** Bytes of the group's name, in shared memory. */
  group(): Uint8Array {
    const from = this.#dataAt();
    return this.#data.subarray(from, from + (this.#words[this.#at + GROUP_BYTES] as number));
  }

  /** Copies the batch's records to the front of `target`: no plugin is given shared memory. */
  copyTo(target: Uint8Array): void {
    const from = this.#dataAt() + GROUP_BYTES_MAX;
    target.set(this.#data.subarray(from, from + this.bytes));
  }

  done(verdicts: Verdicts, passed: number): void {
    const words = this.#words;
    const at = this.#at;
    verdicts.store(words, at + VERDICT);
    words[at + LOOKED] = verdicts.looked;
    Atomics.add(words, JUDGED, verdicts.looked);
    Atomics.add(words, PASSED, passed);
    // Publishes the verdicts: pairs with the load in `take`. Not where the supervisor has given this worker up: pairs with `abandon`.
    Atomics.compareExchange(words, at + STATE, CLAIMED + this.#generation, DONE);
    const bell = REPLY_BELL + Math.floor(this.#slot / PLUGIN_SLOTS);
    // Pairs with the load in `replies`.
    Atomics.add(words, bell, 1);
    Atomics.notify(words, bell);
  }

  #dataAt(): number {
    return slotData(Math.floor(this.#slot / PLUGIN_SLOTS), this.#slot % PLUGIN_SLOTS);
  }
}

/** The supervisor's side. */
export class ExchangeWatch {
  readonly #words: Int32Array;
  readonly #shards: number;

  constructor(memory: ExchangeMemory) {
    this.#words = new Int32Array(memory.words);
    this.#shards = memory.shards;
  }

  /** From now on this generation claims; 0: none. */
  serve(generation: number): void {
    // Pairs with the load in `claim`.
    Atomics.store(this.#words, SERVING, generation);
    Atomics.add(this.#words, BELL, 1);
    Atomics.notify(this.#words, BELL);
  }

  /** A batch waits for a worker. */
  get hasWaiting(): boolean {
    return this.#some((state) => state === SUBMITTED);
  }

  /** A worker of this generation is at a batch. */
  isAtWork(generation: number): boolean {
    return this.#some((state) => state === CLAIMED + generation);
  }

  /** What a worker that has ended was at, is there for another. */
  reclaim(generation: number): void {
    for (let slot = 0; slot < this.#shards * PLUGIN_SLOTS; slot++) {
      const at = slotWords(this.#shards, 0, slot) + STATE;
      // Its worker does no more; pairs with the claim of the next one.
      Atomics.compareExchange(this.#words, at, CLAIMED + generation, SUBMITTED);
      Atomics.compareExchange(this.#words, at, LOST + generation, FREE);
    }
    Atomics.add(this.#words, BELL, 1);
    Atomics.notify(this.#words, BELL);
  }

  /** A worker that cannot be ended: what it is at is taken from it, and its slot is not used while it lives. */
  abandon(generation: number): void {
    for (let slot = 0; slot < this.#shards * PLUGIN_SLOTS; slot++) {
      // Pairs with the compare-exchange in `done`.
      Atomics.compareExchange(this.#words, slotWords(this.#shards, 0, slot) + STATE, CLAIMED + generation, LOST + generation);
    }
    for (let shard = 0; shard < this.#shards; shard++) {
      Atomics.add(this.#words, REPLY_BELL + shard, 1);
      Atomics.notify(this.#words, REPLY_BELL + shard);
    }
  }

  /** Shards send for the supervisor again from here on: it looks once more at what waits. */
  unwatch(): void {
    Atomics.store(this.#words, WATCHED, 0);
  }

  /** Messages judged, and let through, since the start; they wrap at 2^32. */
  get judged(): number {
    return Atomics.load(this.#words, JUDGED) >>> 0;
  }

  get passed(): number {
    return Atomics.load(this.#words, PASSED) >>> 0;
  }

  #some(test: (state: number) => boolean): boolean {
    for (let slot = 0; slot < this.#shards * PLUGIN_SLOTS; slot++) {
      if (test(Atomics.load(this.#words, slotWords(this.#shards, 0, slot) + STATE))) return true;
    }
    return false;
  }
}

/** The records at the front that one batch takes: one at least. */
export function fitting(bytes: Uint8Array, length: number, room: number): { count: number; length: number } {
  let count = 0;
  let at = 0;
  while (at < length && count < PLUGIN_BATCH_MAX) {
    const size = readInt32(bytes, at);
    if (count > 0 && at + size > room) break;
    at += size;
    count++;
  }
  return { count, length: at };
}
