/**
 * Wheel delivery: the last step of a timed message. Owns the records that were fetched and wait for their millisecond, what was taken back
 * meanwhile, and what the log was given and has not answered. Part of the wheel actor; one flight (`flight-ledger.ts`) is one message.
 * A message is stored where it was sent to, or once more in the timer topic when its time is still far; dropped, and told, when its topic
 * is no more. Refused by the log: `fire` says when to try again.
 * Source: RocketMQ 5.4 `TimerMessageStore.TimerDequeuePutMessageService`, `TimerDequeueGetMessageService`.
 */
import { REAL_TOPIC, TIMER_DEL_UNIQKEY, TIMER_OUT_MS, UNIQ_KEY } from '../../model/message-property.ts';
import type { MessageRecord } from '../../model/message-record.ts';
import { TIMER_TOPIC } from '../../model/topic.ts';
import type { LogLevel } from '../../runtime/actor.ts';
import { deliverTimeOf, flooredTime, keyTime, TIMER_PRECISION_MS } from '../../storage/timer/timer-unit.ts';
import type { Appended, InnerAppend, InnerMessage } from '../commit-log/inner-append.ts';
import { OUTCOME_NO_QUEUE } from '../commit-log/log-lane.ts';
import type { TopicTable } from '../topic/topic-table.ts';
import { isDoneByJava, type JavaTimerCheck } from './java-timer-check.ts';
import { NearTimers } from './near-timers.ts';
import { RecalledTimers, recallName } from './recalled-timers.ts';
import { settleDestination } from './settle-destination.ts';
import { deliverTimed, rollTimed, withoutTimes } from './timed-message.ts';

export type DeliveryParts = {
  readonly topics: Pick<TopicTable, 'get' | 'complete'>;
  readonly append: Pick<InnerAppend, 'append' | 'refusal'>;
  readonly rollAfterMs: () => number;
  /** How far a Java broker came on this store; null: none was there. */
  readonly javaCheck: JavaTimerCheck | null;
  /** A flight has come to its end. */
  readonly settle: (flight: number) => void;
  /** The log has answered: `answered` is to be called in the actor's turn. */
  readonly onAnswer: () => void;
  readonly log: (level: LogLevel, text: string, fields: Record<string, unknown>) => void;
};

type Ready = { readonly record: MessageRecord; readonly properties: ReadonlyMap<string, string>; readonly deliverMs: number };
type Answer = { readonly flight: number; readonly key: number; readonly appended: Appended };

const LANE_AGAIN_MS = 5;
/** What the log refused is tried again after so long. */
export const REFUSED_AGAIN_MS = 1_000;
/** Messages stored in one turn: others live on this thread. */
const TURN_MAX = 256;
/** A message whose time is further away was woken to be stored anew. */
const ROLL_LEAST_MS = 5_000;

export class WheelDelivery {
  readonly #parts: DeliveryParts;
  readonly #order: NearTimers = new NearTimers();
  readonly #ready: Map<number, Ready> = new Map();
  readonly #recalled: RecalledTimers = new RecalledTimers();
  #answers: Answer[] = [];
  #isOver = false;
  /** Bytes of bodies that wait. */
  heldBytes = 0;
  /** Given to the log, not answered. */
  appending = 0;
  delivered = 0;
  recalled = 0;
  rolled = 0;
  dropped = 0;

  constructor(parts: DeliveryParts) {
    this.#parts = parts;
  }

  /** Messages that wait for their time or for the log's room. */
  get waiting(): number {
    return this.#order.size;
  }

  /** When the first of them is due; +∞ without one. */
  get nextMs(): number {
    return this.#order.size === 0 ? Number.POSITIVE_INFINITY : keyTime(this.#order.key);
  }

  /** A record was fetched for its flight. */
  take(flight: number, record: MessageRecord, properties: ReadonlyMap<string, string>, now: number): void {
    if (isDoneByJava(this.#parts.javaCheck, record.queueOffset, Number(properties.get(TIMER_OUT_MS)), record.storeTimestamp)) {
      this.#parts.settle(flight);
      return;
    }
    const deliverMs = deliverTimeOf(properties);
    const word = properties.get(TIMER_DEL_UNIQKEY);
    if (word !== undefined && deliverMs - now < ROLL_LEAST_MS) {
      this.#recalled.add(recallName(properties.get(REAL_TOPIC) ?? '', word), flooredTime(deliverMs) + TIMER_PRECISION_MS);
      this.#parts.settle(flight);
      return;
    }
    this.heldBytes += record.body.length;
    this.#ready.set(flight, { record, properties, deliverMs });
    this.#order.push(2 * (deliverMs - now < ROLL_LEAST_MS ? deliverMs : now) + 1, record.physicalOffset, flight);
  }

  /**
   * Stores what is due. Words that are still to be read take back messages from `blockedKey` on. Gives the ms after which there is more
   * to do at once; +∞: `nextMs` says.
   */
  fire(now: number, blockedKey: number): number {
    this.#recalled.forget(Math.min(now, this.nextMs) - 1);
    for (let done = 0; this.#order.size > 0 && keyTime(this.#order.key) <= now; done++) {
      if (this.#order.key >= blockedKey) return Number.POSITIVE_INFINITY;
      if (done === TURN_MAX) return 0;
      const flight = this.#order.value;
      const ready = this.#ready.get(flight)!;
      const againMs = this.#store(flight, this.#order.key, ready, now);
      if (againMs > 0) return againMs;
      this.#order.pop();
      this.#ready.delete(flight);
    }
    return Number.POSITIVE_INFINITY;
  }

  /** 0: it is on its way, or at its end. */
  #store(flight: number, key: number, ready: Ready, now: number): number {
    const { record, properties, deliverMs } = ready;
    const { topics, append, settle, rollAfterMs } = this.#parts;
    let message: InnerMessage;
    if (deliverMs > now) {
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
    const isRolled = deliverMs > now;
    const done = (appended: Appended): void => {
      this.#answers.push({ flight, key, appended });
      if (this.#answers.length === 1 && !this.#isOver) this.#parts.onAnswer();
    };
    let notTaken = append.append(message, done, true);
    if (notTaken === 'properties-too-long') notTaken = append.append(withoutTimes(message, properties), done, true);
    if (notTaken === 'properties-too-long') {
      this.#release(ready);
      this.#drop(flight, 'a timed message is dropped: its properties are too long', { physical: record.physicalOffset });
      return 0;
    }
    if (notTaken !== null) return notTaken === 'lane-full' ? LANE_AGAIN_MS : REFUSED_AGAIN_MS;
    this.#given.set(flight, { ready, isRolled });
    this.appending++;
    return 0;
  }

  /** What the log has: kept until it has answered, for it may refuse. */
  readonly #given: Map<number, { readonly ready: Ready; readonly isRolled: boolean }> = new Map();

  /** Deals with the log's answers. True: it has refused some, to be tried again. */
  answered(): boolean {
    const answers = this.#answers;
    this.#answers = [];
    let isRefused = false;
    for (const { flight, key, appended } of answers) {
      const { ready, isRolled } = this.#given.get(flight)!;
      this.#given.delete(flight);
      this.appending--;
      const isOver = appended.kind !== 'refused' || appended.outcome === OUTCOME_NO_QUEUE;
      if (isOver) this.#release(ready);
      if (appended.kind !== 'refused') {
        if (isRolled) this.rolled++;
        else this.delivered++;
        this.#parts.settle(flight);
      } else if (isOver) {
        const topic = ready.properties.get(REAL_TOPIC) ?? '';
        this.#drop(flight, 'a timed message is dropped: the queue that it is for was deleted', { topic });
      } else {
        this.#ready.set(flight, ready);
        this.#order.push(key, ready.record.physicalOffset, flight);
        isRefused = true;
      }
    }
    return isRefused;
  }

  /** A flight ends without a message. */
  lose(flight: number, text: string, fields: Record<string, unknown>): void {
    this.#drop(flight, text, fields);
  }

  /** Nothing is told any more. */
  end(): void {
    this.#isOver = true;
  }

  #release({ record }: Ready): void {
    this.heldBytes -= record.body.length;
  }

  #drop(flight: number, text: string, fields: Record<string, unknown>): void {
    this.dropped++;
    this.#parts.log('warn', text, fields);
    this.#parts.settle(flight);
  }
}
