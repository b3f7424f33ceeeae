/**
 * Plugin door: a shard's way to the filter plugins: gives a batch of records to each of the plugins it has to pass, one after the other, and tells what
 * is left. One a shard. It keeps its own copy of what it gives away, and takes only yes and no. Whoever has records to be judged asks first whether
 * there is room, and waits for it without the records; so what waits is a bounded number of batches.
 * A batch whose time is over, or that a parked plugin holds back, is told as `held`: nothing of it was decided.
 */
import { copyBytes } from '../../model/copy-bytes.ts';
import { readInt32 } from '../../model/message-record.ts';
import type { ActorRef } from '../../runtime/actor.ts';
import type { PollSource, ThreadContext } from '../../runtime/thread/thread-context.ts';
import { pluginNameFault } from './plugin-binding.ts';
import { type ExchangeMemory, ExchangePort, fitting, PLUGIN_BATCH_BYTES, PLUGIN_SLOTS, slotRoom, Verdicts } from './plugin-exchange.ts';
import { PluginLine } from './plugin-line.ts';
import { PLUGINS_PATH, type PluginStanding, type PluginState, type WatchPlugins } from './plugin-messages.ts';
import { type Kept, keepRecords, type RecordTest } from './record-filter.ts';

/** Looked at so often while something waits: deadlines, and whoever was forgotten. */
const LOOK_EVERY_MS = 50;
/** Batches of one plugin that wait for a slot with their records: those that were being read when the slots went. */
const WAITING_MAX = 64;
const BUFFERS_MAX = 2 * PLUGIN_SLOTS;
const NAMES_SHOWN_MAX = 8;

const ALL: RecordTest = { matches: () => true };
const HELD: Kept = { length: 0, count: -1, next: -1 };

/** What is left of a batch at its buffer's front; a count of −1: held, nothing was decided. The result is reused from call to call. */
export type Judged = (kept: Kept) => void;

type Job = {
  readonly plugins: readonly string[];
  readonly group: Uint8Array;
  readonly bytes: Uint8Array;
  readonly max: number;
  readonly bytesMax: number;
  readonly deadlineMs: number;
  readonly done: Judged;
  /** Of `plugins`: who is to judge now. */
  step: number;
  length: number;
  /** The pull goes on at this offset; −1: behind all that was given. */
  next: number;
};

type Lane = {
  readonly name: string;
  readonly place: number;
  readonly port: ExchangePort;
  standing: PluginStanding;
  /** What is in each slot; `null`: nothing of ours. */
  readonly slots: (Job | null)[];
  /** Batches that were given up while a worker was at them: their slots are not free before it is done. */
  readonly abandoned: Set<number>;
  readonly waiting: Job[];
  seen: number;
  isArmed: boolean;
};

export class PluginDoor implements PollSource {
  readonly #thread: ThreadContext;
  readonly #shard: number;
  readonly #exchanges: readonly ExchangeMemory[];
  readonly #lanes: Map<string, Lane> = new Map();
  readonly #line = new PluginLine();
  readonly #groups: Map<string, Uint8Array> = new Map();
  readonly #buffers: Uint8Array[] = [];
  readonly #verdicts = new Verdicts();
  readonly #supervisor: ActorRef<WatchPlugins>;
  #isLooking = false;
  /** All plugins of the start are known: one that is not does not exist. */
  complete = false;

  constructor(thread: ThreadContext, shard: number, exchanges: readonly ExchangeMemory[]) {
    this.#thread = thread;
    this.#shard = shard;
    this.#exchanges = exchanges;
    this.#supervisor = thread.ref<WatchPlugins>(PLUGINS_PATH);
    if (exchanges.length > 0) thread.addSource(this);
  }

  /** What the supervisor says of a plugin. */
  set(state: PluginState): void {
    let lane = this.#lanes.get(state.plugin);
    if (lane === undefined) {
      lane = {
        name: state.plugin,
        place: state.place,
        port: new ExchangePort(this.#exchanges[state.place]!, this.#shard),
        standing: state.standing,
        slots: new Array<Job | null>(PLUGIN_SLOTS).fill(null),
        abandoned: new Set(),
        waiting: [],
        seen: 0,
        isArmed: false,
      };
      this.#lanes.set(state.plugin, lane);
    }
    lane.standing = state.standing;
    if (state.standing !== 'up') this.#clear(lane);
    this.#wakeLine(lane.name);
    this.#thread.requestTurn();
  }

  /** Null for a plugin that is there; else what to say to whoever names it. */
  fault(name: string): string | null {
    const standing = this.#lanes.get(name)?.standing;
    if (standing !== undefined && standing !== 'gone') return null;
    const known = [...this.#lanes.values()].filter((lane) => lane.standing !== 'gone').map((lane) => lane.name);
    const shown = known.slice(0, NAMES_SHOWN_MAX).join(', ') + (known.length > NAMES_SHOWN_MAX ? ' …' : '');
    const named = name.length > 64 ? `${name.slice(0, 64)}…` : name;
    return `there is no filter plugin ${JSON.stringify(named)}; put its file into pluginDir${shown === '' ? '' : ` (there are: ${shown})`}`;
  }

  /** Null when a topic or a group may be bound to the plugin; else why not. While the broker starts, any name may be right. */
  bindingFault(name: string): string | null {
    if (this.#exchanges.length === 0) return 'this broker has no filter plugins (pluginsMax is 0)';
    return pluginNameFault(name) ?? (this.complete ? this.fault(name) : null);
  }

  /** Whether one of the plugins holds everything back. */
  isHeld(plugins: readonly string[]): boolean {
    return plugins.some((name) => {
      const standing = this.#lanes.get(name)?.standing;
      return standing !== 'up' && standing !== 'pass';
    });
  }

  /** Whether records may be brought for these plugins now. */
  isReady(plugins: readonly string[]): boolean {
    return this.#obstacle(plugins) === null;
  }

  /** Runs `run` when `isReady`, in the order of the calls, or with false at the deadline (monotonic ms). */
  whenReady(plugins: readonly string[], deadlineMs: number, run: (isReady: boolean) => void): void {
    const obstacle = this.#obstacle(plugins) ?? (plugins[0] as string);
    this.#line.add(obstacle, { plugins, deadlineMs, run });
    this.#lookLater();
  }

  /** Room for `bytes` of records to be judged; given back by `judge`, or with `giveBack`. */
  buffer(bytes: number): Uint8Array {
    if (bytes > PLUGIN_BATCH_BYTES) return new Uint8Array(bytes);
    return this.#buffers.pop() ?? Buffer.allocUnsafeSlow(PLUGIN_BATCH_BYTES);
  }

  giveBack(buffer: Uint8Array): void {
    if (buffer.length === PLUGIN_BATCH_BYTES && this.#buffers.length < BUFFERS_MAX) this.#buffers.push(buffer);
  }

  /**
   * Has the records at the front of `bytes`, which came from `buffer`, judged for `group`; `done` is called once, maybe during this call, with at most
   * `max` of those that all plugins let through, together `bytesMax` but one at least.
   */
  judge(
    plugins: readonly string[],
    group: string,
    bytes: Uint8Array,
    length: number,
    max: number,
    bytesMax: number,
    deadlineMs: number,
    done: Judged,
  ): void {
    this.#step({ plugins, group: this.#groupBytes(group), bytes, max, bytesMax, deadlineMs, done, step: 0, length, next: -1 });
  }

  poll(): boolean {
    let isMore = false;
    for (const lane of this.#lanes.values()) if (this.#isOut(lane) && this.#collect(lane)) isMore = true;
    return isMore;
  }

  #obstacle(plugins: readonly string[]): string | null {
    for (const name of plugins) {
      const lane = this.#lanes.get(name);
      if (lane?.standing === 'pass') continue;
      if (lane?.standing !== 'up' || lane.waiting.length > 0 || this.#freeSlots(lane) === 0) return name;
    }
    return null;
  }

  #freeSlots(lane: Lane): number {
    let free = 0;
    for (let slot = 0; slot < PLUGIN_SLOTS; slot++) if (lane.slots[slot] === null && !lane.abandoned.has(slot)) free++;
    return free;
  }

  #isOut(lane: Lane): boolean {
    return lane.abandoned.size > 0 || lane.slots.some((job) => job !== null);
  }

  /** Goes on to the next plugin that the job has to pass. */
  #step(job: Job): void {
    for (;;) {
      const name = job.plugins[job.step];
      if (name === undefined || job.length === 0) {
        this.#finish(job, this.#rest(job, ALL, Number.MAX_SAFE_INTEGER, job.max, job.bytesMax));
        return;
      }
      const lane = this.#lanes.get(name);
      if (lane?.standing === 'up' && lane.waiting.length < WAITING_MAX) {
        lane.waiting.push(job);
        this.#fill(lane);
        this.#lookLater();
        return;
      }
      if (lane?.standing !== 'pass') {
        this.#finish(job, HELD);
        return;
      }
      job.step++;
    }
  }

  /** Keeps what passes, and remembers where the pull goes on. */
  #rest(job: Job, test: RecordTest, looked: number, max: number, bytesMax: number): Kept {
    const kept = keepRecords(test, job.bytes, 0, job.length, max, bytesMax, looked);
    if (kept.next >= 0) job.next = kept.next;
    job.length = kept.length;
    kept.next = job.next;
    return kept;
  }

  #finish(job: Job, kept: Kept): void {
    job.done(kept);
    this.giveBack(job.bytes);
  }

  /** Hands over what waits, as far as there are slots. */
  #fill(lane: Lane): void {
    while (lane.waiting.length > 0) {
      const job = lane.waiting[0]!;
      const isLarge = readInt32(job.bytes, 0) > PLUGIN_BATCH_BYTES;
      let slot = isLarge ? 0 : PLUGIN_SLOTS - 1;
      while (slot >= 0 && !(lane.slots[slot] === null && !lane.abandoned.has(slot) && lane.port.isFree(slot))) slot--;
      if (slot < 0) return;
      lane.waiting.shift();
      lane.slots[slot] = job;
      const { count, length } = fitting(job.bytes, job.length, slotRoom(slot));
      lane.port.submit(slot, job.group, job.bytes, length, count);
      this.#arm(lane);
      if (lane.port.wantsWatch()) this.#sendForSupervisor();
    }
  }

  #sendForSupervisor(): void {
    // A ring without room: nobody else will send for it, so it is tried until it has gone.
    if (!this.#supervisor.tell({ kind: 'watch-plugins' })) this.#thread.schedule(1, () => this.#sendForSupervisor());
    this.#thread.requestTurn();
  }

  #arm(lane: Lane): void {
    if (lane.isArmed) return;
    const answered = lane.port.whenAnswered(lane.seen);
    if (answered === undefined) {
      this.#thread.requestTurn();
      return;
    }
    lane.isArmed = true;
    void answered.then(() => {
      lane.isArmed = false;
      this.#thread.requestTurn();
    });
  }

  /** Takes the verdicts that have come. True: more may have come meanwhile. */
  #collect(lane: Lane): boolean {
    const seen = lane.port.replies;
    if (seen === lane.seen) {
      this.#arm(lane);
      return false;
    }
    lane.seen = seen;
    for (let slot = 0; slot < PLUGIN_SLOTS; slot++) {
      const job = lane.slots[slot] as Job | null;
      if (job === null && !lane.abandoned.has(slot)) continue;
      if (job !== null && lane.port.isLost(slot)) {
        lane.slots[slot] = null;
        lane.abandoned.add(slot);
        lane.waiting.unshift(job);
        continue;
      }
      if (!lane.port.take(slot, this.#verdicts)) continue;
      lane.slots[slot] = null;
      if (lane.abandoned.delete(slot) || job === null) continue;
      const { count } = fitting(job.bytes, job.length, slotRoom(slot));
      const looked = Math.min(Math.max(1, this.#verdicts.looked), count);
      const isLast = job.step === job.plugins.length - 1;
      job.step++;
      const kept = this.#rest(
        job,
        this.#verdicts,
        looked,
        isLast ? job.max : Number.MAX_SAFE_INTEGER,
        isLast ? job.bytesMax : Number.MAX_SAFE_INTEGER,
      );
      if (isLast || kept.count === 0) this.#finish(job, kept);
      else this.#step(job);
    }
    this.#fill(lane);
    this.#wakeLine(lane.name);
    if (this.#isOut(lane)) this.#arm(lane);
    return true;
  }

  /** The plugin judges no more: what it has is taken back. */
  #clear(lane: Lane): void {
    const jobs = lane.waiting.splice(0);
    for (let slot = 0; slot < PLUGIN_SLOTS; slot++) {
      const job = lane.slots[slot] as Job | null;
      if (job === null) continue;
      lane.slots[slot] = null;
      if (!lane.port.withdraw(slot)) lane.abandoned.add(slot);
      jobs.push(job);
    }
    for (const job of jobs) this.#step(job);
  }

  #wakeLine(name: string): void {
    const lane = this.#lanes.get(name);
    if (lane === undefined || this.#line.isEmpty) return;
    const room = lane.standing === 'pass' ? Number.MAX_SAFE_INTEGER : lane.standing === 'up' ? this.#freeSlots(lane) : 0;
    const woken = this.#line.take(name, room);
    for (const { plugins, deadlineMs, run } of woken) {
      if (this.isReady(plugins)) run(true);
      else this.whenReady(plugins, deadlineMs, run);
    }
  }

  #lookLater(): void {
    if (this.#isLooking) return;
    this.#isLooking = true;
    this.#thread.schedule(LOOK_EVERY_MS, () => {
      this.#isLooking = false;
      this.#look(this.#thread.monotonicMs());
      const hasWork = !this.#line.isEmpty || [...this.#lanes.values()].some((lane) => lane.waiting.length > 0 || this.#isOut(lane));
      if (hasWork) this.#lookLater();
      this.#thread.requestTurn();
    });
  }

  /** Ends what has waited too long. */
  #look(nowMs: number): void {
    for (const lane of this.#lanes.values()) {
      const late = lane.waiting.filter((job) => job.deadlineMs <= nowMs);
      for (const job of late) lane.waiting.splice(lane.waiting.indexOf(job), 1);
      for (let slot = 0; slot < PLUGIN_SLOTS; slot++) {
        const job = lane.slots[slot] as Job | null;
        if (job === null || job.deadlineMs > nowMs) continue;
        lane.slots[slot] = null;
        if (!lane.port.withdraw(slot)) lane.abandoned.add(slot);
        late.push(job);
      }
      // Its worker has died, and nobody wants to know.
      for (const slot of lane.abandoned) if (lane.port.isFree(slot)) lane.abandoned.delete(slot);
      for (const job of late) this.#finish(job, HELD);
      this.#fill(lane);
    }
    for (const name of this.#line.names()) {
      for (const { run } of this.#line.takeLate(name, nowMs)) run(false);
      this.#wakeLine(name);
    }
  }

  #groupBytes(group: string): Uint8Array {
    let bytes = this.#groups.get(group);
    if (bytes !== undefined) return bytes;
    bytes = Buffer.from(group);
    if (this.#groups.size >= 1024) this.#groups.clear();
    this.#groups.set(group, bytes);
    return bytes;
  }
}

/** Copies records that lie elsewhere into a buffer of the door. */
export function copyRecords(door: PluginDoor, bytes: Uint8Array, start: number, end: number): Uint8Array {
  const buffer = door.buffer(end - start);
  copyBytes(bytes, start, end, buffer, 0);
  return buffer;
}
