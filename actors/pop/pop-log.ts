/**
 * Pop log: a pop actor's way to the journal. Collects events while a record is on its way, so that however many acknowledgements come, one record a
 * round trip to the log carries them; and keeps answers back until what they promise is stored. One a pop actor; owns what waits.
 * A log that refuses is tried again with the whole state. What waits is answered as not stored at once when it is known that the log takes nothing (a
 * full disk, a stopping broker), else after a while.
 */
import { TAGS } from '../../model/message-property.ts';
import type { PopRetry } from '../../model/pop-topic.ts';
import type { Appended, InnerAppend } from '../commit-log/inner-append.ts';
import type { PopEvent } from './pop-events.ts';
import type { PopJournal } from './pop-journal.ts';
import { encodePopRecord, POP_RECORD_TAG, type QueueEvent } from './pop-record.ts';

export type PopLogParts = {
  readonly group: string;
  readonly topic: string;
  readonly append: InnerAppend;
  readonly journal: Pick<PopJournal, 'topic' | 'queueOf' | 'onWhole'>;
  readonly now: () => number;
  /** Called when the log says what became of a record; the actor then calls `stored`. */
  readonly onAppended: (appended: Appended) => void;
  /** The whole state as events. */
  readonly whole: () => QueueEvent[];
};

/** What is kept back; `isStored` false: the log has refused. */
export type Answer = (isStored: boolean) => void;
type Waiting = { readonly answer: Answer; readonly since: number };

/** Beyond so many events the whole state is the shorter tale. */
const EVENTS_MAX = 4096;
/** A write that has failed is mostly followed by one that does not: clients wait for it so long. */
const PATIENCE_MS = 500;

export class PopLog {
  readonly #parts: PopLogParts;
  #number: number;
  #events: QueueEvent[] = [];
  #answers: Waiting[] = [];
  /** Answers to what is on its way. */
  #flying: Waiting[] | null = null;
  #isWholeFlying = false;
  /** The next record is to tell the whole state. So is a life's first: what a former life had on its way may be stored after it began. */
  #isWholeDue = true;
  /** Even when nothing has happened. */
  #isWholeAsked = false;

  /** @param number of the last record that the journal has; 0: none */
  constructor(parts: PopLogParts, number: number) {
    this.#parts = parts;
    // Numbers of a former life that the journal has lost are lower in any case.
    this.#number = Math.max(number, parts.now() * 1000);
  }

  get isIdle(): boolean {
    return this.#flying === null && this.#events.length === 0 && this.#answers.length === 0;
  }

  add(retry: PopRetry, queueId: number, event: PopEvent): void {
    if (this.#isWholeDue && this.#events.length >= EVENTS_MAX) return;
    this.#events.push({ retry, queueId, event });
    if (this.#events.length < EVENTS_MAX) return;
    this.#isWholeDue = true;
  }

  /** Called when every event that was added before is stored, or refused. */
  answer(answer: Answer): void {
    this.#answers.push({ answer, since: this.#parts.now() });
  }

  /** The next record tells the whole state. */
  tellWhole(): void {
    this.#isWholeDue = true;
    this.#isWholeAsked = true;
  }

  /** Sends what is there, unless a record is on its way. False: nothing can go now, call again later. */
  flush(): boolean {
    if (this.#flying !== null) return true;
    if (this.#events.length === 0 && !this.#isWholeAsked) {
      this.#settle(this.#answers.splice(0), true);
      return true;
    }
    const { group, topic, append, journal, now, onAppended, whole } = this.#parts;
    const journalTopic = journal.topic();
    if (journalTopic === undefined) return false;
    const isWhole = this.#isWholeDue;
    if (isWhole) journal.onWhole(group, topic, null);
    const record = { group, topic, number: ++this.#number, isWhole, events: isWhole ? whole() : this.#events };
    const time = now();
    const notTaken = append.append(
      {
        topic: journalTopic,
        queueId: journal.queueOf(group, topic),
        flag: 0,
        sysFlag: 0,
        bornTimestamp: time,
        bornHost: append.host,
        reconsumeTimes: 0,
        preparedTransactionOffset: 0,
        body: encodePopRecord(record),
        properties: JOURNAL_PROPERTIES,
        delayLevel: 0,
      },
      onAppended,
      true,
    );
    if (notTaken === 'lane-full') return false;
    if (notTaken !== null) {
      this.#refused(this.#answers.splice(0));
      return false;
    }
    this.#events = [];
    this.#flying = this.#answers;
    this.#answers = [];
    this.#isWholeFlying = isWhole;
    this.#isWholeDue = false;
    this.#isWholeAsked = false;
    return true;
  }

  /** The record on its way was stored or refused. False: refused, call `flush` again later. */
  stored(appended: Appended): boolean {
    const answers = this.#flying ?? [];
    this.#flying = null;
    if (appended.kind === 'refused') {
      this.#refused(answers);
      return false;
    }
    const { group, topic, journal } = this.#parts;
    if (this.#isWholeFlying) journal.onWhole(group, topic, appended.queueOffset);
    this.#settle(answers, true);
    return true;
  }

  #refused(answers: readonly Waiting[]): void {
    // What the lost record said is in the state.
    this.#isWholeDue = true;
    this.#isWholeAsked = true;
    this.#events = [];
    const { append, now } = this.#parts;
    const time = now();
    // A clock that was set back ends the patience as well.
    const isPatient = ({ since }: Waiting): boolean => append.refusal === null && time >= since && time - since < PATIENCE_MS;
    this.#answers.unshift(...answers.filter(isPatient));
    this.#settle(
      answers.filter((waiting) => !isPatient(waiting)),
      false,
    );
  }

  #settle(answers: readonly Waiting[], isStored: boolean): void {
    for (const { answer } of answers) answer(isStored);
  }
}

const JOURNAL_PROPERTIES: ReadonlyMap<string, string> = new Map([[TAGS, POP_RECORD_TAG]]);
