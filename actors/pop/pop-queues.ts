/**
 * The queues of one pop actor: those of the topic and of the group's retry topics for it. Knows where each begins for the group, what its pops find
 * there, which queue actors watch for more, and what the group has committed. One a pop actor; owns no state of its own that the ledgers do not have.
 * Source: RocketMQ 5.3 `PopMessageProcessor.getPopOffset`, `popMsgFromTopic`.
 */
import { type PopRetry, popTopicName } from '../../model/pop-topic.ts';
import type { ActorContext, ActorRef } from '../../runtime/actor.ts';
import { QUEUE_UNIT_BYTES } from '../../storage/consume-queue/queue-unit.ts';
import type { ResetTaken } from '../consumer-group/consumer-group-messages.ts';
import { consumerGroupPath } from '../consumer-group/group-table-actor.ts';
import type { CommitOffset, OffsetFound, QueryOffset } from '../consumer-group/offset-keeper.ts';
import type { Pull, PullReply } from '../queue/queue-actor.ts';
import { UNITS_READ_MAX } from '../store/reader-actor.ts';
import { DeadlineHeap } from './deadline-heap.ts';
import type { OrderedPop } from './ordered-pop.ts';
import type { PopEvent } from './pop-events.ts';
import { type Checkpoint, ledgerKey, PopLedger } from './pop-ledger.ts';
import type { AwaitPoppable, Peek, Pop } from './pop-messages.ts';
import { PopQueue, type PopTerms } from './pop-queue.ts';
import type { QueueEvent } from './pop-record.ts';
import type { PopSurroundings } from './pop-surroundings.ts';
import type { PoppedMessages } from './popped-messages.ts';

/** What the queues tell their actor, for themselves. */
export type QueueWord =
  | {
      readonly kind: 'offset-known';
      readonly retry: PopRetry;
      readonly queueId: number;
      readonly offset: number | null;
      readonly isSetBack: boolean;
    }
  | { readonly kind: 'ask-due'; readonly retry: PopRetry; readonly queueId: number }
  | { readonly kind: 'read-due'; readonly retry: PopRetry; readonly queueId: number }
  | {
      readonly kind: 'units-known';
      readonly retry: PopRetry;
      readonly queueId: number;
      readonly offset: number;
      readonly units: Uint8Array | null;
    }
  | { readonly kind: 'commit-due' };

const ASK_MAX_MS = 2_500;
const AGAIN_MS = 200;
/** Commits of the group wait so long for others of their queue. */
const COMMIT_EVERY_MS = 100;
/** A queue's actor holds a watch so long. */
const WATCH_MS = 30_000;
const WATCH_SLACK_MS = 5_000;

export class PopQueues {
  readonly #group: string;
  readonly #topic: string;
  readonly #around: PopSurroundings;
  readonly #happened: (queue: PopQueue, event: PopEvent) => void;
  readonly deadlines: DeadlineHeap<Checkpoint> = new DeadlineHeap();
  readonly #ledgers: Map<string, PopLedger> = new Map();
  readonly #queues: Map<string, PopQueue> = new Map();
  readonly #watches: Map<number, PopQueue> = new Map();
  #nextWatch = 0;
  readonly #uncommitted: Set<PopQueue> = new Set();
  #isCommitDue = false;

  /** @param happened the actor's way to change a ledger */
  constructor(group: string, topic: string, around: PopSurroundings, happened: (queue: PopQueue, event: PopEvent) => void) {
    this.#group = group;
    this.#topic = topic;
    this.#around = around;
    this.#happened = happened;
  }

  /** For the journal: also of a queue that is not there (yet). */
  ledger(retry: PopRetry, queueId: number): PopLedger {
    const key = ledgerKey(retry, queueId);
    let ledger = this.#ledgers.get(key);
    if (ledger === undefined) {
      ledger = new PopLedger(retry, queueId, this.deadlines);
      this.#ledgers.set(key, ledger);
    }
    return ledger;
  }

  get ledgers(): Iterable<PopLedger> {
    return this.#ledgers.values();
  }

  /** The whole state. */
  events(): QueueEvent[] {
    const events: QueueEvent[] = [];
    for (const ledger of this.#ledgers.values()) {
      const { retry, queueId } = ledger;
      if (ledger.next >= 0) for (const event of ledger.events()) events.push({ retry, queueId, event });
    }
    return events;
  }

  /** Null: the topic, or its retry topic, has no such queue. */
  find(retry: PopRetry, queueId: number): PopQueue | null {
    const topic = this.#around.topics.get(popTopicName(this.#group, this.#topic, retry));
    const handle = topic?.queueHandles[queueId] ?? -1;
    if (topic === undefined || handle < 0) return null;
    const key = ledgerKey(retry, queueId);
    let queue = this.#queues.get(key);
    if (queue === undefined) {
      queue = new PopQueue(this.ledger(retry, queueId), topic);
      this.#queues.set(key, queue);
    }
    if (queue.handle !== handle) {
      // The topic was deleted and made again: nothing of the former one is in flight.
      queue.handle = handle;
      queue.committed = -1;
      this.#happened(queue, { kind: 'reset', next: -1 });
    }
    return queue;
  }

  /** The queues in the order in which a pop looks at them. */
  inOrder(queueId: number, withRetry: boolean, turn: number, isRetryFirst: boolean): PopQueue[] {
    const own = queueId >= 0 ? this.#of(0, queueId, 1) : this.#of(0, turn, Number.POSITIVE_INFINITY);
    if (!withRetry) return own;
    const retries = [
      ...(this.#around.limits.retryV2 ? this.#of(2, turn, Number.POSITIVE_INFINITY) : []),
      ...this.#of(1, turn, Number.POSITIVE_INFINITY),
    ];
    if (retries.length === 0) return own;
    return isRetryFirst ? [...retries, ...own] : [...own, ...retries];
  }

  #of(retry: PopRetry, first: number, max: number): PopQueue[] {
    const readQueues = this.#around.topics.get(popTopicName(this.#group, this.#topic, retry))?.readQueues ?? 0;
    const queues: PopQueue[] = [];
    for (let index = 0; index < Math.min(readQueues, max); index++) {
      const queue = this.find(retry, (first + index) % readQueues);
      if (queue !== null) queues.push(queue);
    }
    return queues;
  }

  rest(queueId: number, withRetry: boolean): number {
    let rest = 0;
    for (const queue of this.inOrder(queueId, withRetry, 0, false)) if (queue.ledger.next >= 0) rest += queue.rest(this.#around.table);
    return rest;
  }

  /** Something has to be read before anybody knows whether there are messages. */
  get isPending(): boolean {
    for (const queue of this.#queues.values()) if (queue.isAsking || queue.isReading || queue.look === 'more') return true;
    return false;
  }

  get hasMore(): boolean {
    for (const queue of this.#queues.values()) if (queue.look === 'more') return true;
    return false;
  }

  /** Goes on at `end`, where the queue was cut. */
  cut(queue: PopQueue, end: number, now: number): void {
    for (const event of queue.ledger.cutEvents(end, now)) this.#happened(queue, event);
  }

  /** Takes what the pop gets of the queue. */
  take(queue: PopQueue, pop: Pop, found: PoppedMessages, popTime: number, context: ActorContext): void {
    if (!this.#isReady(queue, pop.isFromEnd, context)) return;
    const { ledger } = queue;
    // Set beyond its end by a tool.
    const end = this.#around.table.next(queue.handle);
    if (ledger.next > end) this.cut(queue, end, popTime);
    const { ordered } = ledger;
    if (pop.isOrdered && ordered !== null) {
      if (ordered.blockedUntil(pop.attemptId) > popTime) queue.look = 'blocked';
      else this.#takeAgain(queue, ordered, pop, found, popTime, context);
      return;
    }
    const room = Math.min(pop.max - found.count, pop.isOrdered ? pop.max : this.#around.limits.inflightMax - ledger.flying);
    if (room <= 0) {
      queue.look = 'blocked';
      return;
    }
    const before = ledger.next;
    if (!this.#look(queue, ledger.next, { max: room, ...this.#terms(pop, found), codes: pop.codes }, context)) {
      ledger.skipTo(queue.next);
      if (ledger.next !== before) this.commitSoon(queue, context);
      return;
    }
    const { chosen: offsets, next } = queue;
    const { invisibleMs, attemptId } = pop;
    const attempts = offsets.map(() => 0);
    found.add(queue, offsets, queue.chosenUnits, queue.chosenBytes, pop.isOrdered ? attempts : []);
    if (pop.isOrdered) this.#happened(queue, { kind: 'ordered', popTime, invisibleMs, attemptId, offsets, attempts, next });
    else this.#happened(queue, { kind: 'popped', popTime, invisibleMs, offsets, next });
  }

  #terms(pop: { readonly bytesMax: number }, found: PoppedMessages): { bytesMax: number; isFirst: boolean } {
    return { bytesMax: Math.max(0, pop.bytesMax - found.bytes), isFirst: found.count === 0 };
  }

  /** Messages that were given out in order and not acknowledged come again, those first that came first. */
  #takeAgain(queue: PopQueue, ordered: OrderedPop, pop: Pop, found: PoppedMessages, popTime: number, context: ActorContext): void {
    const open = ordered.unsettled;
    const [first, last] = [open[0]!, open.at(-1)!];
    const isThere = this.#look(queue, first, { max: last - first + 1, ...this.#terms(pop, found), codes: [] }, context);
    // What retention has removed is done.
    for (const offset of open) {
      if (offset < queue.next && !queue.chosen.includes(offset) && queue.look !== 'reading') {
        this.#happened(queue, { kind: 'ordered-settled', offset });
      }
    }
    if (!isThere) return;
    const left = open.filter((offset) => offset >= queue.next || queue.chosen.includes(offset));
    const given = left.filter((offset) => queue.chosen.includes(offset)).slice(0, pop.max - found.count);
    if (given.length === 0) return;
    const units = new Uint8Array(given.length * QUEUE_UNIT_BYTES);
    given.forEach((offset, to) => {
      const at = queue.chosen.indexOf(offset) * QUEUE_UNIT_BYTES;
      units.set(queue.chosenUnits.subarray(at, at + QUEUE_UNIT_BYTES), to * QUEUE_UNIT_BYTES);
    });
    const { invisibleMs, attemptId } = pop;
    const attempts = left.map((offset) => ordered.attemptsOf(offset, given.includes(offset) ? attemptId : ordered.attemptId));
    const next = queue.ledger.next;
    found.add(queue, given, units, queue.chosenBytes, attempts.slice(0, given.length));
    this.#happened(queue, { kind: 'ordered', popTime, invisibleMs, attemptId, offsets: left, attempts, next });
    for (const offset of left.slice(given.length)) this.#happened(queue, { kind: 'ordered-changed', offset, visibleAt: popTime });
  }

  /** What a pop would get, without taking it. */
  peek(queue: PopQueue, peek: Peek, found: PoppedMessages, context: ActorContext): void {
    if (!this.#isReady(queue, false, context)) return;
    if (!this.#look(queue, queue.ledger.next, { max: peek.max - found.count, ...this.#terms(peek, found), codes: [] }, context)) return;
    found.add(queue, queue.chosen, queue.chosenUnits, queue.chosenBytes, []);
  }

  isPoppable(message: AwaitPoppable, context: ActorContext): boolean {
    for (const queue of this.inOrder(message.queueId, !message.isOrdered, 0, false)) {
      if (!this.#isReady(queue, false, context)) continue;
      const isBlocked = message.isOrdered && (queue.ledger.ordered?.blockedUntil(message.attemptId) ?? 0) > context.now();
      queue.look = isBlocked ? 'blocked' : queue.rest(this.#around.table) > 0 ? 'taken' : 'empty';
      if (queue.look === 'taken' || (message.isOrdered && !isBlocked && queue.ledger.ordered !== null)) return true;
    }
    return false;
  }

  /** The queue's place for the group is known, and the offset that a tool has set is taken. */
  #isReady(queue: PopQueue, isFromEnd: boolean, context: ActorContext): boolean {
    const nowMs = context.monotonicMs();
    if (this.#around.groups.get(this.#group)?.config.consumeEnable === false) {
      // Paused since the pop began to wait.
      queue.look = 'blocked';
      return false;
    }
    this.#takeReset(queue, context);
    if (queue.isAsking) return false;
    if (queue.mustAsk(nowMs)) {
      queue.isFromEnd = isFromEnd;
      this.#ask(queue, context);
      return false;
    }
    queue.usedAt = nowMs;
    return true;
  }

  #takeReset({ ledger, topic }: PopQueue, context: ActorContext): void {
    const { groups } = this.#around;
    if (ledger.retry !== 0 || groups.get(this.#group)?.isRestricted !== true) return;
    const offset = groups.takeReset(this.#group, topic, ledger.queueId);
    if (offset < 0) return;
    const queue = this.find(0, ledger.queueId)!;
    this.#happened(queue, { kind: 'reset', next: offset });
    queue.committed = offset;
    context.ref<ResetTaken>(consumerGroupPath(this.#group)).tell({ kind: 'reset-taken', topic, queueId: ledger.queueId });
  }

  /** True: something was chosen. */
  #look(queue: PopQueue, from: number, terms: PopTerms, context: ActorContext): boolean {
    const { table, visibleEnd } = this.#around;
    queue.look = queue.lookFrom(table, from, terms, visibleEnd());
    if (queue.look === 'reading') this.#read(queue, context);
    return queue.look === 'taken';
  }

  #read(queue: PopQueue, context: ActorContext): void {
    if (queue.isReading) return;
    queue.isReading = true;
    const { ledger, topic, handle, next: offset } = queue;
    const { retry, queueId } = ledger;
    const count = Math.min(UNITS_READ_MAX, this.#around.table.next(handle) - offset);
    const self = context.self as ActorRef<Extract<QueueWord, { kind: 'units-known' }>>;
    this.#around.readUnits(topic, queueId, handle, offset, count, (units) =>
      self.tell({ kind: 'units-known', retry, queueId, offset, units }),
    );
  }

  #ask(queue: PopQueue, context: ActorContext): void {
    queue.isAsking = true;
    const { ledger, topic } = queue;
    const { retry, queueId } = ledger;
    context.ask<OffsetFound, QueryOffset>(
      context.ref(consumerGroupPath(this.#group)),
      (replyTo) => ({ kind: 'query-offset', topic, queueId, zeroIfNotFound: true, replyTo }),
      ASK_MAX_MS,
      (reply): QueueWord => ({ kind: 'offset-known', retry, queueId, offset: reply?.offset ?? null, isSetBack: reply?.isSetBack === true }),
    );
  }

  onWord(word: Exclude<QueueWord, { kind: 'commit-due' }>, context: ActorContext): void {
    const queue = this.find(word.retry, word.queueId);
    if (queue === null) return;
    if (word.kind === 'ask-due') this.#ask(queue, context);
    else if (word.kind === 'read-due') queue.isReading = false;
    else if (word.kind === 'units-known' && word.units !== null && word.units.length > 0) {
      queue.isReading = false;
      queue.keepCold(word.offset, word.units);
    } else if (word.kind === 'units-known') {
      const due: QueueWord = { kind: 'read-due', retry: word.retry, queueId: word.queueId };
      context.schedule(AGAIN_MS, due);
    } else if (word.offset === null) {
      const due: QueueWord = { kind: 'ask-due', retry: word.retry, queueId: word.queueId };
      context.schedule(AGAIN_MS, due);
    } else this.#onOffset(queue, word.offset, word.isSetBack, context);
  }

  /** What the group has committed; −1: nothing. */
  #onOffset(queue: PopQueue, offset: number, isSetBack: boolean, context: ActorContext): void {
    queue.isAsking = false;
    const { ledger } = queue;
    const { table } = this.#around;
    const nowMs = context.monotonicMs();
    queue.usedAt = nowMs;
    if (ledger.next < 0) {
      const begin = queue.isFromEnd && ledger.retry === 0 ? table.next(queue.handle) - 1 : 0;
      this.#happened(queue, { kind: 'reset', next: offset >= 0 ? offset : Math.max(begin, table.min(queue.handle)) });
      queue.committed = offset;
    } else if (ledger.isClean && (offset > ledger.next || (isSetBack && offset >= 0 && offset < ledger.next))) {
      // Somebody else has committed for the group. A lower offset that nobody set is one that the group has lost with a crash.
      this.#happened(queue, { kind: 'reset', next: offset });
      queue.committed = offset;
    } else {
      queue.committed = offset;
      this.commitSoon(queue, context);
    }
  }

  /** Asks the queue's actor to say when something comes, unless it is at it. False: it has too many requests waiting. */
  watch(queue: PopQueue, context: ActorContext): boolean {
    const nowMs = context.monotonicMs();
    if (queue.look !== 'empty' || queue.isAsking || (queue.isWatched && nowMs - queue.watchedAt < WATCH_MS + WATCH_SLACK_MS)) return true;
    const ticket = this.#nextWatch;
    this.#nextWatch = (ticket + 1) & 0x7fffffff;
    const { ledger, topic, handle } = queue;
    const offset = Math.max(ledger.next, this.#around.table.min(handle));
    const replyTo = context.self as ActorRef<PullReply>;
    const pull: Pull = { kind: 'pull', ticket, handle, offset, max: 1, bytesMax: 1, codes: [], holdMs: WATCH_MS, replyTo };
    if (!context.ref<Pull>(`queue/${topic}/${ledger.queueId}`).tell(pull)) return false;
    queue.isWatched = true;
    queue.watchedAt = nowMs;
    this.#watches.set(ticket, queue);
    return true;
  }

  onWatched(ticket: number): void {
    const queue = this.#watches.get(ticket);
    this.#watches.delete(ticket);
    if (queue !== undefined) queue.isWatched = false;
  }

  /** Wall-clock ms at which the first queue opens that ordered pops find blocked. */
  opensAt(now: number): number {
    let at = Number.POSITIVE_INFINITY;
    for (const ledger of this.#ledgers.values()) {
      const until = ledger.ordered?.blockedUntil('') ?? 0;
      if (until > now) at = Math.min(at, until);
    }
    return at;
  }

  commitSoon(queue: PopQueue, context: ActorContext): void {
    this.#uncommitted.add(queue);
    if (this.#isCommitDue) return;
    this.#isCommitDue = true;
    context.schedule(COMMIT_EVERY_MS, { kind: 'commit-due' } satisfies QueueWord);
  }

  /** What the journal knows may be ahead of what the group has saved. */
  commitAll(context: ActorContext): void {
    for (const { retry, queueId } of this.#ledgers.values()) {
      const queue = this.find(retry, queueId);
      if (queue !== null) this.commitSoon(queue, context);
    }
  }

  commit(context: ActorContext): void {
    this.#isCommitDue = false;
    const group = context.ref<CommitOffset>(consumerGroupPath(this.#group));
    for (const queue of this.#uncommitted) {
      const { ledger, topic, committed } = queue;
      const offset = ledger.floor;
      if (offset < 0 || offset === committed) continue;
      // Without room it is told with the next one.
      if (group.tell({ kind: 'commit-offset', topic, queueId: ledger.queueId, offset })) queue.committed = offset;
    }
    this.#uncommitted.clear();
  }
}
