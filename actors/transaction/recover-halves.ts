/**
 * Recover halves: how the transaction actor learns at its start which half messages are open: those of the half queue from the group
 * CID_RMQ_SYS_TRANS's offset on that no op record from its offset on ends. A crash may have parted what goes to the log in one piece: a half
 * message that was stored again and still counts as open at its former place, and a committed message without its op record; both are found,
 * and get their op record now. One a life of the actor; then it is done with. What does not answer is asked again.
 * Source: RocketMQ 5.4 `TransactionalMessageServiceImpl.check`, `fillOpRemoveMap`, which does it anew for each round.
 */

import { TRANS_CONSUMER_GROUP } from '../../model/group.ts';
import {
  parseProperties,
  TRANSACTION_ORIGIN_QUEUE_OFFSET,
  TRANSACTION_PREPARED_QUEUE_OFFSET,
  UNIQ_KEY,
} from '../../model/message-property.ts';
import { decodeMessageRecord } from '../../model/message-record.ts';
import { TRANS_CHECK_MAX_TIME_TOPIC, TRANS_HALF_TOPIC, TRANS_OP_HALF_TOPIC } from '../../model/topic.ts';
import type { ActorContext, ActorMessage, ActorRef } from '../../runtime/actor.ts';
import { consumerGroupPath } from '../consumer-group/group-table-actor.ts';
import type { OffsetFound, QueryOffset } from '../consumer-group/offset-keeper.ts';
import { type CommitsFound, type FindCommits, UNIQUE_KEY_CHARS_MAX } from '../store/reader-actor.ts';
import { opMessage, opOffsets, originOf } from './half-message.ts';
import { OpProgress } from './op-progress.ts';
import type { Found, QueueStretch } from './queue-stretch.ts';
import { TransactionLedger } from './transaction-ledger.ts';
import type { Later, TransactionEvent, TransactionParts } from './transaction-messages.ts';
import { UnitPlaces } from './unit-places.ts';

/** What a piece of the log is at most that one crash can part: a batch of the end desk with one message of the largest size. */
const TAIL_BYTES = 20 * 1024 * 1024;
const ASK_MAX_MS = 2_500;
const AGAIN_MS = 20;
const OPS_PER_REPAIR = 256;
/** Half messages that were ended below the half queue's offset, remembered for those that a Java broker has put back. */
const ENDED_BEFORE_MAX = 1_000_000;

export type Halves = { readonly ledger: TransactionLedger; readonly ops: OpProgress; readonly half: number; readonly op: number };

export class RecoverHalves {
  readonly #parts: TransactionParts;
  readonly #later: Later;
  readonly #stretch: QueueStretch;
  readonly #done: (halves: Halves, context: ActorContext) => void;
  #half = -1;
  #op = -1;
  #ledger!: TransactionLedger;
  #ops!: OpProgress;
  #places!: UnitPlaces;
  readonly #endedBefore: Set<number> = new Set();
  /** Ended, but no op record says so. */
  #repairs: number[] = [];

  constructor(parts: TransactionParts, later: Later, stretch: QueueStretch, done: (halves: Halves, context: ActorContext) => void) {
    this.#parts = parts;
    this.#later = later;
    this.#stretch = stretch;
    this.#done = done;
  }

  begin(context: ActorContext): void {
    const { topics } = this.#parts;
    this.#half = topics.get(TRANS_HALF_TOPIC)?.queueHandles[0] ?? -1;
    this.#op = topics.get(TRANS_OP_HALF_TOPIC)?.queueHandles[0] ?? -1;
    const areThere = topics.complete && this.#half >= 0 && this.#op >= 0 && topics.get(TRANS_CHECK_MAX_TIME_TOPIC) !== undefined;
    if (!areThere) this.#again(context, (then) => this.begin(then));
    else
      this.#askOffset(TRANS_HALF_TOPIC, context, (half, then) =>
        this.#askOffset(TRANS_OP_HALF_TOPIC, then, (op, last) => this.#open(half, op, last)),
      );
  }

  #open(half: number, op: number, context: ActorContext): void {
    const { table } = this.#parts;
    const clamp = (offset: number, handle: number): number => Math.min(Math.max(offset, table.min(handle)), table.next(handle));
    this.#places = new UnitPlaces(this.#parts, TRANS_HALF_TOPIC, this.#half);
    this.#ledger = new TransactionLedger(clamp(half, this.#half));
    this.#ops = new OpProgress(clamp(op, this.#op));
    this.#readOps(this.#ops.done, context);
  }

  #readOps(from: number, context: ActorContext): void {
    const end = this.#parts.table.next(this.#op);
    const all = (): boolean => true;
    this.#read(TRANS_OP_HALF_TOPIC, this.#op, from, end, all, context, (found, next, then) => {
      this.#takeOps(found, 0, then, (last) => {
        if (next < end) this.#readOps(next, last);
        else this.#walk(this.#ledger.nextOpen(0, this.#end()), last);
      });
    });
  }

  /**
   * Marks what op records name, one record after the other. A power cut may keep one and take the last half messages that it names: what has
   * their offsets now came later, lies behind it in the log, and is not ended by it.
   */
  #takeOps(found: readonly Found[], first: number, context: ActorContext, done: (context: ActorContext) => void): void {
    const { base } = this.#ledger;
    for (let index = first; index < found.length; index++) {
      const { offset, record } = found[index]!;
      const named = record === null ? [] : opOffsets(record.body, parseProperties(record.properties));
      const meant: number[] = [];
      for (const half of named) {
        const place = half < base ? -1 : this.#places.of(half);
        if (place === null) {
          this.#places.read(half, (isRead) =>
            this.#later((then) => {
              const goOn = (last: ActorContext): void => this.#takeOps(found, index, last, done);
              if (isRead) goOn(then);
              else this.#again(then, goOn);
            }),
          );
          return;
        }
        if (place < record!.physicalOffset) meant.push(half);
      }
      let highest = -1;
      for (const half of meant) {
        highest = Math.max(highest, half);
        if (half >= base) this.#ledger.markEnded(half);
        else if (this.#endedBefore.size < ENDED_BEFORE_MAX) this.#endedBefore.add(half);
      }
      this.#ops.note(offset, highest);
    }
    done(context);
  }

  #end(): number {
    return this.#parts.table.next(this.#half);
  }

  /** Looks at each half message that seems to be open. */
  #walk(from: number, context: ActorContext): void {
    const end = this.#end();
    const isOpen = (offset: number): boolean => this.#ledger.isOpen(offset);
    this.#read(TRANS_HALF_TOPIC, this.#half, from, end, isOpen, context, (found, next, then) => {
      for (const one of found) this.#look(one, then);
      const open = this.#ledger.nextOpen(next, end);
      if (open < end) this.#walk(open, then);
      else this.#findCommits(then);
    });
  }

  #look({ offset, record }: Found, context: ActorContext): void {
    const ledger = this.#ledger;
    if (record === null) {
      context.log('warn', 'a half message is lost: its record was removed or is damaged', { offset });
      this.#endLate(offset);
      return;
    }
    const properties = parseProperties(record.properties);
    const origin = originOf(record, properties);
    if (origin === offset) return;
    const isJavas = !properties.has(TRANSACTION_ORIGIN_QUEUE_OFFSET) && properties.has(TRANSACTION_PREPARED_QUEUE_OFFSET);
    const former = ledger.currentOf(origin) ?? origin;
    if (isJavas && this.#endedBefore.has(origin)) this.#endLate(offset);
    else {
      if (former !== offset && ledger.isOpen(former)) this.#endLate(former);
      ledger.standsFor(origin, offset);
    }
  }

  /** No op record says that this one is ended. */
  #endLate(offset: number): void {
    this.#ledger.markEnded(offset);
    this.#repairs.push(offset);
  }

  #findCommits(context: ActorContext): void {
    if (this.#ledger.pending(this.#end()) === 0) {
      this.#repair(context);
      return;
    }
    const reader: ActorRef<FindCommits> = context.ref(this.#parts.reader);
    this.#ask<CommitsFound, FindCommits>(
      context,
      reader,
      (replyTo) => ({ kind: 'find-commits', length: TAIL_BYTES, replyTo }),
      (reply, then) => {
        if (reply === undefined) this.#again(then, (last) => this.#findCommits(last));
        else this.#lookAtCommits(reply, 0, then);
      },
    );
  }

  /** Each was made of the half message at its place, or at a former one of it. */
  #lookAtCommits(commits: CommitsFound, index: number, context: ActorContext): void {
    const { physicals, uniqueKeys } = commits;
    if (index >= physicals.length) {
      this.#repair(context);
      return;
    }
    this.#parts.viewOne(physicals[index]!, (bytes) =>
      this.#later((then) => {
        if (bytes === null) {
          this.#again(then, (last) => this.#lookAtCommits(commits, index, last));
          return;
        }
        const half = bytes.length === 0 ? null : decodeMessageRecord(bytes, 0);
        const properties = parseProperties(half?.properties ?? '');
        const isSame = (properties.get(UNIQ_KEY) ?? '').slice(0, UNIQUE_KEY_CHARS_MAX) === uniqueKeys[index];
        if (half?.topic === TRANS_HALF_TOPIC && isSame) {
          const standing = this.#ledger.standing(half.queueOffset, originOf(half, properties));
          if (standing.kind === 'open') this.#endLate(standing.current);
        }
        this.#lookAtCommits(commits, index + 1, then);
      }),
    );
  }

  #repair(context: ActorContext): void {
    const offsets = this.#repairs.slice(0, OPS_PER_REPAIR);
    if (offsets.length === 0) {
      this.#done({ ledger: this.#ledger, ops: this.#ops, half: this.#half, op: this.#op }, context);
      return;
    }
    const { append, topics, storeHost } = this.#parts;
    const op = opMessage(offsets, topics.get(TRANS_OP_HALF_TOPIC)!, context.now(), storeHost, 0);
    const again = (then: ActorContext): void => this.#again(then, (last) => this.#repair(last));
    const notTaken = append.appendAll([op], ([appended]) =>
      this.#later((then) => {
        if (appended!.kind === 'refused') again(then);
        else {
          this.#ops.note(appended!.queueOffset, Math.max(...offsets));
          this.#repairs = this.#repairs.slice(offsets.length);
          this.#repair(then);
        }
      }),
    );
    if (notTaken !== null) again(context);
  }

  /** Reads what is there of [from, end), in one or more goes; nothing to read gives nothing found. */
  #read(
    topic: string,
    handle: number,
    from: number,
    end: number,
    isWanted: (offset: number) => boolean,
    context: ActorContext,
    onFound: (found: readonly Found[], next: number, context: ActorContext) => void,
  ): void {
    if (from >= end) {
      onFound([], end, context);
      return;
    }
    this.#stretch.read(topic, handle, from, end, isWanted, (stretch) =>
      this.#later((then) => {
        if (stretch === null) this.#again(then, (last) => this.#read(topic, handle, from, end, isWanted, last, onFound));
        else onFound(stretch.found, stretch.next, then);
      }),
    );
  }

  #askOffset(topic: string, context: ActorContext, onOffset: (offset: number, context: ActorContext) => void): void {
    const group: ActorRef<QueryOffset> = context.ref(consumerGroupPath(TRANS_CONSUMER_GROUP));
    this.#ask<OffsetFound, QueryOffset>(
      context,
      group,
      (replyTo) => ({ kind: 'query-offset', topic, queueId: 0, zeroIfNotFound: false, replyTo }),
      (reply, then) => {
        if (reply === undefined) this.#again(then, (last) => this.#askOffset(topic, last, onOffset));
        else onOffset(reply.offset, then);
      },
    );
  }

  #ask<R extends ActorMessage, M extends ActorMessage>(
    context: ActorContext,
    target: ActorRef<M>,
    build: (replyTo: ActorRef<R>) => M,
    onReply: (reply: R | undefined, context: ActorContext) => void,
  ): void {
    context.ask<R, M>(target, build, ASK_MAX_MS, (reply) => {
      this.#later((then) => onReply(reply, then));
      return { kind: 'turn' } satisfies TransactionEvent;
    });
  }

  #again(context: ActorContext, run: (context: ActorContext) => void): void {
    this.#waiting = run;
    context.schedule(AGAIN_MS, { kind: 'turn' } satisfies TransactionEvent);
    this.#dueMs = context.monotonicMs() + AGAIN_MS;
  }

  #waiting: ((context: ActorContext) => void) | null = null;
  #dueMs = 0;

  /** In a turn of the actor: goes on with what was to be tried again. */
  turn(context: ActorContext): void {
    const run = this.#waiting;
    if (run === null || context.monotonicMs() < this.#dueMs) return;
    this.#waiting = null;
    run(context);
  }
}
