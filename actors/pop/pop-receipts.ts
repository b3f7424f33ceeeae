/**
 * Pop receipts: what clients do with the receipts of messages that they have popped: acknowledge them, or give them another time. One a pop actor. An answer
 * goes out when what it promises is stored; `refused`: taken, but a crash would forget it.
 * Source: RocketMQ 5.3 `AckMessageProcessor`, `ChangeInvisibleTimeProcessor`.
 */
import type { ActorContext } from '../../runtime/actor.ts';
import type { PopEvent } from './pop-events.ts';
import type { Answer } from './pop-log.ts';
import type { AckPopped, ChangeInvisible, PopAnswer, ReceiptOutcome } from './pop-messages.ts';
import type { PopQueue } from './pop-queue.ts';
import type { PopQueues } from './pop-queues.ts';

export class PopReceipts {
  readonly #queues: PopQueues;
  readonly #happened: (queue: PopQueue, event: PopEvent) => void;
  readonly #answer: (answer: Answer) => void;

  /** @param happened the actor's way to change a ledger, @param answer called back when all that has happened is stored, or refused */
  constructor(queues: PopQueues, happened: (queue: PopQueue, event: PopEvent) => void, answer: (answer: Answer) => void) {
    this.#queues = queues;
    this.#happened = happened;
    this.#answer = answer;
  }

  acknowledge(ack: AckPopped, context: ActorContext): void {
    const { retry, queueId, popTime, invisibleMs, ticket, replyTo } = ack;
    const queue = this.#queues.find(retry, queueId);
    const now = context.now();
    const live: number[] = [];
    let outcome: ReceiptOutcome = 'done';
    let worst = ack.offsets[0] ?? -1;
    for (const offset of ack.offsets) {
      const state = queue === null ? 'expired' : queue.ledger.receiptState(offset, popTime, invisibleMs, now);
      if (state === 'live') live.push(offset);
      else if (state === 'replaced' || state === 'expired') {
        outcome = state;
        worst = offset;
      }
    }
    if (queue !== null && live.length > 0) this.#settle(queue, live, popTime, context);
    const reply = (isStored: boolean): PopAnswer => ({
      kind: 'popped-acked',
      ticket,
      outcome: isStored ? outcome : 'refused',
      offset: worst,
    });
    this.#answer((isStored) => replyTo.tell(reply(isStored) as never));
  }

  #settle(queue: PopQueue, offsets: readonly number[], popTime: number, context: ActorContext): void {
    const { ledger } = queue;
    const isOrdered = ledger.ordered?.popTime === popTime;
    const events = isOrdered
      ? offsets.map((offset) => ({ kind: 'ordered-settled', offset }) as const)
      : [{ kind: 'settled', offsets } as const];
    for (const event of events) this.#happened(queue, event);
    this.#queues.commitSoon(queue, context);
  }

  /** Gives a message another time. True: a queue may be open for ordered pops now. */
  change(change: ChangeInvisible, context: ActorContext): boolean {
    const { retry, queueId, offset, popTime, invisibleMs, nextMs, ticket, replyTo } = change;
    const queue = this.#queues.find(retry, queueId);
    const now = context.now();
    const state = queue === null ? 'expired' : queue.ledger.receiptState(offset, popTime, invisibleMs, now);
    if (queue === null || state !== 'live') {
      const outcome = state === 'live' || state === 'settled' ? 'replaced' : state;
      replyTo.tell({ kind: 'invisible-changed', ticket, outcome, popTime, invisibleMs });
      return false;
    }
    const { ledger } = queue;
    const isOrdered = ledger.ordered?.popTime === popTime;
    const event = isOrdered
      ? ({ kind: 'ordered-changed', offset, visibleAt: now + nextMs } as const)
      : ({ kind: 'changed', offset, popTime: now, invisibleMs: nextMs } as const);
    this.#happened(queue, event);
    const next = isOrdered ? { popTime, invisibleMs: now + nextMs - popTime } : { popTime: now, invisibleMs: nextMs };
    this.#answer((isStored) => replyTo.tell({ kind: 'invisible-changed', ticket, outcome: isStored ? 'done' : 'refused', ...next }));
    return isOrdered;
  }
}
