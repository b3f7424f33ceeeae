/**
 * Pop actor: owns what one group has popped of one topic: the messages in flight of each of its queues and of the group's retry topics for it, and the
 * pops that wait for a message. One a group and topic, at `pop/<group>/<topic>`, made by the first pop or by the journal.
 *
 * What happens is told to the journal (pop-log.ts), and what an answer promises is stored before the answer goes out: a message that was given out is
 * in flight after a crash too, with the same deadline, and an acknowledged one does not come again. What is not acknowledged in time is stored once more
 * in the group's retry topic, or after the last attempt among its dead letters (pop-reviver.ts); nothing is scanned for it.
 *
 * The group's committed offset of a queue follows the first message that is not done. Fails by assertion only; restarted from the journal, and what
 * waited is asked again by its clients.
 * Source: RocketMQ 5.3 `PopMessageProcessor`, `AckMessageProcessor`, `ChangeInvisibleTimeProcessor`, `PopLongPollingService`.
 */
import { POP_ORDER_REVIVE_QUEUE } from '../../model/pop-topic.ts';
import type { Actor, ActorContext, ActorRef, TimerId } from '../../runtime/actor.ts';
import type { Appended } from '../commit-log/inner-append.ts';
import type { PullReply } from '../queue/queue-actor.ts';
import type { PopEvent } from './pop-events.ts';
import { PopHolds } from './pop-holds.ts';
import { type Answer, PopLog } from './pop-log.ts';
import type { AwaitPoppable, Peek, Pop, PopCommand, PopReply } from './pop-messages.ts';
import type { PopQueue } from './pop-queue.ts';
import { PopQueues, type QueueWord } from './pop-queues.ts';
import { PopReceipts } from './pop-receipts.ts';
import { PopRestoring } from './pop-restoring.ts';
import { PopReviver, type Revived } from './pop-reviver.ts';
import type { PopSurroundings } from './pop-surroundings.ts';
import { PoppedMessages } from './popped-messages.ts';

type Private =
  | QueueWord
  | Revived
  | PullReply
  | { readonly kind: 'restore-due'; readonly life: number }
  | { readonly kind: 'restored' }
  | { readonly kind: 'appended'; readonly life: number; readonly appended: Appended }
  | { readonly kind: 'flush-due' }
  | { readonly kind: 'hold-over'; readonly hold: number }
  | { readonly kind: 'serve-due' }
  | { readonly kind: 'wake' };

/** What has to be read before anything is served could not be. */
const READ_AGAIN_MS = 200;
/** The log has taken nothing: tried again after so long. */
const FLUSH_AGAIN_MS = 20;
/** A pop that may not wait waits so long for what has to be read first. */
const PENDING_MS = 2_500;
const WAIT_MS_MAX = 60_000;
/** Requests that wait for the journal's word at the start. */
const EARLY_MAX = 4096;
/** One pop in so many begins with the retry topic, so that neither starves the other. */
const RETRY_FIRST_EVERY = 5;

export class PopActor implements Actor<PopCommand | Private> {
  static #lives = 0;
  readonly #group: string;
  readonly #topic: string;
  readonly #around: PopSurroundings;
  readonly #queues: PopQueues;
  readonly #holds = new PopHolds();
  readonly #receipts: PopReceipts;
  readonly #reviver: PopReviver;
  #log: PopLog | null = null;
  #restoring: PopRestoring | null = null;
  #early: PopCommand[] = [];
  #life = 0;
  #turn = 0;
  #wakeTimer: TimerId | null = null;
  #wakeAt = 0;
  #isFlushDue = false;
  #isServeDue = false;

  constructor(group: string, topic: string, around: PopSurroundings) {
    this.#group = group;
    this.#topic = topic;
    this.#around = around;
    const happened = (queue: PopQueue, event: PopEvent): void => this.#happened(queue, event);
    this.#queues = new PopQueues(group, topic, around, happened);
    this.#receipts = new PopReceipts(this.#queues, happened, (answer) => this.#log!.answer(answer));
    this.#reviver = new PopReviver(group, topic, around);
  }

  started(context: ActorContext): void {
    // A restart takes no time: the clock does not tell two lives apart.
    const life = ++PopActor.#lives;
    this.#life = life;
    this.#around.journal.load(this.#group, this.#topic, (state) => {
      // A later life loads by itself.
      if (life !== this.#life) return;
      const due: Private = { kind: 'restore-due', life };
      const again = (): void => void context.schedule(READ_AGAIN_MS, due);
      this.#restoring = new PopRestoring(this.#queues, state, this.#around, again, (cuts) => {
        if (life === this.#life) this.#restored(state?.number ?? 0, cuts, context);
      });
      this.#restoring.go();
    });
  }

  /** @param number of the journal's last record, @param cuts offsets at which queues were cut since */
  #restored(number: number, cuts: ReadonlyMap<PopQueue, number>, context: ActorContext): void {
    const life = this.#life;
    const self = context.self as ActorRef<Private>;
    const { append, journal } = this.#around;
    this.#log = new PopLog(
      {
        group: this.#group,
        topic: this.#topic,
        append,
        journal,
        now: () => context.now(),
        onAppended: (appended) => self.tell({ kind: 'appended', life, appended }),
        whole: () => this.#queues.events(),
      },
      number,
    );
    for (const [queue, end] of cuts) this.#queues.cut(queue, end, context.now());
    const departures = journal.departures(this.#group, this.#topic);
    for (const ledger of this.#queues.ledgers) ledger.recall(departures);
    self.tell({ kind: 'restored' });
  }

  stopped(): void {
    this.#reviver.end();
  }

  receive(message: PopCommand | Private, context: ActorContext): void {
    switch (message.kind) {
      case 'pop':
      case 'await-poppable':
      case 'ack-popped':
      case 'change-invisible':
      case 'peek':
      case 'count-held':
      case 'pop-restricted':
      case 'tell-whole':
        if (this.#log !== null) this.#command(message, context);
        else if (this.#early.length < EARLY_MAX) this.#early.push(message);
        break;
      case 'restore-due':
        if (message.life === this.#life) this.#restoring?.go();
        break;
      case 'restored':
        this.#restoring = null;
        this.#queues.commitAll(context);
        for (const early of this.#early.splice(0)) this.#command(early, context);
        break;
      case 'appended':
        if (message.life !== this.#life) return;
        if (!this.#log!.stored(message.appended)) this.#flushLater(context);
        break;
      case 'flush-due':
        this.#isFlushDue = false;
        break;
      case 'hold-over':
        this.#onHoldOver(message.hold, context);
        break;
      case 'pull-reply':
        this.#queues.onWatched(message.ticket);
        this.#serveHeld(context);
        break;
      case 'serve-due':
        this.#isServeDue = false;
        this.#serveHeld(context);
        break;
      case 'offset-known':
      case 'ask-due':
      case 'read-due':
      case 'units-known':
        this.#queues.onWord(message, context);
        this.#serveHeld(context);
        break;
      case 'commit-due':
        this.#queues.commit(context);
        break;
      case 'revived':
        this.#onRevived(message, context);
        break;
      case 'wake':
        this.#wakeTimer = null;
        this.#serveHeld(context);
        break;
    }
    if (this.#log === null) return;
    this.#reviver.start(this.#queues, context);
    this.#arm(context);
    if (!this.#isFlushDue && !this.#log.flush()) this.#flushLater(context);
  }

  #command(message: PopCommand, context: ActorContext): void {
    switch (message.kind) {
      case 'pop':
        if (!this.#serve(message, context)) this.#hold(message, message.holdMs, context);
        return;
      case 'await-poppable':
        if (!this.#notify(message, context)) this.#hold(message, message.holdMs, context);
        return;
      case 'ack-popped':
        this.#receipts.acknowledge(message, context);
        this.#serveHeld(context);
        return;
      case 'change-invisible':
        if (this.#receipts.change(message, context)) this.#serveHeld(context);
        return;
      case 'peek':
        this.#onPeek(message, context);
        return;
      case 'count-held':
        message.replyTo.tell({ kind: 'held-counted', ticket: message.ticket, count: this.#holds.count(message.queueId) });
        return;
      case 'pop-restricted':
        this.#serveHeld(context);
        return;
      case 'tell-whole':
        if (this.#isGone) this.#around.journal.forget(this.#group, this.#topic);
        else this.#log!.tellWhole();
        return;
    }
  }

  /** Nothing can be popped any more, and nothing is in flight. */
  get #isGone(): boolean {
    const { groups, topics } = this.#around;
    const isUnknown =
      (groups.complete && groups.get(this.#group) === undefined) || (topics.complete && topics.get(this.#topic) === undefined);
    return isUnknown && [...this.#queues.ledgers].every((ledger) => ledger.isClean);
  }

  /** False: nothing is there yet. */
  #serve(pop: Pop, context: ActorContext): boolean {
    const popTime = context.now();
    const found = new PoppedMessages();
    const isRetryFirst = this.#turn % RETRY_FIRST_EVERY === 0;
    for (const queue of this.#queues.inOrder(pop.queueId, !pop.isOrdered, this.#turn++, isRetryFirst)) {
      if (found.count >= pop.max) break;
      this.#queues.take(queue, pop, found, popTime, context);
    }
    if (found.count === 0) return false;
    const rest = this.#queues.rest(pop.queueId, !pop.isOrdered);
    const reviveQueueId = pop.isOrdered ? POP_ORDER_REVIVE_QUEUE : this.#around.journal.queueOf(this.#group, this.#topic);
    const reply = found.reply(pop, popTime, reviveQueueId, rest);
    // Not stored: given out all the same, for a log that refuses must not stop its readers; a crash brings them again at once. A broker that
    // stops does not: its next life, which comes soon, would give them out again.
    const answer: Answer = (isStored) => {
      if (isStored || !this.#around.append.isStopping) pop.replyTo.tell(reply);
      else this.#answerNone(pop, false, context);
    };
    // Of one that was stored once more the journal may not know yet that it is done where it was: the next record says so. Given out before, it would
    // come from there as well after a crash.
    const isAgain = found.hasRetries && this.#around.journal.departures(this.#group, this.#topic).size > 0;
    this.#log!.answer(isAgain ? (isStored) => (isStored ? this.#log!.answer(answer) : answer(false)) : answer);
    return true;
  }

  #notify(message: AwaitPoppable, context: ActorContext): boolean {
    if (!this.#queues.isPoppable(message, context)) return false;
    message.replyTo.tell({ kind: 'poppable', ticket: message.ticket, hasMessage: true, isFull: false });
    return true;
  }

  #hold(message: Pop | AwaitPoppable, holdMs: number, context: ActorContext): void {
    const isPending = this.#queues.isPending;
    if (holdMs <= 0 && !isPending) {
      this.#answerNone(message, false, context);
      return;
    }
    if (this.#holds.size >= this.#around.limits.heldMax) {
      this.#answerNone(message, true, context);
      return;
    }
    const waitMs = isPending ? Math.max(holdMs, PENDING_MS) : holdMs;
    this.#holds.add(message, (hold) => {
      const over: Private = { kind: 'hold-over', hold };
      return context.schedule(Math.min(waitMs, WAIT_MS_MAX), over);
    });
    this.#watch(message, context);
    if (this.#queues.hasMore) this.#serveSoon(1, context);
  }

  /** The queues' actors say when something comes to a queue that is empty. */
  #watch(message: Pop | AwaitPoppable, context: ActorContext): void {
    for (const queue of this.#queues.inOrder(message.queueId, !message.isOrdered, 0, false)) {
      if (!this.#queues.watch(queue, context)) this.#serveSoon(FLUSH_AGAIN_MS, context);
    }
  }

  #serveSoon(afterMs: number, context: ActorContext): void {
    if (this.#isServeDue) return;
    this.#isServeDue = true;
    context.schedule(afterMs, { kind: 'serve-due' } satisfies Private);
  }

  #serveHeld(context: ActorContext): void {
    if (this.#holds.size === 0) return;
    this.#holds.serve(
      (message) => {
        const isServed = message.kind === 'pop' ? this.#serve(message, context) : this.#notify(message, context);
        if (!isServed) this.#watch(message, context);
        return isServed;
      },
      (timer) => context.cancel(timer),
    );
    // A filter that wants little has more to look at: after the others' turn.
    if (this.#queues.hasMore && this.#holds.size > 0) this.#serveSoon(1, context);
  }

  #onHoldOver(hold: number, context: ActorContext): void {
    const waiting = this.#holds.take(hold);
    if (waiting !== undefined) this.#answerNone(waiting.message, false, context);
  }

  #answerNone(message: Pop | AwaitPoppable, isFull: boolean, context: ActorContext): void {
    const { ticket } = message;
    if (message.kind === 'await-poppable') {
      message.replyTo.tell({ kind: 'poppable', ticket, hasMessage: false, isFull });
      return;
    }
    const rest = this.#queues.rest(message.queueId, !message.isOrdered);
    const reviveQueueId = message.isOrdered ? POP_ORDER_REVIVE_QUEUE : this.#around.journal.queueOf(this.#group, this.#topic);
    message.replyTo.tell(new PoppedMessages().reply(message, context.now(), reviveQueueId, rest, isFull ? 'full' : 'none'));
  }

  /** The one way in which a ledger changes once it is restored. */
  #happened(queue: PopQueue, event: PopEvent): void {
    queue.ledger.apply(event);
    this.#log!.add(queue.ledger.retry, queue.ledger.queueId, event);
  }

  #onPeek(peek: Peek, context: ActorContext): void {
    const found = new PoppedMessages();
    for (const queue of this.#queues.inOrder(peek.queueId, true, this.#turn++, false)) {
      if (found.count >= peek.max) break;
      this.#queues.peek(queue, peek, found, context);
    }
    const rest = this.#queues.rest(peek.queueId, true);
    const pop = { ticket: peek.ticket, invisibleMs: 0, isOrdered: false };
    const reply: PopReply = found.reply(pop, context.now(), 0, rest, found.count > 0 ? 'found' : 'none');
    peek.replyTo.tell(reply);
  }

  #onRevived(revived: Revived, context: ActorContext): void {
    const queue = this.#queues.find(revived.retry, revived.queueId);
    const settled = this.#reviver.ended(revived, context.monotonicMs(), this.#queues);
    if (queue === null) this.#reviver.told(revived, revived.offsets);
    else if (settled.length > 0) {
      this.#happened(queue, { kind: 'settled', offsets: settled });
      this.#queues.commitSoon(queue, context);
      const told = (isStored: boolean): void => {
        if (isStored) this.#reviver.told(revived, settled);
        else this.#log!.answer(told);
      };
      this.#log!.answer(told);
    }
    this.#serveHeld(context);
  }

  #flushLater(context: ActorContext): void {
    if (this.#isFlushDue) return;
    this.#isFlushDue = true;
    const waitMs = this.#around.append.refusal === null ? FLUSH_AGAIN_MS : 1_000;
    context.schedule(waitMs, { kind: 'flush-due' } satisfies Private);
  }

  /** One timer, for what is due first: a message that comes again, or a queue that opens for ordered pops. */
  #arm(context: ActorContext): void {
    const now = context.now();
    let at = this.#reviver.nextAt(this.#queues, now, context.monotonicMs());
    if (this.#holds.size > 0) at = Math.min(at, this.#queues.opensAt(now));
    if (at === Number.POSITIVE_INFINITY || (this.#wakeTimer !== null && this.#wakeAt <= at)) return;
    if (this.#wakeTimer !== null) context.cancel(this.#wakeTimer);
    this.#wakeAt = at;
    this.#wakeTimer = context.schedule(Math.min(Math.max(0, at - now), WAIT_MS_MAX), { kind: 'wake' } satisfies Private);
  }
}
