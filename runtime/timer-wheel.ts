/**
 * Hierarchical timing wheel (pure): what is due when, by ticks of 1 ms. One a thread. Scheduling and cancelling cost the same for
 * ten timers and for a hundred thousand; memory is one pool of slots that grows by doubling up to `timersMax`.
 *
 *   level 0   256 slots of 1 ms           level 2   64 slots of 16 384 ms
 *   level 1    64 slots of 256 ms         level 3   64 slots of 1 048 576 ms   (18.6 h; what is later waits in the last slot)
 *
 * Fails by RuntimeError when `timersMax` timers are pending.
 * Source: G. Varghese, T. Lauck, "Hashed and Hierarchical Timing Wheels", 1987.
 */
import { RuntimeError } from './errors.ts';

const LEVEL_SHIFT = [0, 8, 14, 20];
const LEVEL_FIRST = [0, 256, 320, 384];
const SLOTS = 448;
const SPAN = 2 ** 26;
const NONE = -1;
const INDEX_LIMIT = 2 ** 22;

export class TimerWheel<T> {
  readonly #timersMax: number;
  #tick: number;
  #count = 0;
  readonly #levelCount = [0, 0, 0, 0];
  /** Newest timer of each slot; lists are doubly linked by pool index. */
  readonly #slotHead = new Int32Array(SLOTS).fill(NONE);
  #next = new Int32Array(64);
  #previous = new Int32Array(64);
  #slot = new Int32Array(64).fill(NONE);
  #uses = new Int32Array(64);
  #due = new Float64Array(64);
  #payload: (T | undefined)[] = [];
  #free = NONE;
  #made = 0;
  /** Timers taken out of their slot and not yet fired, so that a payload may cancel its neighbours. */
  #firing: number[] = [];
  /** A timer scheduled while its own tick fires goes to the next one: it cannot keep a tick for ever. */
  #inTick = false;

  /** @param startMs time of the first tick. @param timersMax pending at once, at most 2^22. */
  constructor(startMs: number, timersMax = 2 ** 20) {
    this.#tick = Math.floor(startMs);
    this.#timersMax = Math.min(timersMax, INDEX_LIMIT);
  }

  get size(): number {
    return this.#count;
  }

  /** Fires `payload` at the first `advance` to `dueMs` or later. The id is never 0 and not used again for 2^31 uses of its slot. */
  schedule(dueMs: number, payload: T): number {
    if (this.#count >= this.#timersMax) {
      throw new RuntimeError('MQ_RUNTIME_LIMIT', `No more than ${this.#timersMax} timers may be pending on one thread`, {
        timersMax: this.#timersMax,
      });
    }
    const index = this.#take();
    this.#due[index] = Math.ceil(Number.isFinite(dueMs) ? dueMs : Number.MAX_SAFE_INTEGER);
    this.#payload[index] = payload;
    this.#count++;
    this.#insert(index);
    return ((this.#uses[index] as number) + 1) * INDEX_LIMIT + index;
  }

  /** False: fired, cancelled or never known. */
  cancel(id: number): boolean {
    const index = id % INDEX_LIMIT;
    if (index >= this.#made || ((this.#uses[index] as number) + 1) * INDEX_LIMIT + index !== id) return false;
    if (this.#payload[index] === undefined) return false;
    if (this.#slot[index] !== NONE) this.#unlink(index);
    this.#release(index);
    return true;
  }

  /** Takes all timers due at `nowMs` to `fire`, earlier ones first, those scheduled together in their order. */
  advance(nowMs: number, fire: (payload: T) => void): number {
    const target = Math.floor(nowMs);
    // Left behind by a payload that threw.
    let fired = this.#firing.length > 0 ? this.#fireBatch(fire) : 0;
    while (this.#tick <= target) {
      if (this.#count === 0) {
        this.#tick = target + 1;
        break;
      }
      if (this.#levelCount[0] === 0) {
        // Nothing before the next cascade that has something: go there at once.
        const width = this.#levelCount[1] !== 0 ? 2 ** 8 : this.#levelCount[2] !== 0 ? 2 ** 14 : 2 ** 20;
        this.#tick = Math.min((Math.floor(this.#tick / width) + 1) * width, target + 1);
      } else {
        this.#inTick = true;
        try {
          fired += this.#runTick(fire);
        } finally {
          this.#inTick = false;
          this.#tick++;
        }
      }
      this.#cascade();
    }
    return fired;
  }

  /** A time before which nothing is due (never later than the first timer); undefined: no timer. */
  nextMs(): number | undefined {
    if (this.#count === 0) return undefined;
    if (this.#firing.length > 0) return this.#tick;
    let first = this.#tick + SPAN;
    if ((this.#levelCount[0] as number) > 0) {
      let ahead = 0;
      while (ahead < 256 && this.#slotHead[(this.#tick + ahead) % 256] === NONE) ahead++;
      first = this.#tick + ahead;
    }
    // A coarser level's slot may begin before what a finer level holds. Its own first slot has been emptied: see #cascade.
    for (let level = 1; level < 4; level++) {
      if (this.#levelCount[level] === 0) continue;
      const width = 2 ** (LEVEL_SHIFT[level] as number);
      const here = Math.floor(this.#tick / width);
      let ahead = 1;
      while (ahead < 64 && this.#slotHead[(LEVEL_FIRST[level] as number) + ((here + ahead) % 64)] === NONE) ahead++;
      first = Math.min(first, (here + ahead) * width);
    }
    return first;
  }

  #runTick(fire: (payload: T) => void): number {
    const slot = this.#tick % 256;
    let index = this.#slotHead[slot] as number;
    if (index === NONE) return 0;
    const batch = this.#firing;
    while (index !== NONE) {
      const next = this.#next[index] as number;
      this.#unlink(index);
      batch.push(index);
      index = next;
    }
    return this.#fireBatch(fire);
  }

  /** A slot's list is newest first and equals fire in order of scheduling: taken from its end. */
  #fireBatch(fire: (payload: T) => void): number {
    const batch = this.#firing;
    let fired = 0;
    while (batch.length > 0) {
      const at = batch.pop() as number;
      const payload = this.#payload[at];
      // Cancelled by one that fired before it in this very tick (its slot may be in use again, then it is linked).
      if (payload === undefined || this.#slot[at] !== NONE) continue;
      this.#release(at);
      fired++;
      fire(payload);
    }
    return fired;
  }

  /** At the first tick of a level's slot its timers move to finer levels. */
  #cascade(): void {
    for (let level = 1; level < 4; level++) {
      const width = 2 ** (LEVEL_SHIFT[level] as number);
      if (this.#tick % width !== 0) return;
      if (this.#levelCount[level] === 0) continue;
      const slot = (LEVEL_FIRST[level] as number) + (Math.floor(this.#tick / width) % 64);
      let index = this.#slotHead[slot] as number;
      let last = NONE;
      while (index !== NONE) {
        last = index;
        index = this.#next[index] as number;
      }
      // Oldest first, so that the order of scheduling survives the move.
      while (last !== NONE) {
        const previous = this.#previous[last] as number;
        this.#unlink(last);
        this.#insert(last);
        last = previous;
      }
    }
  }

  #insert(index: number): void {
    const due = Math.max(this.#due[index] as number, this.#inTick ? this.#tick + 1 : this.#tick);
    const ahead = due - this.#tick;
    let slot: number;
    if (ahead < 256) slot = due % 256;
    else if (ahead < 2 ** 14) slot = 256 + (Math.floor(due / 2 ** 8) % 64);
    else if (ahead < 2 ** 20) slot = 320 + (Math.floor(due / 2 ** 14) % 64);
    else slot = 384 + (Math.floor(Math.min(due, this.#tick + SPAN - 2 ** 20) / 2 ** 20) % 64);
    const head = this.#slotHead[slot] as number;
    this.#next[index] = head;
    this.#previous[index] = NONE;
    if (head !== NONE) this.#previous[head] = index;
    this.#slotHead[slot] = index;
    this.#slot[index] = slot;
    const level = levelOf(slot);
    this.#levelCount[level] = (this.#levelCount[level] as number) + 1;
  }

  #unlink(index: number): void {
    const slot = this.#slot[index] as number;
    const next = this.#next[index] as number;
    const previous = this.#previous[index] as number;
    if (next !== NONE) this.#previous[next] = previous;
    if (previous !== NONE) this.#next[previous] = next;
    else this.#slotHead[slot] = next;
    this.#slot[index] = NONE;
    const level = levelOf(slot);
    this.#levelCount[level] = (this.#levelCount[level] as number) - 1;
  }

  #take(): number {
    if (this.#free !== NONE) {
      const index = this.#free;
      this.#free = this.#next[index] as number;
      return index;
    }
    if (this.#made === this.#next.length) this.#grow();
    return this.#made++;
  }

  #release(index: number): void {
    this.#payload[index] = undefined;
    this.#uses[index] = ((this.#uses[index] as number) + 1) & 0x7ffffff;
    this.#next[index] = this.#free;
    this.#free = index;
    this.#count--;
  }

  #grow(): void {
    const length = this.#next.length * 2;
    const grow = (old: Int32Array): Int32Array<ArrayBuffer> => {
      const grown = new Int32Array(length);
      grown.set(old);
      return grown;
    };
    this.#next = grow(this.#next);
    this.#previous = grow(this.#previous);
    this.#slot = grow(this.#slot).fill(NONE, this.#slot.length);
    this.#uses = grow(this.#uses);
    const due = new Float64Array(length);
    due.set(this.#due);
    this.#due = due;
  }
}

function levelOf(slot: number): number {
  return slot < 256 ? 0 : slot < 320 ? 1 : slot < 384 ? 2 : 3;
}
