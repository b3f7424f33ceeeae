/**
 * Timing wheel: delivers timed messages at their millisecond. One a broker, at `timer-wheel`, on the first shard, beside the delay levels'
 * timer. The wheel is what the units of the timer topic's queue say (`wheel-arrivals.ts`), which carry the times: the next of them are in
 * memory, bounded (`wheel-window.ts`), the others sorted in files that are read ahead (`wheel-files-actor.ts`), on a thread that may block.
 *
 * A record is fetched shortly before its time and stored at its destination when the clock says so, never before. Delivered is what the log
 * has stored, in synchronous flush what is on the disk. What is settled is saved (config/timerWheel.json) a while after a change and
 * at the stop, when the disk has what was delivered; after a crash what was delivered since comes again, nothing is left out. A message whose
 * topic was deleted meanwhile, or whose record is damaged or gone, is dropped, and told. What the log refuses is tried again. Of a clock that
 * was set back see `#rewind`.
 * Source: RocketMQ 5.4 `TimerMessageStore`.
 */
import { TIMER_TOPIC } from '../../model/topic.ts';
import type { Actor, ActorContext, ActorRef } from '../../runtime/actor.ts';
import { isRecallKey, keyAfter, keyTime } from '../../storage/timer/timer-unit.ts';
import { FlightLedger } from './flight-ledger.ts';
import { parseJavaTimerCheck } from './java-timer-check.ts';
import { type SaverMessage, TableSaver } from './table-saver.ts';
import { type AlarmMessage, WheelAlarm } from './wheel-alarm.ts';
import { type UnitsCame, WheelArrivals } from './wheel-arrivals.ts';
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
import { REFUSED_AGAIN_MS, WheelDelivery } from './wheel-delivery.ts';
import { WheelFetches } from './wheel-fetches.ts';
import { type FilesAnswered, type FilesGone, WheelFileAsks } from './wheel-file-asks.ts';
import type { TimersCounted, TimersTaken, WheelCommand, WheelSaved, WheelUnits } from './wheel-messages.ts';
import type { WheelLimits, WheelParts } from './wheel-parts.ts';
import { WheelTally } from './wheel-tally.ts';
import { WheelWindow } from './wheel-window.ts';

type Private =
  | { readonly kind: 'look' }
  | { readonly kind: 'count-again'; readonly life: number }
  | { readonly kind: 'answers'; readonly life: number }
  | { readonly kind: 'records'; readonly life: number; readonly batch: number; readonly records: Uint8Array | null }
  | FilesAnswered
  | FilesGone
  | UnitsCame
  | AlarmMessage
  | SaverMessage;

const LIMITS: WheelLimits = { nearMax: 131_072, nearLeast: 32_768, indexLeast: 65_536 };
/** Taken off the wheel and not settled. */
const FLIGHTS_MAX = 16_384;
const LOOK_MS = 5_000;
const START_LOOK_MS = 20;
const AGAIN_MS = 5;
const COUNT_AGAIN_MS = 100;
/** After so many messages at once it rests: a turn for each millisecond would cost more than the messages in it. */
const BURST_LEAST = 16;
const REST_MS = 4;
/** A clock that stands further behind what the wheel has reached was set back. */
const BACK_MS = 2_000;

export class WheelActor implements Actor<WheelCommand | Private> {
  readonly #parts: WheelParts;
  readonly #limits: WheelLimits;
  readonly #alarm = new WheelAlarm();
  readonly #files: WheelFileAsks;
  readonly #tally: WheelTally;
  #handle = -1;
  #former: readonly SettledMark[] = [];
  #ledger!: FlightLedger;
  #delivery: WheelDelivery | null = null;
  #fetches!: WheelFetches;
  #window!: WheelWindow;
  #arrivals!: WheelArrivals;
  /** Where the own mark ended at the beginning: so it stays until all is in memory that came late before that. */
  #beginEnd = 0;
  #isOpen = false;
  /** Monotonic ms before which nothing is stored. */
  #restUntil = 0;
  #counter = 0;
  #saver: TableSaver<ActorRef<WheelSaved>> | null = null;
  /** What was begun before the wheel began anew may still be answered. */
  #life = 0;

  constructor(parts: WheelParts) {
    this.#parts = parts;
    this.#limits = parts.limits ?? LIMITS;
    this.#tally = new WheelTally(parts.counts);
    this.#files = new WheelFileAsks(parts.files, this.#limits.indexLeast, () => this.#wheelUnits());
  }

  started(context: ActorContext): void {
    const { sync, saveEveryMs, store, visibleEnd } = this.#parts;
    const text = (now: ActorContext): string => wheelText(this.#checkpoint(), now.now());
    const cost = 'what was delivered since the last save would come again after a crash';
    // What was delivered must be on the disk before the table says so: else a power cut loses both, the parked message and its delivery.
    const saved = { name: WHEEL_FILE, text, after: visibleEnd, sync, saveEveryMs, store, cost };
    this.#saver = new TableSaver(saved, context, (replyTo) => replyTo.tell({ kind: 'wheel-saved' }));
    this.#life = context.monotonicMs();
    this.#look(context);
  }

  receive(message: WheelCommand | Private, context: ActorContext): void {
    switch (message.kind) {
      case 'arrived':
        this.#turn(context);
        return;
      case 'turn':
      case 'wake':
        this.#alarm.rang(message);
        this.#turn(context);
        return;
      case 'look':
        this.#look(context);
        return;
      case 'units':
        if (!this.#arrivals.onUnits(message)) this.#alarm.wakeIn(AGAIN_MS, context);
        this.#turn(context);
        return;
      case 'counted':
      case 'taken':
      case 'indexed':
        this.#onFiles(message, context);
        return;
      case 'count-again':
        if (message.life === this.#life) this.#files.count(this.#life, context);
        return;
      case 'files-gone':
        for (const unanswered of this.#files.gone()) this.#onFiles(unanswered, context);
        return;
      case 'records':
        if (message.life !== this.#life) return;
        this.#fetches.answered(message.batch, message.records, context.now());
        if (message.records === null) this.#alarm.wakeIn(AGAIN_MS, context);
        this.#turn(context);
        return;
      case 'answers':
        if (message.life !== this.#life) return;
        if (this.#delivery!.answered()) this.#alarm.wakeIn(REFUSED_AGAIN_MS, context);
        this.#turn(context);
        return;
      case 'save-wheel':
        this.#saver!.hurry(message.replyTo, context);
        return;
      case 'query-wheel':
        message.replyTo.tell(this.#tally.told(context.now(), this.#delivery === null ? 0 : this.#window.near.size, this.#delivery));
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
    this.#tally.rate(context.monotonicMs());
    context.schedule(this.#handle < 0 ? START_LOOK_MS : LOOK_MS, { kind: 'look' } satisfies Private);
  }

  /** Begins at these marks, as after a start. @param isEmpty the queue has nothing */
  #begin(marks: readonly SettledMark[], isEmpty: boolean, context: ActorContext): void {
    const own = marks[marks.length - 1]!;
    const life = ++this.#life;
    this.#former = marks.slice(0, -1);
    this.#ledger = new FlightLedger(FLIGHTS_MAX, own.key, own.physical);
    this.#window = new WheelWindow(this.#limits, this.#ledger, isEmpty);
    this.#arrivals = new WheelArrivals(this.#handle, this.#parts, own.end, {
      come: (key, physical, size) => this.#come(key, physical, size),
      pageSeen: () => {
        this.#window.trim();
        this.#saver!.changed(context);
      },
    });
    this.#beginEnd = own.end;
    const { topics, append, rollAfterMs, view } = this.#parts;
    const self = context.self as ActorRef<Private>;
    const log = context.log.bind(context);
    if (this.#delivery !== null) {
      this.#tally.addFormer(this.#delivery);
      this.#delivery.end();
    }
    this.#delivery = new WheelDelivery({
      topics,
      append,
      rollAfterMs,
      flightsMax: FLIGHTS_MAX,
      javaCheck: parseJavaTimerCheck(this.#parts.loadJavaCheck()),
      settle: (flight) => this.#settle(flight, context),
      onAnswer: () => self.tell({ kind: 'answers', life }),
      log,
    });
    this.#fetches = new WheelFetches(
      this.#delivery,
      this.#ledger,
      this.#window,
      view,
      (batch, records) => self.tell({ kind: 'records', life, batch, records }),
      this.#parts.visibleEnd,
    );
    this.#tally.pending = 0;
    this.#isOpen = isEmpty;
    if (!isEmpty) this.#files.count(life, context);
  }

  #come(key: number, physical: number, size: number): void {
    if (!isRecallKey(key)) {
      this.#tally.pending++;
      this.#tally.parked++;
    }
    this.#window.come(key, physical, size);
  }

  #onFiles(message: FilesAnswered, context: ActorContext): void {
    if (!this.#files.close(message)) return;
    if (message.kind === 'indexed') {
      if (this.#files.onIndexed(message)) this.#files.index(this.#arrivals.next, context);
    } else if (message.life !== this.#life) return;
    else if (message.kind === 'counted') this.#onCounted(message.counted, context);
    else this.#onTaken(message.taken, context);
  }

  #onCounted(counted: TimersCounted | null, context: ActorContext): void {
    if (counted === null) {
      const again: Private = { kind: 'count-again', life: this.#life };
      context.schedule(COUNT_AGAIN_MS, again);
      return;
    }
    this.#isOpen = true;
    // What has come since was seen too.
    this.#tally.pending += counted.pending;
    this.#files.indexed(counted.indexed);
    this.#turn(context);
  }

  #wheelUnits(): WheelUnits {
    const marks = this.#marks();
    return {
      handle: this.#handle,
      min: this.#parts.table.min(this.#handle),
      seen: this.#arrivals.next,
      marks: { keys: marks.map(({ key }) => key), physicals: marks.map(({ physical }) => physical), ends: marks.map(({ end }) => end) },
    };
  }

  /** All that can be done now; then a timer for what comes next. */
  #turn(context: ActorContext): void {
    if (!this.#isOpen) return;
    const now = context.now();
    if (keyTime(this.#ledger.takenKey) - now > BACK_MS && this.#rewind(context)) return;
    const delivery = this.#delivery!;
    const mayFire = this.#restUntil <= context.monotonicMs();
    const seeMs = this.#arrivals.see(mayFire && delivery.nextMs <= now, context);
    if (seeMs === 0) this.#alarm.turnSoon(context);
    this.#refill(now, context);
    this.#fetches.fetch(now);
    const againMs = mayFire ? this.#fire(now, context) : this.#restUntil - context.monotonicMs();
    this.#files.index(this.#arrivals.next, context);
    const nextMs = Math.min(this.#fetches.nextMs(), this.#window.wantsAtMs);
    this.#alarm.wakeIn(Math.min(againMs, seeMs, nextMs - now), context);
    const firstKey = Math.min(this.#ledger.firstKey, this.#window.near.size > 0 ? this.#window.near.key : Number.POSITIVE_INFINITY);
    this.#tally.publish(Number.isFinite(firstKey) ? keyTime(firstKey) : 0, this.#arrivals.behind, delivery);
  }

  /** Stores what is due; gives the ms after which there may be more. */
  #fire(now: number, context: ActorContext): number {
    const delivery = this.#delivery!;
    const givenBefore = delivery.given;
    const againMs = delivery.fire(now, Math.min(this.#fetches.wordKey(), keyAfter(this.#arrivals.seenMs)), this.#fetches.unreadKey());
    if (againMs === 0) this.#alarm.turnSoon(context);
    else if (delivery.given - givenBefore >= BURST_LEAST) this.#restUntil = context.monotonicMs() + REST_MS;
    return Math.min(againMs, Math.max(this.#restUntil - context.monotonicMs(), delivery.nextMs - now));
  }

  /**
   * The clock was set back behind what the wheel has reached. The wheel begins anew: a mark keeps what it has settled, until the clock has passed
   * it. What flies is let go, or waited for when the log has it. A message is never early by the clock as it is now. False: not yet.
   */
  #rewind(context: ActorContext): boolean {
    if (this.#delivery!.appending > 0 || this.#fetches.running > 0) return false;
    const backMs = keyTime(this.#ledger.takenKey) - context.now();
    context.log('warn', 'the clock was set back: timed messages wait for the time that it tells now', { backMs });
    this.#begin(marksAfterRewind(this.#marks()), false, context);
    this.#saver!.changed(context);
    return true;
  }

  /** Has the files give what comes next, before it is due. */
  #refill(now: number, context: ActorContext): void {
    if (!this.#window.isWanting(now, context.monotonicMs())) return;
    const untilKey = this.#window.take(now);
    const { endKey: key, endPhysical: physical } = this.#window;
    this.#files.take({ key, physical, untilKey }, this.#life, context);
  }

  #onTaken(taken: TimersTaken | null, context: ActorContext): void {
    if (taken === null) this.#window.notTaken(context.monotonicMs());
    else this.#window.taken(taken.units, taken.endKey, taken.endPhysical);
    this.#turn(context);
  }

  #settle(flight: number, context: ActorContext): void {
    if (!isRecallKey(this.#ledger.keyOf(flight))) this.#tally.pending--;
    this.#ledger.settle(flight);
    this.#saver!.changed(context);
  }

  #marks(): readonly SettledMark[] {
    const { doneKey, donePhysical, takenKey } = this.#ledger;
    const isWhole = this.#window.endKey >= takenKey;
    const end = isWhole ? this.#ledger.seenLimit(this.#arrivals.end) : this.#beginEnd;
    return currentMarks(this.#former, { key: doneKey, physical: donePhysical, end });
  }

  #checkpoint(): WheelCheckpoint {
    this.#counter++;
    return { counter: this.#counter, marks: this.#marks(), pending: this.#tally.pending };
  }
}
