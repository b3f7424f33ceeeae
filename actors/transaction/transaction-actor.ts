/**
 * Transaction actor: knows which half messages are open, ends them as their producers say, and asks the producers about those that wait for
 * too long. One a broker, at `transaction`, on the first shard. What it knows comes from the half topic, the op topic and the offsets of
 * the group CID_RMQ_SYS_TRANS in both, as a Java broker keeps them; a bit a half message is in memory, and what was stored again of late.
 *
 * A half message ends once: a second word for it is answered and does nothing. One that was given up is resumed once. Requests that come while it starts wait.
 * Fails by assertion only, and with its thread: a new life must find in the log what this one gave to it. Refusals: see end-desk.ts.
 * Source: RocketMQ 5.4 `TransactionalMessageServiceImpl`, `TransactionalMessageCheckService`, `AdminBrokerProcessor.resumeCheckHalfMessage`.
 */
import { TRANS_CONSUMER_GROUP } from '../../model/group.ts';
import { parseProperties, TRANSACTION_ORIGIN_QUEUE_OFFSET, UNIQ_KEY } from '../../model/message-property.ts';
import { decodeMessageRecord } from '../../model/message-record.ts';
import { TRANS_CHECK_MAX_TIME_TOPIC, TRANS_HALF_TOPIC, TRANS_OP_HALF_TOPIC } from '../../model/topic.ts';
import { SERVICE_NOT_AVAILABLE, SUCCESS, SYSTEM_BUSY, SYSTEM_ERROR } from '../../protocol/remoting/response-code.ts';
import type { Actor, ActorContext, ActorRef, TimerId } from '../../runtime/actor.ts';
import { consumerGroupPath } from '../consumer-group/group-table-actor.ts';
import type { CommitOffset } from '../consumer-group/offset-keeper.ts';
import { CheckRound } from './check-round.ts';
import { EndDesk, endOf } from './end-desk.ts';
import { checkTimes, originOf, producerGroupOf, realDestination, resumedMark, resumedMessage, waitsSince } from './half-message.ts';
import { type Found, QueueStretch } from './queue-stretch.ts';
import { type Halves, RecoverHalves } from './recover-halves.ts';
import { ResumedMarks } from './resumed-marks.ts';
import type {
  EndTransaction,
  HalfMessagesListed,
  ListHalfMessages,
  ResumeCheck,
  TransactionAnswered,
  TransactionCommand,
  TransactionEvent,
  TransactionParts,
} from './transaction-messages.ts';

/** Ends that come while the actor starts. */
const HELD_MAX = 65_536;
const LISTS_MAX = 64;
const TICK_MS = 1_000;
const IDLE_TICK_MS = 5_000;

type Known = Halves & { readonly desk: EndDesk; readonly round: CheckRound };

export class TransactionActor implements Actor<TransactionCommand | TransactionEvent> {
  readonly #parts: TransactionParts;
  readonly #stretch: QueueStretch;
  /** Null: it is known which half messages are open. */
  #recovery: RecoverHalves | null;
  #known: Known | null = null;
  #held: EndTransaction[] = [];
  #lists: ListHalfMessages[] = [];
  readonly #resuming: Set<number> = new Set();
  readonly #marks: ResumedMarks;
  /** What came from outside and waits for a turn. */
  #arrivals: ((context: ActorContext) => void)[] = [];
  #self: ActorRef<TransactionEvent> | null = null;
  #tickTimer: TimerId | null = null;
  #isIdle = false;
  #lastRoundMs = 0;
  /** Offsets that may be saved when the log is on the disk up to `written`; and those saved last. */
  #candidate: { readonly half: number; readonly op: number; readonly written: number } | null = null;
  #savedHalf = -1;
  #savedOp = -1;

  constructor(parts: TransactionParts) {
    this.#parts = parts;
    this.#stretch = new QueueStretch(parts);
    this.#marks = new ResumedMarks(parts, this.#later);
    this.#recovery = new RecoverHalves(parts, this.#later, this.#stretch, (halves, context) => this.#open(halves, context));
  }

  started(context: ActorContext): void {
    this.#self = context.self as ActorRef<TransactionEvent>;
    this.#recovery!.begin(context);
  }

  receive(message: TransactionCommand | TransactionEvent, context: ActorContext): void {
    while (this.#arrivals.length > 0) for (const run of this.#arrivals.splice(0)) run(context);
    switch (message.kind) {
      case 'end-transaction':
        this.#end(message, context);
        break;
      case 'end-transactions':
        if (this.#known !== null) this.#known.desk.takeAll(message, context);
        else for (let index = 0; index < message.groups.length; index++) this.#end(endOf(message, index), context);
        break;
      case 'resume-check':
        this.#resume(message, context);
        break;
      case 'list-half-messages':
        this.#list(message, context);
        break;
      case 'arrived':
        if (this.#isIdle) this.#scheduleTick(TICK_MS, context);
        break;
      case 'tick':
        this.#tickTimer = null;
        this.#tick(context);
        break;
      case 'turn':
        this.#recovery?.turn(context);
        this.#known?.desk.retry(context);
        this.#marks.turn(context);
        break;
    }
  }

  readonly #later = (run: (context: ActorContext) => void): void => {
    this.#arrivals.push(run);
    // With a full mailbox the next message of it brings the turn.
    if (this.#arrivals.length === 1) this.#self!.tell({ kind: 'turn' });
  };

  #open(halves: Halves, context: ActorContext): void {
    const { ledger, ops, half } = halves;
    const desk = new EndDesk(this.#parts, ledger, ops, this.#later);
    const round = new CheckRound(this.#parts, ledger, ops, this.#later);
    this.#known = { ...halves, desk, round };
    this.#recovery = null;
    this.#lastRoundMs = context.monotonicMs();
    this.#parts.watch(half);
    for (const end of this.#held.splice(0)) desk.take(end, context);
    this.#tick(context);
  }

  #end(end: EndTransaction, context: ActorContext): void {
    if (this.#known !== null) this.#known.desk.take(end, context);
    else if (this.#held.length < HELD_MAX) this.#held.push(end);
    else answer(end.replyTo, SYSTEM_BUSY, 'the broker is starting, and too many transactions wait for their end; try again later');
  }

  #scheduleTick(afterMs: number, context: ActorContext): void {
    if (this.#tickTimer !== null) context.cancel(this.#tickTimer);
    this.#isIdle = afterMs === IDLE_TICK_MS;
    this.#tickTimer = context.schedule(afterMs, { kind: 'tick' } satisfies TransactionEvent);
  }

  #tick(context: ActorContext): void {
    const known = this.#known!;
    const { table, settings, figures } = this.#parts;
    const { ledger, ops, half } = known;
    const end = table.next(half);
    ledger.removeBelow(Math.min(table.min(half), end));
    ledger.advance(end);
    ops.settle(ledger.base);
    const pending = ledger.pending(end);
    figures.pending = pending;
    if (pending === 0) figures.oldestSince = 0;
    this.#save(known, context);
    const now = context.monotonicMs();
    if (!known.round.isOn && now - this.#lastRoundMs >= settings.checkIntervalMs) {
      this.#lastRoundMs = now;
      known.round.begin(end);
    }
    this.#pump(known, context);
    const isIdle = pending === 0 && this.#candidate === null && table.next(half) === end;
    // What comes from now on is told; what came a moment before is seen at the next look.
    if (isIdle) table.setWaiting(half);
    this.#scheduleTick(isIdle ? IDLE_TICK_MS : Math.min(TICK_MS, settings.checkIntervalMs), context);
  }

  /** The offsets go to the group's own when the op records that they stand on are on the disk: first the half queue's. */
  #save({ ledger, ops }: Known, context: ActorContext): void {
    const { writtenEnd, flushedEnd } = this.#parts;
    const ready = this.#candidate;
    if (ready !== null && flushedEnd() >= ready.written) {
      const group: ActorRef<CommitOffset> = context.ref(consumerGroupPath(TRANS_CONSUMER_GROUP));
      group.tell({ kind: 'commit-offset', topic: TRANS_HALF_TOPIC, queueId: 0, offset: ready.half });
      group.tell({ kind: 'commit-offset', topic: TRANS_OP_HALF_TOPIC, queueId: 0, offset: ready.op });
      this.#savedHalf = ready.half;
      this.#savedOp = ready.op;
      this.#candidate = null;
    }
    const isNew = ledger.base !== this.#savedHalf || ops.done !== this.#savedOp;
    if (this.#candidate === null && isNew) this.#candidate = { half: ledger.base, op: ops.done, written: writtenEnd() };
  }

  /** Reads what is wanted next of the half queue: a page of the list before a stretch of the round. */
  #pump(known: Known, context: ActorContext): void {
    if (this.#stretch.isReading) return;
    const { ledger, half, round } = known;
    const isOpen = (offset: number): boolean => ledger.isOpen(offset);
    const list = this.#lists.shift();
    if (list !== undefined) {
      const end = this.#parts.table.next(half);
      const from = ledger.nextOpen(Math.max(0, list.from), end);
      if (from >= end) this.#tellPage(list, [], -1, known, context);
      else {
        this.#stretch.read(TRANS_HALF_TOPIC, half, from, end, isOpen, (stretch) =>
          this.#later((then) => {
            const next = stretch === null ? from : ledger.nextOpen(stretch.next, end);
            this.#tellPage(list, stretch?.found ?? [], next < end ? next : -1, known, then);
          }),
        );
      }
    } else if (round.isOn && !round.isMoving) {
      const { from, to } = round.stretch;
      this.#stretch.read(TRANS_HALF_TOPIC, half, from, to, isOpen, (stretch) =>
        this.#later((then) => {
          // What cannot be read now is looked at again with the next tick.
          if (stretch === null) return;
          round.onStretch(stretch.found, stretch.next, then, (last) => {
            known.desk.resume(last);
            this.#pump(known, last);
          });
        }),
      );
    }
  }

  #list(list: ListHalfMessages, context: ActorContext): void {
    if (this.#known === null || this.#lists.length >= LISTS_MAX) list.replyTo.tell(emptyPage(list.from));
    else {
      this.#lists.push(list);
      this.#pump(this.#known, context);
    }
  }

  #tellPage(list: ListHalfMessages, found: readonly Found[], next: number, known: Known, context: ActorContext): void {
    const page = { ...emptyPage(next), pending: known.ledger.pending(this.#parts.table.next(known.half)) };
    for (const { offset, record } of found) {
      if (record === null) continue;
      const properties = parseProperties(record.properties);
      page.offsets.push(offset);
      page.physicals.push(record.physicalOffset);
      page.groups.push(producerGroupOf(properties) ?? '');
      page.topics.push(realDestination(properties)?.topic ?? '');
      page.ids.push(properties.get(UNIQ_KEY) ?? '');
      page.since.push(waitsSince(record, properties));
      page.checks.push(checkTimes(properties));
    }
    list.replyTo.tell(page);
    this.#pump(known, context);
  }

  #resume({ physical, replyTo }: ResumeCheck, context: ActorContext): void {
    const known = this.#known;
    if (known === null || this.#resuming.size >= LISTS_MAX || this.#resuming.has(physical)) {
      answer(replyTo, SYSTEM_BUSY, 'the broker is starting, or the half message is being resumed; try again later');
      return;
    }
    this.#resuming.add(physical);
    const done = (code: number, remark: string): void => {
      this.#resuming.delete(physical);
      answer(replyTo, code, remark);
    };
    this.#marks.whenRead(context, () =>
      this.#parts.viewOne(physical, (bytes) => this.#later((then) => this.#resumeKept(physical, bytes, known, done, then))),
    );
  }

  #resumeKept(
    physical: number,
    bytes: Uint8Array | null,
    { ledger }: Known,
    done: (code: number, remark: string) => void,
    context: ActorContext,
  ): void {
    const { append, topics } = this.#parts;
    const kept = bytes === null || bytes.length === 0 ? null : decodeMessageRecord(bytes, 0);
    const properties = parseProperties(kept?.properties ?? '');
    if (bytes === null) {
      done(SYSTEM_BUSY, `the message at offset ${physical} could not be read in time; try again`);
      return;
    }
    if (kept === null || kept.topic !== TRANS_CHECK_MAX_TIME_TOPIC || realDestination(properties) === null) {
      const what = kept === null ? 'no message begins there' : `it is a message of ${kept.topic}`;
      done(
        SYSTEM_ERROR,
        `no half message that was given up lies at offset ${physical}: ${what}; take its id from ${TRANS_CHECK_MAX_TIME_TOPIC}`,
      );
      return;
    }
    const origin = properties.has(TRANSACTION_ORIGIN_QUEUE_OFFSET) ? originOf(kept, properties) : null;
    const standing = origin === null ? null : ledger.standing(-1, origin);
    const isEndedOtherwise = standing?.kind === 'ended' && standing.outcome !== null && standing.outcome !== 'given-up';
    const isWaiting = standing !== null && standing.kind !== 'ended';
    const marks = this.#marks;
    const mark = resumedMark(kept, properties, topics.get(TRANS_CHECK_MAX_TIME_TOPIC)!, context.now(), this.#parts.storeHost);
    if (marks.has(physical) || isEndedOtherwise || isWaiting) {
      const how = isEndedOtherwise ? `was ${standing.outcome} meanwhile` : 'is resumed already';
      done(SYSTEM_ERROR, `the half message at offset ${physical} ${how}; nothing was done`);
      // A crash has parted the mark from what it speaks of. Should it not be taken now, the next one who asks brings it.
      if (!marks.has(physical)) append.append(mark, ({ kind }) => this.#later(() => kind !== 'refused' && marks.add(physical)), true);
      return;
    }
    const again = resumedMessage(kept, properties, topics.get(TRANS_HALF_TOPIC)!);
    const notTaken = append.appendAll([again, mark], ([appended]) =>
      this.#later(() => {
        if (appended!.kind === 'refused') done(SERVICE_NOT_AVAILABLE, appended!.remark);
        else {
          marks.add(physical);
          if (origin !== null) ledger.standsFor(origin, appended!.queueOffset);
          done(SUCCESS, '');
        }
      }),
    );
    if (notTaken === 'refused') done(SERVICE_NOT_AVAILABLE, append.refusal!);
    else if (notTaken !== null)
      done(SYSTEM_BUSY, `the half message at offset ${physical} could not be stored (${notTaken}); try again later`);
    if (this.#isIdle) this.#scheduleTick(TICK_MS, context);
  }
}

function answer(replyTo: ActorRef<TransactionAnswered> | null, code: number, remark: string): void {
  replyTo?.tell({ kind: 'transaction-answered', code, remark });
}

type Page = {
  -readonly [Column in keyof HalfMessagesListed]: HalfMessagesListed[Column] extends readonly (infer One)[]
    ? One[]
    : HalfMessagesListed[Column];
};

function emptyPage(next: number): Page {
  const columns = { offsets: [], physicals: [], groups: [], topics: [], ids: [], since: [], checks: [] };
  return { kind: 'half-messages-listed', ...columns, next, pending: 0 };
}
