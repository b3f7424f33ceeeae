/**
 * Check rounds: the part of the transaction actor that asks the producer groups what became of half messages that wait for too long. One
 * round goes through all that were open at its beginning, a stretch at a time. Who is asked about gets stored again with the number of
 * times, in one piece with the op record that ends its former place: so a check counts however the broker ends, and the half queue's
 * beginning moves on. After the last time the message is kept in TRANS_CHECK_MAX_TIME_TOPIC.
 * A group without a member is not asked; the time counts, as in the Java broker.
 * Source: RocketMQ 5.4 `TransactionalMessageServiceImpl.check`, `AbstractTransactionalMessageCheckListener.sendCheckMessage`.
 */

import { groupNameFault } from '../../model/group.ts';
import { parseProperties } from '../../model/message-property.ts';
import { type MessageRecord, PROPERTIES_BYTES_MAX } from '../../model/message-record.ts';
import { TRANS_CHECK_MAX_TIME_TOPIC, TRANS_HALF_TOPIC, TRANS_OP_HALF_TOPIC } from '../../model/topic.ts';
import { CHECK_TRANSACTION_STATE } from '../../protocol/remoting/request-code.ts';
import type { ActorContext, ActorRef } from '../../runtime/actor.ts';
import type { Appended, InnerMessage } from '../commit-log/inner-append.ts';
import type { PushToClient } from '../gateway/request.ts';
import { type PickProducer, type ProducerPicked, producerGroupPath } from '../producer-group/producer-group-actor.ts';
import { decideCheck } from './decide-check.ts';
import {
  checkedHalfMessage,
  checkRequest,
  givenUpMessage,
  opMessage,
  originOf,
  type Properties,
  producerGroupOf,
  realDestination,
  waitsSince,
} from './half-message.ts';
import type { OpProgress } from './op-progress.ts';
import type { Found } from './queue-stretch.ts';
import type { TransactionLedger } from './transaction-ledger.ts';
import type { Later, TransactionParts } from './transaction-messages.ts';

type Move = {
  readonly offset: number;
  readonly origin: number;
  readonly half: MessageRecord;
  readonly message: InnerMessage;
  /** Else it is given up. */
  readonly isAsked: boolean;
};

const PICK_MAX_MS = 2_500;
const BATCH_BYTES_MAX = 1024 * 1024;
/** What a half message's properties grow by when it is stored again. */
const CHECK_PROPERTIES_BYTES = 96;

export class CheckRound {
  readonly #parts: TransactionParts;
  readonly #ledger: TransactionLedger;
  readonly #ops: OpProgress;
  readonly #later: Later;
  #next = 0;
  #end = 0;
  #isMoving = false;
  #oldestSince = 0;
  /** Groups of this round that had no member to ask. */
  readonly #silent: Set<string> = new Set();

  constructor(parts: TransactionParts, ledger: TransactionLedger, ops: OpProgress, later: Later) {
    this.#parts = parts;
    this.#ledger = ledger;
    this.#ops = ops;
    this.#later = later;
  }

  /** Some of the round is left. */
  get isOn(): boolean {
    return this.#isMoving || this.#next < this.#end;
  }

  /** Waits for the log. */
  get isMoving(): boolean {
    return this.#isMoving;
  }

  /** Where the next stretch begins, and where the round ends. */
  get stretch(): { readonly from: number; readonly to: number } {
    return { from: this.#next, to: this.#end };
  }

  /** A round over all that is open below `end`. */
  begin(end: number): void {
    this.#next = this.#ledger.nextOpen(0, end);
    this.#end = end;
    this.#oldestSince = 0;
    this.#silent.clear();
  }

  /** A stretch of it was read. `onSettled` is called when what was done with it is in the log. */
  onStretch(found: readonly Found[], next: number, context: ActorContext, onSettled: (context: ActorContext) => void): void {
    const moves: Move[] = [];
    const gone: number[] = [];
    let bytes = 0;
    let goOn = next;
    for (const { offset, record } of found) {
      // It was ended while it was read.
      if (!this.#ledger.isOpen(offset)) continue;
      if (bytes > BATCH_BYTES_MAX) {
        goOn = offset;
        break;
      }
      const move = record === null ? null : this.#decide(offset, record, context);
      if (record === null || move === 'gone') {
        gone.push(offset);
        context.log('warn', 'a half message is lost: its record was removed or is damaged', { offset });
      } else if (move !== null) {
        moves.push(move as Move);
        bytes += record.totalSize;
      }
    }
    this.#next = this.#ledger.nextOpen(goOn, this.#end);
    if (this.#next >= this.#end) this.#parts.figures.oldestSince = this.#oldestSince;
    for (const offset of gone) this.#ledger.markEnded(offset);
    if (moves.length === 0 && gone.length === 0) onSettled(context);
    else this.#store(moves, gone, context, onSettled);
  }

  #decide(offset: number, half: MessageRecord, context: ActorContext): Move | 'gone' | null {
    const { settings, topics } = this.#parts;
    const properties = parseProperties(half.properties);
    if (realDestination(properties) === null) return 'gone';
    const since = waitsSince(half, properties);
    if (this.#oldestSince === 0 || since < this.#oldestSince) this.#oldestSince = since;
    const decision = decideCheck(half, properties, settings, context.now());
    if (decision.kind === 'wait') return null;
    const origin = originOf(half, properties);
    // One that is full of properties has no room for the number of its checks.
    const isFull = Buffer.byteLength(half.properties) > PROPERTIES_BYTES_MAX - CHECK_PROPERTIES_BYTES;
    const isAsked = decision.kind === 'ask' && !isFull;
    const message = isAsked
      ? checkedHalfMessage(half, properties, origin, decision.times, topics.get(TRANS_HALF_TOPIC)!)
      : givenUpMessage(half, properties, isFull ? null : origin, topics.get(TRANS_CHECK_MAX_TIME_TOPIC)!);
    return { offset, origin, half, message, isAsked };
  }

  #store(moves: readonly Move[], gone: readonly number[], context: ActorContext, onSettled: (context: ActorContext) => void): void {
    const { append, topics, storeHost } = this.#parts;
    const offsets = [...moves.map(({ offset }) => offset), ...gone];
    const op = opMessage(offsets, topics.get(TRANS_OP_HALF_TOPIC)!, context.now(), storeHost, moves.length);
    for (const { offset } of moves) this.#ledger.begin(offset);
    this.#isMoving = true;
    const notTaken = append.appendAll([...moves.map(({ message }) => message), op], (appended) =>
      this.#later((then) => {
        this.#isMoving = false;
        this.#onStored(moves, appended, Math.max(...offsets), then);
        onSettled(then);
      }),
    );
    if (notTaken === null) return;
    this.#isMoving = false;
    for (const { offset } of moves) this.#ledger.giveBack(offset);
    // No room, or nothing is taken at the moment: what is left waits for the next round.
    this.#next = this.#end;
    onSettled(context);
  }

  #onStored(moves: readonly Move[], appended: readonly Appended[], highest: number, context: ActorContext): void {
    const { figures } = this.#parts;
    const op = appended.at(-1)!;
    if (op.kind === 'refused') {
      for (const { offset } of moves) this.#ledger.giveBack(offset);
      this.#next = this.#end;
      return;
    }
    this.#ops.note(op.queueOffset, highest);
    let givenUp = 0;
    for (const [index, { offset, origin, message, isAsked, half }] of moves.entries()) {
      const place = appended[index]!;
      if (isAsked) {
        this.#ledger.storedAgain(offset, origin, place.queueOffset);
        figures.checks++;
        this.#ask(half, message.properties, place, context);
      } else {
        this.#ledger.settle(offset, origin, 'given-up');
        givenUp++;
      }
    }
    if (givenUp === 0) return;
    figures.givenUp += givenUp;
    context.log('warn', `half messages are given up: nobody said what became of them; they are kept in ${TRANS_CHECK_MAX_TIME_TOPIC}`, {
      messages: givenUp,
    });
  }

  /** One member of the group, another each time: whoever sent the half message may have gone. */
  #ask(half: MessageRecord, properties: Properties, place: Appended, context: ActorContext): void {
    const group = producerGroupOf(properties) ?? '';
    if (groupNameFault(group) !== null) return;
    context.ask<ProducerPicked, PickProducer>(
      context.ref(producerGroupPath(group)),
      (replyTo) => ({ kind: 'pick-producer', replyTo }),
      PICK_MAX_MS,
      (reply) => {
        this.#later((then) => {
          const member = reply?.member ?? null;
          if (member !== null) {
            const { storeHost, brokerName } = this.#parts;
            const { ext, body } = checkRequest(half, properties, place, storeHost, brokerName);
            const gateway: ActorRef<PushToClient> = then.ref(`gateway/${member.shard}`);
            gateway.tell({ kind: 'push-to-client', connection: member.connection, code: CHECK_TRANSACTION_STATE, ext, body });
          } else if (reply !== undefined && !this.#silent.has(group)) {
            this.#silent.add(group);
            then.log('warn', 'a half message is checked, but nobody of its producer group is there to be asked', { group });
          }
        });
        return { kind: 'turn' };
      },
    );
  }
}
