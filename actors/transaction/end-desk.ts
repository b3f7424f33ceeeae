/**
 * End desk: the part of the transaction actor that ends half messages as producers say. One an actor. What comes in one turn of the actor
 * goes to the log in one piece, the committed messages first and behind them the op record that says of all of them that they are ended: so
 * an op record never speaks of a message that is not there, and only the log's last piece can lack its op record after a crash.
 * Owns the requests that wait: for the record they name, for room in the lane, for what else happens to their half message. Too many: 2.
 */
import { parseProperties } from '../../model/message-property.ts';
import { decodeMessageRecord, type MessageRecord } from '../../model/message-record.ts';
import { SCHEDULE_TOPIC, TRANS_OP_HALF_TOPIC } from '../../model/topic.ts';
import {
  ILLEGAL_OPERATION,
  SERVICE_NOT_AVAILABLE,
  SUCCESS,
  SYSTEM_BUSY,
  SYSTEM_ERROR,
  TOPIC_NOT_EXIST,
} from '../../protocol/remoting/response-code.ts';
import type { ActorContext } from '../../runtime/actor.ts';
import type { Appended, InnerMessage, InnerRecord } from '../commit-log/inner-append.ts';
import { OUTCOME_NO_QUEUE } from '../commit-log/log-lane.ts';
import { delayLevelOf, parkMessage } from '../timer/delayed-message.ts';
import { endRefusal, isMeant, type Refusal } from './decide-end.ts';
import { EndBatch, type EndItem } from './end-batch.ts';
import { committedMessage, opMessage, originOf, type Properties, realDestination } from './half-message.ts';
import type { OpProgress } from './op-progress.ts';
import { PlainHalf } from './plain-half.ts';
import type { Outcome, TransactionLedger } from './transaction-ledger.ts';
import {
  END_COMMITS,
  END_FROM_CHECK,
  END_NUMBERS,
  type EndTransaction,
  type EndTransactions,
  type Later,
  type TransactionEvent,
  type TransactionParts,
} from './transaction-messages.ts';

/** Requests that wait; for half messages whose end is lost so, their producers are asked. */
const WAITING_MAX = 65_536;
const VIEWS_MAX = 64;
const AGAIN_MS = 10;
const NO_PROPERTIES: Properties = new Map();

export class EndDesk {
  readonly #parts: TransactionParts;
  readonly #ledger: TransactionLedger;
  readonly #ops: OpProgress;
  readonly #later: Later;
  #waiting: EndTransaction[] = [];
  #taken = 0;
  /** Their half message is being ended or stored again. */
  #deferred: EndTransaction[] = [];
  #views = 0;
  readonly #plain = new PlainHalf();
  readonly #batch = new EndBatch();
  #isFlushDue = false;
  /** The lane had no room for the batch. */
  #isStalled = false;

  constructor(parts: TransactionParts, ledger: TransactionLedger, ops: OpProgress, later: Later) {
    this.#later = later;
    this.#parts = parts;
    this.#ledger = ledger;
    this.#ops = ops;
  }

  take(end: EndTransaction, context: ActorContext): void {
    if (this.#waiting.length - this.#taken + this.#deferred.length >= WAITING_MAX) {
      say(end, SYSTEM_BUSY, `${WAITING_MAX} transactions wait for their end, which is the most; the producer group will be asked`);
      return;
    }
    this.#waiting.push(end);
    this.#next(context);
  }

  /** Ends to which nobody waits for an answer: those of plain half messages in a lane at once, when no others wait. */
  takeAll(ends: EndTransactions, context: ActorContext): void {
    for (let index = 0; index < ends.groups.length; index++) {
      const isFirst = this.#waiting.length === this.#taken && this.#views === 0 && !this.#isStalled;
      if (!isFirst || !this.#endAtOnce(ends, index, context)) this.take(endOf(ends, index), context);
    }
  }

  #endAtOnce({ groups, numbers }: EndTransactions, index: number, context: ActorContext): boolean {
    const record = this.#parts.peek(numbers[END_NUMBERS * index + 1]!);
    if (record === null || !this.#plain.read(record)) return false;
    const at = END_NUMBERS * index;
    if (!isMeant(this.#plain.uniqueHash, numbers[at + 3]!, numbers[at + 4]!)) return false;
    const isCommit = (numbers[at + 2]! & END_COMMITS) !== 0;
    return this.#endPlain(groups[index]!, numbers[at]!, isCommit, null, context);
  }

  /** What happened to half messages is settled: those who waited for it go on. */
  resume(context: ActorContext): void {
    if (this.#deferred.length > 0) {
      this.#waiting = [...this.#deferred, ...this.#waiting.slice(this.#taken)];
      this.#taken = 0;
      this.#deferred = [];
    }
    this.#next(context);
  }

  #next(context: ActorContext): void {
    while (this.#taken < this.#waiting.length && this.#views < VIEWS_MAX && !this.#isStalled) {
      const end = this.#waiting[this.#taken++]!;
      if (this.#taken === this.#waiting.length) {
        this.#waiting.length = 0;
        this.#taken = 0;
      }
      this.#view(end, context);
    }
  }

  #view(end: EndTransaction, context: ActorContext): void {
    let isHere = true;
    this.#views++;
    this.#parts.viewOne(end.physical, (record) => {
      if (isHere) this.#viewed(end, record, context);
      else {
        this.#later((then) => {
          this.#viewed(end, record, then);
          this.#next(then);
        });
      }
    });
    isHere = false;
  }

  #viewed(end: EndTransaction, bytes: Uint8Array | null, context: ActorContext): void {
    this.#views--;
    if (bytes === null) {
      say(end, SYSTEM_BUSY, `the half message at commitLogOffset ${end.physical} could not be read in time; try again`);
      return;
    }
    if (bytes.length > 0 && this.#plain.read(bytes) && isMeant(this.#plain.uniqueHash, end.transactionIdHash, end.messageIdHash)) {
      if (this.#endPlain(end.group, end.halfOffset, end.isCommit, end, context)) return;
    }
    const half = bytes.length === 0 ? null : decodeMessageRecord(bytes, 0);
    const properties = half === null ? NO_PROPERTIES : parseProperties(half.properties);
    const refused = endRefusal(end, half, properties, context.now(), this.#parts.settings.timeoutMs);
    if (refused !== null) say(end, refused.code, refused.remark);
    else this.#decide(end, half!, properties, context);
  }

  /** False: it is not as it should be, or not so plain: the general way finds out. */
  #endPlain(group: string, halfOffset: number, isCommit: boolean, end: EndTransaction | null, context: ActorContext): boolean {
    const plain = this.#plain;
    const { queueOffset: offset } = plain;
    if (offset !== halfOffset || !plain.isOfGroup(group)) return false;
    const current = this.#ledger.openAt(offset);
    if (current < 0) return false;
    if (!isCommit) {
      this.#add({ end, current, origin: offset, message: null }, context);
      return true;
    }
    const message = plain.committed(this.#parts.topics, this.#batch.memory);
    if (message === null) return false;
    this.#add({ end, current, origin: offset, message }, context);
    return true;
  }

  #decide(end: EndTransaction, half: MessageRecord, properties: Properties, context: ActorContext): void {
    const origin = originOf(half, properties);
    const standing = this.#ledger.standing(half.queueOffset, origin);
    if (standing.kind === 'busy') this.#deferred.push(end);
    else if (standing.kind === 'ended') sayEnded(end, standing.outcome);
    else {
      const message = end.isCommit ? this.#committed(half, properties) : null;
      if (message !== null && 'code' in message) say(end, message.code, message.remark);
      else this.#add({ end, current: standing.current, origin, message }, context);
    }
  }

  /** The message as it goes to its topic; a delayed one waits for its time, as the Java broker has it. */
  #committed(half: MessageRecord, properties: Properties): InnerMessage | Refusal {
    const { topics, delayLevels } = this.#parts;
    const destination = realDestination(properties)!;
    const topic = topics.get(destination.topic);
    if (topic === undefined || topic.queueHandles.length === 0) {
      return { code: TOPIC_NOT_EXIST, remark: `the topic[${destination.topic}] of the half message does not exist any more` };
    }
    // The topic may have fewer queues now.
    const message = committedMessage(half, properties, topic, destination.queueId % topic.queueHandles.length);
    const level = delayLevelOf(properties) ?? 0;
    if (level <= 0) return message;
    const schedule = topics.get(SCHEDULE_TOPIC);
    if (schedule === undefined || schedule.queueHandles.length < delayLevels) {
      return { code: SYSTEM_BUSY, remark: `the topic[${SCHEDULE_TOPIC}] is not ready: the broker is starting; try again` };
    }
    return parkMessage(message, level, delayLevels, schedule);
  }

  #add(item: EndItem, context: ActorContext): void {
    this.#ledger.begin(item.current);
    this.#batch.add(item);
    if (this.#batch.isFull) this.#flush(context);
    else if (!this.#isFlushDue) {
      // Behind all that is in the mailbox by now.
      this.#isFlushDue = true;
      this.#later((then) => {
        this.#isFlushDue = false;
        if (!this.#isStalled) this.#flush(then);
      });
    }
  }

  /** A while has passed: there may be room in the lane. */
  retry(context: ActorContext): void {
    if (!this.#isStalled) return;
    this.#isStalled = false;
    this.#flush(context);
    this.#next(context);
  }

  #flush(context: ActorContext): void {
    const { items } = this.#batch;
    if (items.length === 0) return;
    const { append, topics, storeHost } = this.#parts;
    const messages: (InnerMessage | InnerRecord)[] = [];
    const offsets: number[] = [];
    for (const { message, current } of items) {
      if (message !== null) messages.push(message);
      offsets.push(current);
    }
    messages.push(opMessage(offsets, topics.get(TRANS_OP_HALF_TOPIC)!, context.now(), storeHost, messages.length));
    const notTaken = append.appendAll(messages, (appended) => this.#later((then) => this.#appended(items, appended, then)));
    if (notTaken === 'lane-full') {
      this.#isStalled = true;
      context.schedule(AGAIN_MS, { kind: 'tick' } satisfies TransactionEvent);
      return;
    }
    this.#batch.clear();
    if (notTaken === null) return;
    const remark = notTaken === 'refused' ? append.refusal! : 'the message is too long to be stored with its properties';
    for (const { end, current } of items) {
      this.#ledger.giveBack(current);
      say(end, SERVICE_NOT_AVAILABLE, remark);
    }
  }

  #appended(items: readonly EndItem[], appended: readonly Appended[], context: ActorContext): void {
    const { figures } = this.#parts;
    const op = appended.at(-1)!;
    let next = 0;
    let highest = -1;
    for (const { end, current, origin, message } of items) {
      const own = message === null ? op : appended[next++]!;
      if (own.kind !== 'refused' || own.outcome === OUTCOME_NO_QUEUE) {
        this.#ledger.settle(current, origin, message === null ? 'rolled-back' : 'committed');
        highest = Math.max(highest, current);
        if (message === null) figures.rolledBack++;
        else figures.committed++;
      } else this.#ledger.giveBack(current);
      if (own.kind !== 'refused') say(end, SUCCESS, '');
      else say(end, SERVICE_NOT_AVAILABLE, own.remark);
      if (own.outcome === OUTCOME_NO_QUEUE)
        context.log('warn', 'a committed message is dropped: the queue that it is for was deleted', { topic: message!.topic.name });
    }
    if (op.kind !== 'refused') this.#ops.note(op.queueOffset, highest);
    this.resume(context);
  }
}

/** One of several, as a message of its own. */
export function endOf({ groups, numbers }: EndTransactions, index: number): EndTransaction {
  const at = END_NUMBERS * index;
  const word = numbers[at + 2]!;
  return {
    kind: 'end-transaction',
    group: groups[index]!,
    halfOffset: numbers[at]!,
    physical: numbers[at + 1]!,
    isCommit: (word & END_COMMITS) !== 0,
    isFromCheck: (word & END_FROM_CHECK) !== 0,
    transactionIdHash: numbers[at + 3]!,
    messageIdHash: numbers[at + 4]!,
    replyTo: null,
  };
}

function say(end: EndTransaction | null, code: number, remark: string): void {
  end?.replyTo?.tell({ kind: 'transaction-answered', code, remark });
}

/** The same word once more is no fault: it may be the answer that was lost. */
function sayEnded(end: EndTransaction, outcome: Outcome | null): void {
  const at = `the half message at commitLogOffset ${end.physical}`;
  if (outcome === (end.isCommit ? 'committed' : 'rolled-back')) say(end, SUCCESS, `${at} was ${outcome} before; nothing was done`);
  else if (outcome === 'given-up')
    say(end, ILLEGAL_OPERATION, `${at} was given up after too many checks: resume it (request 323), then end it`);
  else if (outcome !== null) say(end, SYSTEM_ERROR, `${at} was ${outcome} before, and stays so`);
  else say(end, SYSTEM_ERROR, `${at} was ended before, or stored again to be asked about; nothing was done`);
}
