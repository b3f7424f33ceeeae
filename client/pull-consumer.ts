/**
 * The pull consumer: the program asks for messages when it wants some, by `poll` or by iterating. Its queues come by the group's sharing out
 * (`subscribe`) or from the program (`assign`). What was polled counts as consumed at the next poll. One a program and group; ends with `close`.
 * Source: RocketMQ 5.3 `DefaultLitePullConsumer`.
 */
import type { MessageQueue } from '../model/queue-id.ts';
import type { SubscriptionData } from '../model/subscription.ts';
import { CONSUME_ACTIVELY } from '../protocol/remoting/bodies/heartbeat-data.ts';
import { type ConsumerOptions, type Selector, subscriptionOf } from './consumer-options.ts';
import { ClientError } from './errors.ts';
import { GroupMember } from './group-member.ts';
import type { Message } from './message.ts';
import { type AskedConsumer, answerPeer } from './peer-requests.ts';
import { PullQueue } from './pull-queue.ts';
import { keyOf } from './queue-locks.ts';
import type { QueueProgress } from './queue-progress.ts';

export type PullConsumerOptions = ConsumerOptions & {
  /** False: only `commit` commits; true if not given. */
  readonly autoCommit?: boolean;
  /** Told when the queues that are this member's are others than before. */
  readonly onAssigned?: (queues: readonly MessageQueue[]) => void;
};

export type PollOptions = {
  /** At most so many messages; 32 if not given. */
  readonly max?: number;
  /** How long to wait for the first one, in milliseconds; 5000 if not given. */
  readonly timeoutMs?: number;
};

/** Queues of the program's own choice. */
type Assigned = { readonly queues: readonly MessageQueue[]; readonly selector: Selector };

type Polled = { readonly from: PullQueue; readonly progress: QueueProgress; readonly message: Message };

const POLL_MAX = 32;
const POLL_TIMEOUT_MS = 5_000;

export class PullConsumer implements AsyncIterable<Message> {
  readonly #member: GroupMember;
  readonly #isAutoCommit: boolean;
  readonly #onAssigned: (queues: readonly MessageQueue[]) => void;
  readonly #queues: Map<string, PullQueue> = new Map();
  readonly #taking: Set<string> = new Set();
  /** Null: queues come by the group's sharing out. */
  #assigned: Assigned | null = null;
  /** What brokers may ask. */
  readonly #asked: AskedConsumer;
  #polled: Polled[] = [];
  #turn = 0;
  #waiters: Set<() => void> = new Set();
  #closing: Promise<void> | null = null;

  constructor(options: PullConsumerOptions) {
    this.#isAutoCommit = options.autoCommit ?? true;
    this.#onAssigned = options.onAssigned ?? (() => {});
    this.#member = new GroupMember(options, {
      consumeType: CONSUME_ACTIVELY,
      onAssigned: (topic, queues) => this.#share(topic, queues),
      onRequest: (request, connection) => void answerPeer(this.#asked, request, connection),
    });
    this.#asked = {
      member: this.#member,
      consumedOffsets: (topic) =>
        this.#entries().flatMap((held) => (held.queue.topic === topic ? [[held.queue, held.progress.consumedOffset] as const] : [])),
      seekTo: (queue, offset) => this.#queues.get(keyOf(queue))?.seek(offset),
      runningInfo: () => ({
        properties: this.#member.infoProperties(false, CONSUME_ACTIVELY),
        subscriptions: [...this.#member.subscriptions.values()],
        queues: this.#entries().map((held) => [held.queue, held.info] as const),
        status: new Map(),
      }),
      consumeNow: null,
    };
  }

  /** Unique among the members of the group. */
  get clientId(): string {
    return this.#member.core.clientId;
  }

  /** The queues that are this consumer's now. */
  get queues(): readonly MessageQueue[] {
    return [...this.#queues.values()].map((each) => each.queue);
  }

  /** Takes this member's share of a topic. */
  async subscribe(topic: string, selector: Selector = {}): Promise<void> {
    if (this.#assigned !== null)
      throw new ClientError('MQ_CLIENT_ARGUMENT', 'The consumer has queues of its own choice; it cannot subscribe too');
    await this.#member.subscribe(topic, selector);
  }

  /** Takes these very queues and gives up all others; nobody else is asked. */
  async assign(queues: readonly MessageQueue[], selector: Selector = {}): Promise<void> {
    if (this.#member.subscriptions.size > 0)
      throw new ClientError('MQ_CLIENT_ARGUMENT', 'The consumer has subscriptions; it cannot choose its queues too');
    this.#assigned = { queues: [...queues], selector };
    if (this.#member.isStarted) await this.#takeAssigned(this.#assigned);
  }

  /** Every queue of a topic that can be read. */
  async queuesOf(topic: string): Promise<readonly MessageQueue[]> {
    return (await this.#member.core.routes.find(topic))?.readQueues ?? [];
  }

  /** Joins the group; resolves when the first queues are taken. */
  async start(): Promise<void> {
    if (this.#closing !== null) throw closed();
    if (this.#member.isStarted) throw new ClientError('MQ_CLIENT_ARGUMENT', 'The consumer was started before');
    for (const { topic } of this.#assigned?.queues ?? []) await this.#member.core.routes.find(topic);
    if (this.#isAutoCommit) this.#member.core.every(this.#member.settings.commitPeriodMs, () => this.#commitAll());
    await this.#member.start(this.#assigned === null);
    if (this.#assigned !== null) await this.#takeAssigned(this.#assigned);
  }

  /**
   * The next messages, as soon as there is one; none when none came in time. Those of one queue are in order. Those of the poll before count as
   * consumed now.
   */
  async poll(options: PollOptions = {}): Promise<Message[]> {
    this.#donePolled();
    const polled = await this.#take(options.max ?? POLL_MAX, options.timeoutMs ?? POLL_TIMEOUT_MS);
    this.#polled = polled;
    return polled.map((each) => each.message);
  }

  /** One message after another until the consumer is closed; each counts as consumed when the loop comes back for the next. */
  async *[Symbol.asyncIterator](): AsyncGenerator<Message, void, undefined> {
    this.#donePolled();
    while (this.#closing === null) {
      for (const { from, message, progress } of await this.#take(POLL_MAX, POLL_TIMEOUT_MS)) {
        // Those of a queue that was lost or moved meanwhile are somebody else's, or come again.
        if (from.progress !== progress) continue;
        yield message;
        from.done(message, progress);
        if (this.#isClosing()) return;
      }
    }
  }

  /** Commits all that was polled (but the message in an iteration's hands), now; resolves when the brokers have been told. */
  async commit(): Promise<void> {
    this.#donePolled();
    await this.#commitAll();
  }

  /** What the group has committed in a queue; null: nothing. */
  committed(queue: MessageQueue): Promise<number | null> {
    return this.#member.offsets.committed(queue);
  }

  /** The offset of the message that the next poll gives of this queue. */
  position(queue: MessageQueue): number {
    return this.#held(queue).position;
  }

  /** Goes on at `offset`. */
  seek(queue: MessageQueue, offset: number): void {
    if (!Number.isSafeInteger(offset) || offset < 0)
      throw new ClientError('MQ_CLIENT_ARGUMENT', `An offset of ${offset}; 0 or more is needed`);
    this.#held(queue).seek(offset);
  }

  async seekToBeginning(queue: MessageQueue): Promise<void> {
    const offset = await this.#member.offsets.min(queue);
    this.seek(queue, offset);
  }

  async seekToEnd(queue: MessageQueue): Promise<void> {
    const offset = await this.#member.offsets.max(queue);
    this.seek(queue, offset);
  }

  /** Goes on at the first message stored at `timestamp` (milliseconds since 1970) or later. */
  async seekToTime(queue: MessageQueue, timestamp: number): Promise<void> {
    const offset = await this.#member.offsets.search(queue, timestamp);
    this.seek(queue, offset);
  }

  /** Nothing more of these queues until `resume`; of all when none are given. */
  pause(queues: readonly MessageQueue[] = this.queues): void {
    for (const queue of queues) this.#held(queue).pause();
  }

  resume(queues: readonly MessageQueue[] = this.queues): void {
    for (const queue of queues) this.#held(queue).resume();
    this.#notify();
  }

  /** Commits (unless only `commit` does) and leaves the group. Polls that wait end with nothing. */
  close(): Promise<void> {
    this.#closing ??= this.#close();
    return this.#closing;
  }

  async #close(): Promise<void> {
    this.#notify();
    for (const queue of this.#queues.values()) queue.stop();
    if (this.#member.isStarted) {
      if (this.#isAutoCommit) await this.commit();
      await this.#member.leave();
    }
    this.#queues.clear();
    this.#member.core.close();
  }

  #entries(): PullQueue[] {
    return [...this.#queues.values()];
  }

  #isClosing(): boolean {
    return this.#closing !== null;
  }

  #held(queue: MessageQueue): PullQueue {
    const held = this.#queues.get(keyOf(queue));
    if (held !== undefined) return held;
    throw new ClientError('MQ_CLIENT_ARGUMENT', `Queue ${queue.topic}/${queue.brokerName}/${queue.queueId} is not this consumer's`);
  }

  #donePolled(): void {
    const polled = this.#polled;
    this.#polled = [];
    for (const { from, message, progress } of polled) from.done(message, progress);
  }

  async #take(max: number, timeoutMs: number): Promise<Polled[]> {
    if (!Number.isInteger(max) || max < 1) throw new ClientError('MQ_CLIENT_ARGUMENT', `max is ${max}; 1 or more is needed`);
    if (!this.#member.isStarted) throw new ClientError('MQ_CLIENT_ARGUMENT', 'The consumer was not started');
    const { environment } = this.#member.core;
    const deadlineMs = environment.monotonicMs() + timeoutMs;
    for (;;) {
      if (this.#closing !== null) return [];
      const taken = this.#ready(max);
      const leftMs = deadlineMs - environment.monotonicMs();
      if (taken.length > 0 || leftMs <= 0) return taken;
      await this.#arrival(leftMs);
    }
  }

  /** Resolves when something may have come, or after `leftMs`. */
  #arrival(leftMs: number): Promise<void> {
    return new Promise((resolve) => {
      const cancel = this.#member.core.environment.schedule(leftMs, () => {
        this.#waiters.delete(waiter);
        resolve();
      });
      const waiter = (): void => {
        cancel();
        resolve();
      };
      this.#waiters.add(waiter);
    });
  }

  /** What lies ready, a queue after the other in turn. */
  #ready(max: number): Polled[] {
    const queues = [...this.#queues.values()];
    const polled: Polled[] = [];
    for (let step = 0; step < queues.length && polled.length < max; step++) {
      const from = queues[(this.#turn + step) % queues.length] as PullQueue;
      const { progress } = from;
      for (const message of from.poll(max - polled.length)) polled.push({ from, message, progress });
    }
    this.#turn = queues.length === 0 ? 0 : (this.#turn + 1) % queues.length;
    return polled;
  }

  #notify(): void {
    const waiters = this.#waiters;
    this.#waiters = new Set();
    for (const waiter of waiters) waiter();
  }

  async #commitAll(): Promise<void> {
    for (const queue of this.#queues.values()) await this.#member.commit(queue.queue, queue.progress);
  }

  async #share(topic: string, queues: readonly MessageQueue[]): Promise<void> {
    const subscription = this.#member.subscriptions.get(topic);
    if (subscription !== undefined) await this.#keepOnly((held) => held.topic !== topic, queues, subscription);
  }

  async #takeAssigned({ queues, selector }: Assigned): Promise<void> {
    const topics = new Set([...queues, ...this.queues].map((queue) => queue.topic));
    for (const topic of topics) {
      await this.#member.core.routes.find(topic);
      const subscription = subscriptionOf(topic, selector, this.#member.core.environment.now());
      await this.#keepOnly(
        (held) => held.topic !== topic,
        queues.filter((queue) => queue.topic === topic),
        subscription,
      );
    }
    // A queue that could not be taken is an error here: nobody looks after it again.
    const missing = queues.find((queue) => !this.#queues.has(keyOf(queue)));
    if (missing !== undefined && this.#closing === null)
      throw new ClientError('MQ_CLIENT_NO_ROUTE', `Queue ${missing.topic}/${missing.brokerName}/${missing.queueId} cannot be taken now`);
  }

  async #keepOnly(
    isOther: (queue: MessageQueue) => boolean,
    queues: readonly MessageQueue[],
    subscription: SubscriptionData,
  ): Promise<void> {
    const wanted = new Set(queues.map(keyOf));
    let hasChanged = false;
    for (const [key, held] of this.#queues) {
      if (isOther(held.queue) || wanted.has(key)) continue;
      held.stop();
      this.#queues.delete(key);
      hasChanged = true;
      if (this.#isAutoCommit) await this.#member.commit(held.queue, held.progress);
    }
    for (const queue of queues) {
      const key = keyOf(queue);
      if (this.#queues.has(key) || this.#taking.has(key) || this.#closing !== null) continue;
      this.#taking.add(key);
      try {
        const offset = await this.#member.offsets.start(queue);
        if (this.#isClosing()) return;
        const held = new PullQueue(this.#member, queue, subscription, offset, () => this.#notify());
        this.#queues.set(key, held);
        held.start();
        hasChanged = true;
      } catch (error) {
        this.#member.core.report(error);
        this.#member.retryShare();
      } finally {
        this.#taking.delete(key);
      }
    }
    if (hasChanged) this.#onAssigned(this.queues);
  }
}

function closed(): ClientError {
  return new ClientError('MQ_CLIENT_CLOSED', 'The consumer is closed');
}
