/**
 * Timing wheel: delivers timed messages at their millisecond. One a broker, at `timer-wheel`, on the first shard, beside the delay levels'
 * timer. The wheel is what the units of the timer topic's queue say, which carry the times: the next of them are in memory, bounded, the
 * others sorted in files that are read ahead (`wheel-files-actor.ts`), on a thread that may block.
 *
 * A record is fetched shortly before its time and stored at its destination when the clock says so, never before. Delivered is what the log
 * has stored, in synchronous flush what is on the disk. What is settled is saved (config/timerWheel.json) a while after a change and
 * at the stop; after a crash what was delivered since comes again, nothing is left out. A message whose topic was deleted meanwhile, or
 * whose record is damaged or gone, is dropped, and told. What the log refuses is tried again. Of a clock that was set back see `#rewind`.
 * Source: RocketMQ 5.4 `TimerMessageStore`.
 */
import { TIMER_TOPIC } from '../../model/topic.ts';
import type { Actor, ActorContext, ActorRef, TimerId } from '../../runtime/actor.ts';
import { QUEUE_UNIT_BYTES, unitPhysicalOffset, unitSize, unitTime } from '../../storage/consume-queue/queue-unit.ts';
import { comesBefore, isRecallKey, keyTime, timerKey } from '../../storage/timer/timer-unit.ts';
import type { Place } from '../message/record-source.ts';
import type { QueueTable } from '../queue/queue-table.ts';
import type { ReadUnits, UnitsRead } from '../store/reader-actor.ts';
import { isMessage } from './decide-delivery.ts';
import { FlightLedger } from './flight-ledger.ts';
import { parseJavaTimerCheck } from './java-timer-check.ts';
import { NearTimers } from './near-timers.ts';
import { type SaverMessage, TableSaver } from './table-saver.ts';
import {
  currentMarks,
  FIRST_CHECKPOINT,
  marksAfterRewind,
  parseWheel,
  type SettledMark,
  WHEEL_FILE,
  type WheelCheckpoint,
  wheelText,
} from './wheel-checkpoint.ts';
import type { WheelCounts } from './wheel-counts.ts';
import { type DeliveryParts, WheelDelivery } from './wheel-delivery.ts';
import { WheelFetches } from './wheel-fetches.ts';
import type {
  CountTimers,
  IndexTimers,
  TakeTimers,
  TimersCounted,
  TimersIndexed,
  TimersTaken,
  WheelCommand,
  WheelSaved,
  WheelTold,
  WheelUnits,
} from './wheel-messages.ts';

type Private =
  | { readonly kind: 'look' }
  | { readonly kind: 'turn' }
  | { readonly kind: 'wake' }
  | { readonly kind: 'units'; readonly offset: number; readonly units: Uint8Array | null }
  | { readonly kind: 'counted'; readonly life: number; readonly counted: TimersCounted | null }
  | { readonly kind: 'taken'; readonly life: number; readonly taken: TimersTaken | null }
  | { readonly kind: 'indexed'; readonly indexed: number }
  | { readonly kind: 'answers'; readonly life: number }
  | { readonly kind: 'records'; readonly life: number; readonly batch: number; readonly records: Uint8Array | null }
  | SaverMessage;

export type WheelParts = Pick<DeliveryParts, 'topics' | 'append' | 'rollAfterMs'> & {
  readonly table: QueueTable;
  /** End of what readers see of the log. */
  readonly visibleEnd: () => number;
  /** The records at these places, in the log's order, those that are no more left out; null: ask again. Calls back at once or later. */
  readonly view: (places: readonly Place[], onRecords: (records: Uint8Array | null) => void) => void;
  /** From now on `arrived` is told when something comes to the queue. */
  readonly watch: (handle: number) => void;
  /** The parsed table as it was saved last; null: there is none. Throws when it cannot be read. */
  readonly load: () => unknown;
  /** The bytes of a Java broker's timercheck; null: there is none. */
  readonly loadJavaCheck: () => Uint8Array | null;
  readonly sync: boolean;
  readonly saveEveryMs: number;
  readonly reader: string;
  readonly files: string;
  readonly store?: string;
  /** Written by the wheel, read by who counts for the metrics. */
  readonly counts: WheelCounts;
  readonly limits?: WheelLimits;
};

export type WheelLimits = {
  /** Timers in memory: beyond it the later half is forgotten, the files have them. */
  readonly nearMax: number;
  /** Fewer are filled up from the files. */
  readonly nearLeast: number;
  /** Units that are in no file. */
  readonly indexLeast: number;
};

const LIMITS: WheelLimits = { nearMax: 131_072, nearLeast: 32_768, indexLeast: 65_536 };
/** As far ahead the files are asked. */
const AHEAD_MS = 15_000;
const TAKE_AHEAD_MS = 60_000;
/** Taken off the wheel and not settled. */
const FLIGHTS_MAX = 16_384;
/** Units seen in one turn. */
const SCAN_MAX = 4_096;
const SCAN_PAGE = 256;
/** The wall clock may be set: a longer wait is looked at in between. */
const WAIT_MS_MAX = 1_000;
const LOOK_MS = 5_000;
const START_LOOK_MS = 20;
const AGAIN_MS = 5;
const FILES_AGAIN_MS = 1_000;
const ASK_MAX_MS = 5_000;
/** A count may read all files; a reader that died is asked again. */
const COUNT_MAX_MS = 30_000;
/** A clock that stands further behind what the wheel has reached was set back. */
const BACK_MS = 2_000;

export class WheelActor implements Actor<WheelCommand | Private> {
  readonly #parts: WheelParts;
  readonly #limits: WheelLimits;
  #handle = -1;
  #former: readonly SettledMark[] = [];
  #ledger!: FlightLedger;
  #delivery!: WheelDelivery;
  #fetches!: WheelFetches;
  #near: NearTimers = new NearTimers();
  /** Everything up to here is in `#near`, unless it is settled or flies. */
  #nearKey = Number.POSITIVE_INFINITY;
  #nearPhysical = 0;
  /** Offset of the first unit that was not seen, and the end of the record of the last one that was. */
  #scanned = 0;
  #scannedEnd = 0;
  /** Where the own mark ended at the beginning: so it stays until all is in memory that came late before that. */
  #beginEnd = 0;
  #indexed = 0;
  #isIndexing = false;
  #isReading = false;
  /** Where the taking under way ends at most; null: none is. */
  #takenUntil: number | null = null;
  /** Monotonic ms before which none begins: the files gave no answer. */
  #takeFrom = 0;
  #isOpen = false;
  #pending = 0;
  #parked = 0;
  #counter = 0;
  #saver: TableSaver<ActorRef<WheelSaved>> | null = null;
  /** What was begun before the wheel began anew may still be answered. */
  #life = 0;
  #timer: TimerId | null = null;
  #timerAt = 0;
  #isTurnTold = false;
  /** Of wheels before this one. */
  readonly #before = { delivered: 0, recalled: 0 };
  #rates = { parkedRate: 0, deliveredRate: 0 };
  #rated = { atMs: Number.NEGATIVE_INFINITY, parked: 0, delivered: 0 };
  readonly #units = new Uint8Array(SCAN_PAGE * QUEUE_UNIT_BYTES);

  constructor(parts: WheelParts) {
    this.#parts = parts;
    this.#limits = parts.limits ?? LIMITS;
  }

  started(context: ActorContext): void {
    const { sync, saveEveryMs, store } = this.#parts;
    const text = (now: ActorContext): string => wheelText(this.#checkpoint(), now.now());
    const cost = 'what was delivered since the last save would come again after a crash';
    this.#saver = new TableSaver({ name: WHEEL_FILE, text, sync, saveEveryMs, store, cost }, context, (replyTo) =>
      replyTo.tell({ kind: 'wheel-saved' }),
    );
    this.#life = context.monotonicMs();
    this.#look(context);
  }

  receive(message: WheelCommand | Private, context: ActorContext): void {
    switch (message.kind) {
      case 'arrived':
      case 'turn':
        if (message.kind === 'turn') this.#isTurnTold = false;
        this.#turn(context);
        return;
      case 'wake':
        this.#timer = null;
        this.#turn(context);
        return;
      case 'look':
        this.#look(context);
        return;
      case 'units':
        this.#onUnits(message, context);
        return;
      case 'counted':
        if (message.life === this.#life) this.#onCounted(message.counted, context);
        return;
      case 'taken':
        if (message.life === this.#life) this.#onTaken(message.taken, context);
        return;
      case 'indexed':
        this.#isIndexing = false;
        if (message.indexed > this.#indexed) {
          this.#indexed = message.indexed;
          this.#index(context);
        }
        return;
      case 'records':
        if (message.life !== this.#life) return;
        this.#fetches.answered(message.batch, message.records, context.now());
        if (message.records === null) this.#wakeIn(AGAIN_MS, context);
        this.#turn(context);
        return;
      case 'answers': {
        if (message.life !== this.#life) return;
        const againMs = this.#delivery.answered();
        if (againMs > 0) this.#wakeIn(againMs, context);
        this.#turn(context);
        return;
      }
      case 'save-wheel':
        this.#saver!.hurry(message.replyTo, context);
        return;
      case 'query-wheel':
        message.replyTo.tell(this.#told(context));
        return;
      case 'save-due':
      case 'saved':
        this.#saver!.receive(message, context);
        return;
    }
  }

  /** Waits for the timer topic; then for what a lost notice did not tell. */
  #look(context: ActorContext): void {
    const { topics, table, watch, load } = this.#parts;
    const handle = topics.get(TIMER_TOPIC)?.queueHandles[0] ?? -1;
    if (this.#handle < 0 && handle >= 0) {
      this.#handle = handle;
      watch(handle);
      const parsed = load();
      const saved: WheelCheckpoint = parsed === null ? FIRST_CHECKPOINT : parseWheel(parsed);
      this.#counter = saved.counter;
      this.#begin(saved.marks, table.next(handle) === table.min(handle), context);
    }
    this.#turn(context);
    this.#rate(context.monotonicMs());
    context.schedule(this.#handle < 0 ? START_LOOK_MS : LOOK_MS, { kind: 'look' } satisfies Private);
  }

  /** Begins at these marks, as after a start. @param isEmpty the queue has nothing */
  #begin(marks: readonly SettledMark[], isEmpty: boolean, context: ActorContext): void {
    const own = marks[marks.length - 1]!;
    const life = ++this.#life;
    this.#former = marks.slice(0, -1);
    this.#near = new NearTimers();
    this.#ledger = new FlightLedger(FLIGHTS_MAX, own.key, own.physical);
    this.#scannedEnd = own.end;
    this.#beginEnd = own.end;
    this.#scanned = this.#parts.table.next(this.#handle);
    const { topics, append, rollAfterMs, view } = this.#parts;
    const self = context.self as ActorRef<Private>;
    const log = context.log.bind(context);
    this.#before.delivered += this.#delivery?.delivered ?? 0;
    this.#before.recalled += this.#delivery?.recalled ?? 0;
    this.#delivery?.end();
    this.#delivery = new WheelDelivery({
      topics,
      append,
      rollAfterMs,
      javaCheck: parseJavaTimerCheck(this.#parts.loadJavaCheck()),
      settle: (flight) => this.#settle(flight, context),
      onAnswer: () => self.tell({ kind: 'answers', life }),
      log,
    });
    this.#fetches = new WheelFetches(
      this.#delivery,
      this.#ledger,
      view,
      (batch, records) => self.tell({ kind: 'records', life, batch, records }),
      this.#parts.visibleEnd,
    );
    this.#takenUntil = null;
    this.#pending = 0;
    this.#isOpen = isEmpty;
    this.#nearKey = isEmpty ? Number.POSITIVE_INFINITY : 0;
    this.#nearPhysical = 0;
    if (!isEmpty) this.#count(life, context);
  }

  #count(life: number, context: ActorContext): void {
    const units = this.#wheelUnits();
    context.ask<TimersCounted, CountTimers>(
      context.ref(this.#parts.files),
      (replyTo) => ({ kind: 'count-timers', ...units, replyTo }),
      COUNT_MAX_MS,
      (counted): Private => ({ kind: 'counted', life, counted: counted ?? null }),
    );
  }

  #onCounted(counted: TimersCounted | null, context: ActorContext): void {
    if (counted === null) {
      this.#count(this.#life, context);
      return;
    }
    this.#isOpen = true;
    // What has come since was seen too.
    this.#pending += counted.pending;
    this.#indexed = counted.indexed;
    this.#turn(context);
  }

  #wheelUnits(): WheelUnits {
    const marks = this.#marks();
    return {
      handle: this.#handle,
      min: this.#parts.table.min(this.#handle),
      seen: this.#scanned,
      marks: { keys: marks.map(({ key }) => key), physicals: marks.map(({ physical }) => physical), ends: marks.map(({ end }) => end) },
    };
  }

  /** All that can be done now; then a timer for what comes next. */
  #turn(context: ActorContext): void {
    if (!this.#isOpen) return;
    const now = context.now();
    if (keyTime(this.#ledger.takenKey) - now > BACK_MS && this.#rewind(context)) return;
    this.#scan(context);
    this.#refill(now, context);
    this.#fetches.fetch(this.#near, this.#nearKey, this.#nearPhysical, now);
    const againMs = this.#delivery.fire(now, this.#fetches.wordKey(this.#near));
    if (againMs === 0) this.#turnSoon(context);
    this.#index(context);
    this.#wakeIn(Math.min(againMs, this.#nextMs() - now), context);
    this.#countNow();
  }

  /** When there is something to do next, as far as is known; +∞: only when something comes. */
  #nextMs(): number {
    const fetchMs = this.#fetches.nextMs(this.#near, this.#nearKey, this.#nearPhysical);
    const takeMs = this.#takenUntil === null && this.#nearKey !== Number.POSITIVE_INFINITY && this.#near.size < this.#limits.nearLeast;
    return Math.min(this.#delivery.nextMs, fetchMs, takeMs ? keyTime(this.#nearKey) - AHEAD_MS : Number.POSITIVE_INFINITY);
  }

  #wakeIn(ms: number, context: ActorContext): void {
    if (ms === Number.POSITIVE_INFINITY) return;
    const waitMs = Math.max(1, Math.min(ms, WAIT_MS_MAX));
    const at = context.monotonicMs() + waitMs;
    if (this.#timer !== null) {
      if (this.#timerAt <= at) return;
      context.cancel(this.#timer);
    }
    this.#timerAt = at;
    this.#timer = context.schedule(waitMs, { kind: 'wake' } satisfies Private);
  }

  #turnSoon(context: ActorContext): void {
    if (this.#isTurnTold) return;
    this.#isTurnTold = (context.self as ActorRef<Private>).tell({ kind: 'turn' });
  }

  /**
   * The clock was set back behind what the wheel has reached. The wheel begins anew: a mark keeps what it has settled, until the clock has passed
   * it. What flies is let go, or waited for when the log has it. A message is never early by the clock as it is now. False: not yet.
   */
  #rewind(context: ActorContext): boolean {
    if (this.#delivery.appending > 0 || this.#fetches.running > 0) return false;
    const backMs = keyTime(this.#ledger.takenKey) - context.now();
    context.log('warn', 'the clock was set back: timed messages wait for the time that it tells now', { backMs });
    this.#begin(marksAfterRewind(this.#marks()), false, context);
    this.#saver!.changed(context);
    return true;
  }

  /** Sees what has come to the queue. */
  #scan(context: ActorContext): void {
    const { table } = this.#parts;
    const handle = this.#handle;
    for (let seen = 0; !this.#isReading; ) {
      const next = table.next(handle);
      if (this.#scanned >= next) {
        table.setWaiting(handle);
        // Looked at once more: what came between the look and the flag rang no bell.
        if (this.#scanned >= table.next(handle)) return;
        continue;
      }
      if (seen >= SCAN_MAX) {
        this.#turnSoon(context);
        return;
      }
      const count = Math.min(SCAN_PAGE, next - this.#scanned);
      const read = table.readUnits(handle, this.#scanned, count, this.#units);
      if (read === 0) this.#readUnits(count, context);
      else this.#see(this.#units, read, context);
      seen += read;
    }
  }

  #readUnits(count: number, context: ActorContext): void {
    this.#isReading = true;
    const [handle, offset] = [this.#handle, this.#scanned];
    context.ask<UnitsRead, ReadUnits>(
      context.ref(this.#parts.reader),
      (replyTo) => ({ kind: 'read-units', topic: TIMER_TOPIC, queueId: 0, handle, offset, count, replyTo }),
      ASK_MAX_MS,
      (reply): Private => ({ kind: 'units', offset, units: reply?.units ?? null }),
    );
  }

  #onUnits({ offset, units }: Extract<Private, { kind: 'units' }>, context: ActorContext): void {
    this.#isReading = false;
    if (units === null || units.length === 0) this.#wakeIn(AGAIN_MS, context);
    else if (offset === this.#scanned) this.#see(units, units.length / QUEUE_UNIT_BYTES, context);
    this.#turn(context);
  }

  /** Units at `#scanned`: what is near goes to memory. */
  #see(units: Uint8Array, count: number, context: ActorContext): void {
    for (let at = 0; at < count * QUEUE_UNIT_BYTES; at += QUEUE_UNIT_BYTES) {
      if (!isMessage(units, at)) continue;
      const [key, physical, size] = [timerKey(unitTime(units, at)), unitPhysicalOffset(units, at), unitSize(units, at)];
      this.#scannedEnd = Math.max(this.#scannedEnd, physical + size);
      if (!isRecallKey(key)) {
        this.#pending++;
        this.#parked++;
      }
      const isNear = !comesBefore(this.#nearKey, this.#nearPhysical, key, physical);
      if (isNear || (this.#takenUntil !== null && key <= this.#takenUntil)) this.#come(key, physical, size);
    }
    this.#scanned += count;
    if (this.#near.size > this.#limits.nearMax && this.#takenUntil === null) {
      const { key, physical } = this.#near.median();
      // What came late is not found a second time.
      if (comesBefore(this.#ledger.takenKey, Number.MAX_SAFE_INTEGER, key, physical)) this.#endNear(key, physical);
    }
    this.#saver!.changed(context);
  }

  #come(key: number, physical: number, size: number): void {
    this.#ledger.came(key, physical);
    this.#near.push(key, physical, size);
  }

  #endNear(key: number, physical: number): void {
    this.#nearKey = key;
    this.#nearPhysical = physical;
    this.#near.dropAfter(key, physical);
  }

  /** Has the files give what comes next, before it is due. */
  #refill(now: number, context: ActorContext): void {
    if (this.#takenUntil !== null || this.#near.size >= this.#limits.nearLeast || keyTime(this.#nearKey) - now > AHEAD_MS) return;
    if (context.monotonicMs() < this.#takeFrom) return;
    const untilKey = 2 * (now + TAKE_AHEAD_MS) + 1;
    this.#takenUntil = untilKey;
    const [life, key, physical, units] = [this.#life, this.#nearKey, this.#nearPhysical, this.#wheelUnits()];
    context.ask<TimersTaken, TakeTimers>(
      context.ref(this.#parts.files),
      (replyTo) => ({ kind: 'take-timers', ...units, key, physical, untilKey, replyTo }),
      ASK_MAX_MS,
      (reply): Private => ({ kind: 'taken', life, taken: reply ?? null }),
    );
  }

  #onTaken(taken: TimersTaken | null, context: ActorContext): void {
    this.#takenUntil = null;
    if (taken === null) {
      // What came meanwhile and lies behind is with the files.
      this.#near.dropAfter(this.#nearKey, this.#nearPhysical);
      this.#takeFrom = context.monotonicMs() + FILES_AGAIN_MS;
    } else {
      const { units, endKey, endPhysical } = taken;
      for (let at = 0; at < units.length; at += QUEUE_UNIT_BYTES)
        this.#come(timerKey(unitTime(units, at)), unitPhysicalOffset(units, at), unitSize(units, at));
      this.#endNear(endKey, endPhysical);
    }
    this.#turn(context);
  }

  /** Has the files sort what has come to a certain number; what is settled is left out. */
  #index(context: ActorContext): void {
    if (this.#isIndexing || this.#scanned - this.#indexed < this.#limits.indexLeast) return;
    this.#isIndexing = true;
    const units = this.#wheelUnits();
    context.ask<TimersIndexed, IndexTimers>(
      context.ref(this.#parts.files),
      (replyTo) => ({ kind: 'index-timers', ...units, replyTo }),
      COUNT_MAX_MS,
      (reply): Private => ({ kind: 'indexed', indexed: reply?.indexed ?? 0 }),
    );
  }

  #settle(flight: number, context: ActorContext): void {
    if (!isRecallKey(this.#ledger.keyOf(flight))) this.#pending--;
    this.#ledger.settle(flight);
    this.#saver!.changed(context);
  }

  #marks(): readonly SettledMark[] {
    const { doneKey, donePhysical } = this.#ledger;
    const isWhole = this.#nearKey >= this.#ledger.takenKey;
    const end = isWhole ? this.#ledger.seenLimit(this.#scannedEnd) : this.#beginEnd;
    return currentMarks(this.#former, { key: doneKey, physical: donePhysical, end });
  }

  #checkpoint(): WheelCheckpoint {
    this.#counter++;
    return { counter: this.#counter, marks: this.#marks(), pending: this.#pending };
  }

  #told(context: ActorContext): WheelTold {
    const { pending, firstMs, behind, parked, delivered, recalled } = this.#parts.counts;
    const { rolled, dropped } = this.#delivery ?? NOTHING_YET;
    const lagMs = firstMs === 0 ? 0 : Math.max(0, context.now() - firstMs);
    return {
      kind: 'wheel-told',
      pending,
      near: this.#near.size,
      lagMs,
      behind,
      parked,
      delivered,
      recalled,
      rolled,
      dropped,
      ...this.#rates,
    };
  }

  #rate(nowMs: number): void {
    const { parked, delivered } = this.#parts.counts;
    const last = this.#rated;
    const seconds = (nowMs - last.atMs) / 1000;
    this.#rates = { parkedRate: (parked - last.parked) / seconds, deliveredRate: (delivered - last.delivered) / seconds };
    this.#rated = { atMs: nowMs, parked, delivered };
  }

  #countNow(): void {
    const { counts, table } = this.#parts;
    const firstKey = Math.min(this.#ledger.firstKey, this.#near.size > 0 ? this.#near.key : Number.POSITIVE_INFINITY);
    counts.pending = Math.max(0, this.#pending);
    counts.firstMs = Number.isFinite(firstKey) ? keyTime(firstKey) : 0;
    counts.behind = table.next(this.#handle) - this.#scanned;
    counts.parked = this.#parked;
    counts.delivered = this.#before.delivered + this.#delivery.delivered;
    counts.recalled = this.#before.recalled + this.#delivery.recalled;
  }
}

const NOTHING_YET = { rolled: 0, dropped: 0 };
