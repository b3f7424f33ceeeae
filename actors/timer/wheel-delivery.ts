/**
 * Wheel delivery: the last step of a timed message. Owns the records that were fetched and wait for their millisecond, what was taken back
 * meanwhile, and what the log was given and has not answered. Part of the wheel actor; one flight (`flight-ledger.ts`) is one message.
 * Plain messages that are due go to the log in pieces, made by their bytes (`parked-record.ts`); others one by one.
 * A message is stored where it was sent to, or once more in the timer topic when its time is still far; dropped, and told, when its topic
 * is no more. Refused by the log: `fire` says when to try again.
 * Source: RocketMQ 5.4 `TimerMessageStore.TimerDequeuePutMessageService`, `TimerDequeueGetMessageService`.
 */
import { parseProperties, REAL_TOPIC, TIMER_DEL_UNIQKEY, TIMER_OUT_MS, UNIQ_KEY } from '../../model/message-property.ts';
import { decodeMessageRecord, PHYSICAL_OFFSET_AT, readInt32, readInt64, TOTAL_SIZE_AT } from '../../model/message-record.ts';
import { TIMER_TOPIC } from '../../model/topic.ts';
import type { LogLevel } from '../../runtime/actor.ts';
import { deliverTimeOf, flooredTime, isRecallKey, keyTime, TIMER_PRECISION_MS } from '../../storage/timer/timer-unit.ts';
import type { Appended, InnerAppend, InnerMessage, InnerRecord } from '../commit-log/inner-append.ts';
import { OUTCOME_NO_QUEUE } from '../commit-log/log-lane.ts';
import { RecordMemory } from '../commit-log/record-memory.ts';
import type { TopicTable } from '../topic/topic-table.ts';
import { isDoneByJava, type JavaTimerCheck } from './java-timer-check.ts';
import { NearTimers } from './near-timers.ts';
import { hostBytes, ParkedRecord } from './parked-record.ts';
import { RecalledTimers, recallName } from './recalled-timers.ts';
import { settleDestination } from './settle-destination.ts';
import { deliverTimed, rollTimed, withoutTimes } from './timed-message.ts';

export type DeliveryParts = {
  readonly topics: Pick<TopicTable, 'get' | 'find' | 'complete'>;
  readonly append: Pick<InnerAppend, 'append' | 'appendRun' | 'refusal' | 'host'>;
  readonly rollAfterMs: () => number;
  /** Flights at once, a power of two. */
  readonly flightsMax: number;
  /** How far a Java broker came on this store; null: none was there. */
  readonly javaCheck: JavaTimerCheck | null;
  /** A flight has come to its end. */
  readonly settle: (flight: number) => void;
  /** The log has answered: `answered` is to be called in the actor's turn. */
  readonly onAnswer: () => void;
  readonly log: (level: LogLevel, text: string, fields: Record<string, unknown>) => void;
};

/** A fetched record, and where it lies in what was fetched. */
type Ready = {
  readonly flight: number;
  /** Its place among those that wait. */
  readonly key: number;
  readonly bytes: Uint8Array;
  readonly at: number;
  readonly size: number;
  readonly physical: number;
  /** UNREAD: only its unit was read, which says when it is to be looked at. */
  readonly deliverMs: number;
};
/** What the log was given, and its answer. `appended` null: all are stored. */
type Answer = { readonly given: readonly Ready[]; readonly isRolled: boolean; readonly appended: readonly Appended[] | null };

const LANE_AGAIN_MS = 5;
/** What the log refused is tried again after so long. */
export const REFUSED_AGAIN_MS = 1_000;
/** Messages stored in one turn: others live on this thread. */
const TURN_MAX = 256;
/** Messages that go to the log in one piece. */
const RUN_MAX = 64;
const RUN_BYTES_MAX = 128 * 1024;
const UNREAD = -1;
/** A message whose time is further away was woken to be stored anew. */
const ROLL_LEAST_MS = 5_000;

export class WheelDelivery {
  readonly #parts: DeliveryParts;
  readonly #order: NearTimers = new NearTimers();
  /** By the low bits of their flights. */
  readonly #ready: (Ready | null)[];
  readonly #mask: number;
  readonly #recalled: RecalledTimers = new RecalledTimers();
  readonly #parked = new ParkedRecord();
  /** Null: records of this broker are not plain. */
  readonly #host: Uint8Array | null;
  /** What goes to the log in one piece, with its records. */
  #run: Ready[] = [];
  #records: InnerRecord[] = [];
  #runBytes = 0;
  readonly #memory = new RecordMemory();
  #answers: Answer[] = [];
  #isOver = false;
  /** Bytes of records that wait. */
  heldBytes = 0;
  /** Given to the log, not answered. */
  appending = 0;
  /** Given to the log so far. */
  given = 0;
  delivered = 0;
  recalled = 0;
  rolled = 0;
  dropped = 0;

  constructor(parts: DeliveryParts) {
    this.#parts = parts;
    this.#host = hostBytes(parts.append.host);
    this.#ready = new Array(parts.flightsMax).fill(null);
    this.#mask = parts.flightsMax - 1;
  }

  /** Messages that wait for their time or for the log's room. */
  get waiting(): number {
    return this.#order.size;
  }

  /** When the first of them is due; +∞ without one. */
  get nextMs(): number {
    return this.#order.size === 0 ? Number.POSITIVE_INFINITY : keyTime(this.#order.key);
  }

  /** The record at `at` was fetched for its flight; its lengths were checked. @param key of its flight */
  take(flight: number, key: number, bytes: Uint8Array, at: number, now: number): void {
    const size = readInt32(bytes, at + TOTAL_SIZE_AT);
    this.heldBytes += size;
    const isUnread = this.#host !== null && this.#parts.javaCheck === null && !isRecallKey(key) && keyTime(key) > 0;
    if (isUnread) this.#wait({ flight, key, bytes, at, size, physical: readInt64(bytes, at + PHYSICAL_OFFSET_AT), deliverMs: UNREAD });
    else this.#read(flight, bytes, at, now);
  }

  /** Looks at all that the record says. */
  #read(flight: number, bytes: Uint8Array, at: number, now: number): void {
    const record = decodeMessageRecord(bytes, at);
    const properties = parseProperties(record.properties);
    const { totalSize: size, physicalOffset: physical } = record;
    if (isDoneByJava(this.#parts.javaCheck, record.queueOffset, Number(properties.get(TIMER_OUT_MS)), record.storeTimestamp)) {
      this.heldBytes -= size;
      this.#parts.settle(flight);
      return;
    }
    const deliverMs = deliverTimeOf(properties);
    const word = properties.get(TIMER_DEL_UNIQKEY);
    if (word !== undefined && deliverMs - now < ROLL_LEAST_MS) {
      this.#recalled.add(recallName(properties.get(REAL_TOPIC) ?? '', word), flooredTime(deliverMs) + TIMER_PRECISION_MS);
      this.heldBytes -= size;
      this.#parts.settle(flight);
      return;
    }
    const key = 2 * (deliverMs - now < ROLL_LEAST_MS ? deliverMs : now) + 1;
    this.#wait({ flight, key, bytes, at, size, physical, deliverMs });
  }

  #wait(ready: Ready): void {
    this.#ready[ready.flight & this.#mask] = ready;
    this.#order.push(ready.key, ready.physical, ready.flight);
  }

  /** Takes the first of those that wait. */
  #pop({ flight }: Ready): void {
    this.#order.pop();
    this.#ready[flight & this.#mask] = null;
  }

  /**
   * Stores what is due. Words that are still to be read take back messages from `blockedKey` on; what is still to be read at all comes not before
   * `unreadKey`. Gives the ms after which there is more to do at once; +∞: `nextMs` says.
   */
  fire(now: number, blockedKey: number, unreadKey: number): number {
    // Not by the clock alone: a message may be read late.
    this.#recalled.forget(Math.min(now, this.nextMs, keyTime(unreadKey)) - 1);
    let againMs = Number.POSITIVE_INFINITY;
    for (let done = 0; this.#order.size > 0 && keyTime(this.#order.key) <= now; done++) {
      const { key, value: flight } = this.#order;
      if (key >= blockedKey) break;
      if (done === TURN_MAX) {
        againMs = 0;
        break;
      }
      const ready = this.#ready[flight & this.#mask]!;
      const isTaken = this.#addToRun(ready, now);
      againMs = !isTaken || this.#run.length === RUN_MAX || this.#runBytes >= RUN_BYTES_MAX ? this.#storeRun() : Number.POSITIVE_INFINITY;
      if (againMs !== Number.POSITIVE_INFINITY) return againMs;
      if (isTaken) continue;
      if (ready.deliverMs === UNREAD) {
        this.#pop(ready);
        this.#read(flight, ready.bytes, ready.at, now);
        continue;
      }
      againMs = this.#store(ready, now);
      if (againMs > 0) return againMs;
      this.#pop(ready);
      againMs = Number.POSITIVE_INFINITY;
    }
    return Math.min(againMs, this.#storeRun());
  }

  /** False: it is for the general way. */
  #addToRun(ready: Ready, now: number): boolean {
    const parked = this.#parked;
    if (ready.deliverMs !== UNREAD || this.#recalled.size > 0 || !parked.read(ready.bytes, ready.at)) return false;
    const { deliverMs } = parked;
    if (deliverMs <= 0 || deliverMs > now) return false;
    const record = parked.delivered(this.#parts.topics, now, this.#host!, this.#memory);
    if (record === null) return false;
    this.#pop(ready);
    this.#run.push(ready);
    this.#records.push(record);
    this.#runBytes += record.size;
    return true;
  }

  /** Gives the run to the log. +∞: it is on its way; else the ms after which its messages, which wait again, may be tried. */
  #storeRun(): number {
    const given = this.#run;
    if (given.length === 0) return Number.POSITIVE_INFINITY;
    const notTaken = this.#parts.append.appendRun(this.#records, (appended) => this.#answer({ given, isRolled: false, appended }));
    this.#run = [];
    this.#records = [];
    this.#runBytes = 0;
    this.#memory.clear();
    if (notTaken === null) {
      this.appending += given.length;
      this.given += given.length;
      return Number.POSITIVE_INFINITY;
    }
    for (const one of given) this.#wait(one);
    return notTaken === 'lane-full' ? LANE_AGAIN_MS : REFUSED_AGAIN_MS;
  }

  #answer(answer: Answer): void {
    this.#answers.push(answer);
    if (this.#answers.length === 1 && !this.#isOver) this.#parts.onAnswer();
  }

  /** 0: it is on its way, or at its end. */
  #store(ready: Ready, now: number): number {
    const { flight, deliverMs } = ready;
    const record = decodeMessageRecord(ready.bytes, ready.at);
    const properties = parseProperties(record.properties);
    const { topics, append, settle, rollAfterMs } = this.#parts;
    const isRolled = deliverMs > now;
    let message: InnerMessage;
    if (isRolled) {
      const timer = topics.get(TIMER_TOPIC);
      if (timer === undefined) return REFUSED_AGAIN_MS;
      message = rollTimed(record, properties, deliverMs, now, rollAfterMs(), timer);
    } else if (this.#recalled.has(properties.get(REAL_TOPIC) ?? '', properties.get(UNIQ_KEY) ?? '')) {
      this.recalled++;
      this.#release(ready);
      settle(flight);
      return 0;
    } else {
      const destination = settleDestination(properties, topics);
      if (destination.kind === 'wait') return REFUSED_AGAIN_MS;
      if (destination.kind === 'gone') {
        this.#release(ready);
        this.#drop(flight, 'a timed message is dropped: the topic that it is for does not exist any more', { topic: destination.topic });
        return 0;
      }
      message = deliverTimed(record, properties, destination.topic, destination.queueId, now);
    }
    const done = (appended: Appended): void => this.#answer({ given: [ready], isRolled, appended: [appended] });
    let notTaken = append.append(message, done, true);
    if (notTaken === 'properties-too-long') notTaken = append.append(withoutTimes(message, properties), done, true);
    if (notTaken === 'properties-too-long') {
      this.#release(ready);
      this.#drop(flight, 'a timed message is dropped: its properties are too long', { physical: record.physicalOffset });
      return 0;
    }
    if (notTaken !== null) return notTaken === 'lane-full' ? LANE_AGAIN_MS : REFUSED_AGAIN_MS;
    this.appending++;
    this.given++;
    return 0;
  }

  /** Deals with the log's answers. True: it has refused some, to be tried again. */
  answered(): boolean {
    const answers = this.#answers;
    this.#answers = [];
    let isRefused = false;
    for (const { given, isRolled, appended } of answers) {
      this.appending -= given.length;
      for (let i = 0; i < given.length; i++) {
        if (appended === null) this.#stored(given[i]!, isRolled);
        else if (!this.#settle(given[i]!, isRolled, appended[i]!)) isRefused = true;
      }
    }
    return isRefused;
  }

  /** False: the log has refused it, it waits again. */
  #settle(ready: Ready, isRolled: boolean, { kind, outcome }: Appended): boolean {
    if (kind === 'refused' && outcome !== OUTCOME_NO_QUEUE) {
      this.#wait(ready);
      return false;
    }
    if (kind === 'refused') {
      this.#release(ready);
      const topic = parseProperties(decodeMessageRecord(ready.bytes, ready.at).properties).get(REAL_TOPIC) ?? '';
      this.#drop(ready.flight, 'a timed message is dropped: the queue that it is for was deleted', { topic });
    } else this.#stored(ready, isRolled);
    return true;
  }

  #stored(ready: Ready, isRolled: boolean): void {
    this.#release(ready);
    if (isRolled) this.rolled++;
    else this.delivered++;
    this.#parts.settle(ready.flight);
  }

  /** A flight ends without a message. */
  lose(flight: number, text: string, fields: Record<string, unknown>): void {
    this.#drop(flight, text, fields);
  }

  /** Nothing is told any more. */
  end(): void {
    this.#isOver = true;
  }

  #release({ size }: Ready): void {
    this.heldBytes -= size;
  }

  #drop(flight: number, text: string, fields: Record<string, unknown>): void {
    this.dropped++;
    this.#parts.log('warn', text, fields);
    this.#parts.settle(flight);
  }
}
