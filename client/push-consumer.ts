/**
 * The push consumer: a member of a group that pulls its share of the queues and hands each message to a handler. A handler that throws sends its
 * message back, to be tried later; a process that dies leaves its messages to the others. One a program and group. Ends with `close`.
 * Source: RocketMQ 5.3 `DefaultMQPushConsumer`, `DefaultMQPushConsumerImpl`.
 */
import type { MessageQueue } from '../model/queue-id.ts';
import { SUBSCRIBE_ALL } from '../model/subscription.ts';
import { retryTopic } from '../model/topic.ts';
import type { ConsumeDirectlyResult } from '../protocol/remoting/bodies/consume-directly-result.ts';
import type { ConsumerRunningInfo } from '../protocol/remoting/bodies/consumer-running-info.ts';
import { CONSUME_PASSIVELY } from '../protocol/remoting/bodies/heartbeat-data.ts';
import { ConsumeRates } from './consume-rates.ts';
import type { ConsumerOptions, Selector } from './consumer-options.ts';
import { ClientError, errorText } from './errors.ts';
import { GroupMember } from './group-member.ts';
import { HandlerSlots } from './handler-slots.ts';
import { HandlerWatch } from './handler-watch.ts';
import type { Message } from './message.ts';
import { DELAY_LEVEL_MAX } from './outgoing-message.ts';
import { type AskedConsumer, answerPeer } from './peer-requests.ts';
import { PushQueue, type PushQueueOwner } from './push-queue.ts';
import { keyOf, QueueLocks, RENEW_PERIOD_MS } from './queue-locks.ts';
import { SendBack } from './send-back.ts';
import { Topic } from './typed-topic.ts';

export type PushConsumerOptions = ConsumerOptions & {
  /** Handlers that run at once; 20 if not given. */
  readonly concurrency?: number;
  /** True: the messages of a queue one after another, in their order, and each queue at one member only. */
  readonly orderly?: boolean;
  /**
   * Repetitions after which a message goes to the dead letters (`%DLQ%group`): 16 if not given. Orderly, where a message that fails holds its queue
   * up: without an end if not given.
   */
  readonly retriesMax?: number;
  /** Orderly: the pause before a message is tried again, in milliseconds; 1000 if not given. */
  readonly orderlyRetryMs?: number;
  /**
   * A handler that takes longer counts as failed, in milliseconds; 900000 (15 minutes) if not given. Not for orderly consumers, where the next message
   * must not begin before it ends.
   */
  readonly handlerTimeoutMs?: number;
  /** How long `close` waits for handlers that run, in milliseconds; 10000 if not given. */
  readonly closeTimeoutMs?: number;
};

/** Handles one message; done when its promise resolves. Throwing (or rejecting) sends it back. */
export type MessageHandler = (message: Message) => Promise<void> | void;
/** Handles one value of a typed topic. */
export type ValueHandler<T> = (value: T, message: Message) => Promise<void> | void;

export type SubscribeOptions = Selector & {
  /**
   * The delay level of a message that failed: 1 to 18, 0 for the broker's choice (10 s, 30 s, 1 min … growing), −1 for the dead letters at once.
   * Always 0 if not given.
   */
  readonly retryLevel?: (message: Message, error: unknown) => number;
};

export type TypedSubscribeOptions = SubscribeOptions & {
  /**
   * Takes a stored message whose value is not valid; then it is done with. Without it such a message counts as failed, and ends among the dead letters.
   */
  readonly onInvalid?: (error: ClientError, message: Message) => Promise<void> | void;
};

type Subscriber = {
  readonly handle: MessageHandler;
  readonly retryLevel: (message: Message, error: unknown) => number;
};

/** A message that could not be sent back either is tried again here after this. */
const AGAIN_MS = 5_000;
const CONCURRENCY_MAX = 10_000;
const HANDLER_TIMEOUT_MS = 900_000;

export class PushConsumer {
  readonly #member: GroupMember;
  readonly #owner: PushQueueOwner;
  readonly #slots: HandlerSlots;
  readonly #watch: HandlerWatch;
  readonly #sendBack: SendBack;
  readonly #locks: QueueLocks | null;
  readonly #subscribers: Map<string, Subscriber> = new Map();
  readonly #queues: Map<string, PushQueue> = new Map();
  /** Queues that are being taken or given up: by key, what has to end first. */
  readonly #changing: Map<string, Promise<void>> = new Map();
  readonly #retriesMax: number;
  readonly #closeTimeoutMs: number;
  readonly #rates = new ConsumeRates();
  /** What brokers may ask. */
  readonly #asked: AskedConsumer;
  #isPaused = false;
  #closing: Promise<void> | null = null;

  constructor(options: PushConsumerOptions) {
    const concurrency = options.concurrency ?? 20;
    if (!Number.isInteger(concurrency) || concurrency < 1 || concurrency > CONCURRENCY_MAX)
      throw new ClientError('MQ_CLIENT_ARGUMENT', `concurrency is ${concurrency}; 1 to ${CONCURRENCY_MAX} are allowed`);
    const isOrderly = options.orderly === true;
    this.#retriesMax = options.retriesMax ?? (isOrderly ? Number.POSITIVE_INFINITY : 16);
    this.#closeTimeoutMs = options.closeTimeoutMs ?? 10_000;
    this.#slots = new HandlerSlots(concurrency);
    const handlerTimeoutMs = options.handlerTimeoutMs ?? HANDLER_TIMEOUT_MS;
    if (!(handlerTimeoutMs > 0))
      throw new ClientError('MQ_CLIENT_ARGUMENT', `handlerTimeoutMs is ${handlerTimeoutMs}; more than 0 is needed`);
    this.#member = new GroupMember(options, {
      consumeType: CONSUME_PASSIVELY,
      onAssigned: (topic, queues) => this.#assign(topic, queues),
      onRequest: (request, connection) => void answerPeer(this.#asked, request, connection),
    });
    this.#watch = new HandlerWatch(this.#member.core, isOrderly ? Number.POSITIVE_INFINITY : handlerTimeoutMs);
    this.#sendBack = new SendBack(this.#member, this.#retriesMax);
    this.#locks = isOrderly && this.#member.settings.messageModel === 'clustering' ? new QueueLocks(this.#member) : null;
    const locks = this.#locks;
    this.#owner = {
      member: this.#member,
      slots: this.#slots,
      isLocked: isOrderly ? (queue) => locks === null || locks.has(queue) : null,
      isPaused: () => this.#isPaused,
      pulled: (topic, messages) => this.#rates.pulled(topic, this.#member.core.environment.now(), messages),
      consume: (message, attempt) => (isOrderly ? this.#consumeInOrder(message, attempt) : this.#consume(message)),
      againMs: isOrderly ? (options.orderlyRetryMs ?? 1_000) : AGAIN_MS,
    };
    this.#asked = {
      member: this.#member,
      consumedOffsets: (topic) => this.#held(topic).map((held) => [held.queue, held.progress.consumedOffset] as const),
      seekTo: (queue, offset) => this.#queues.get(keyOf(queue))?.seek(offset),
      runningInfo: () => this.#runningInfo(isOrderly),
      consumeNow: (message) => this.#consumeNow(message, isOrderly),
    };
  }

  /** Unique among the members of the group. */
  get clientId(): string {
    return this.#member.core.clientId;
  }

  /** The queues that are this member's now. */
  get queues(): readonly MessageQueue[] {
    return [...this.#queues.values()].map((each) => each.queue);
  }

  /** Handlers that run now. */
  get running(): number {
    return this.#slots.running;
  }

  /** Takes the messages of a topic; before `start` or after it. A second call for a topic replaces the first. */
  subscribe(topic: string, handler: MessageHandler, options?: SubscribeOptions): Promise<void>;
  /** Takes the values of a typed topic. */
  subscribe<T>(topic: Topic<T>, handler: ValueHandler<T>, options?: TypedSubscribeOptions): Promise<void>;
  subscribe<T>(topic: string | Topic<T>, handler: MessageHandler | ValueHandler<T>, options: TypedSubscribeOptions = {}): Promise<void> {
    const { retryLevel = () => 0 } = options;
    const handle = topic instanceof Topic ? valueHandler(topic, handler as ValueHandler<T>, options) : (handler as MessageHandler);
    const name = topic instanceof Topic ? topic.name : topic;
    this.#subscribers.set(name, { handle, retryLevel });
    return this.#member.subscribe(name, options);
  }

  /** Ends a subscription. */
  async unsubscribe(topic: string): Promise<void> {
    await this.#member.unsubscribe(topic, (name, queues) => this.#assign(name, queues));
    this.#subscribers.delete(topic);
  }

  /** Joins the group and begins; resolves when the first share is taken. */
  async start(): Promise<void> {
    if (this.#closing !== null) throw new ClientError('MQ_CLIENT_CLOSED', 'The consumer is closed');
    if (this.#member.isStarted) throw new ClientError('MQ_CLIENT_ARGUMENT', 'The consumer was started before');
    if (this.#subscribers.size === 0) throw new ClientError('MQ_CLIENT_ARGUMENT', 'The consumer has no subscription; call subscribe first');
    const { group, messageModel, commitPeriodMs } = this.#member.settings;
    if (messageModel === 'clustering') await this.#member.subscribe(retryTopic(group), { tags: SUBSCRIBE_ALL });
    this.#member.core.every(commitPeriodMs, () => this.#commitAll());
    this.#watch.start();
    const locks = this.#locks;
    if (locks !== null) this.#member.core.every(RENEW_PERIOD_MS, () => locks.lock(this.queues));
    await this.#member.start(true);
  }

  /** Begins no more handlers and pulls no more; those that run go on. The queues stay this member's. */
  pause(): void {
    this.#isPaused = true;
    this.#slots.pause();
  }

  resume(): void {
    this.#isPaused = false;
    this.#slots.resume();
    for (const queue of this.#queues.values()) queue.wake();
  }

  /** Waits for handlers that run, commits, and leaves the group. */
  close(): Promise<void> {
    this.#closing ??= this.#close();
    return this.#closing;
  }

  async #close(): Promise<void> {
    const queues = [...this.#queues.values()];
    const stopped = queues.map((queue) => queue.stop());
    this.#slots.resume();
    const ended = Promise.all([...stopped, this.#slots.idle(), ...this.#changing.values()]);
    if (this.#member.isStarted) {
      await Promise.race([ended, this.#member.core.pause(this.#closeTimeoutMs)]);
      for (const queue of queues) await this.#member.commit(queue.queue, queue.progress);
      await this.#locks?.unlock(queues.map((queue) => queue.queue));
      await this.#member.leave();
    }
    this.#queues.clear();
    this.#member.core.close();
  }

  async #commitAll(): Promise<void> {
    for (const queue of this.#queues.values()) await this.#member.commit(queue.queue, queue.progress);
  }

  /** Gives up what is no longer this member's, and takes what is new. */
  async #assign(topic: string, queues: readonly MessageQueue[]): Promise<void> {
    const wanted = new Set(queues.map(keyOf));
    for (const [key, held] of this.#queues) {
      if (held.queue.topic === topic && !wanted.has(key)) this.#change(key, this.#giveUp(key, held));
    }
    if (this.#closing !== null) return;
    const missing = queues.filter((queue) => !this.#queues.has(keyOf(queue)) && !this.#changing.has(keyOf(queue)));
    if (this.#locks !== null && missing.length > 0) await this.#locks.lock(missing);
    for (const queue of missing) if (this.#closing === null) this.#change(keyOf(queue), this.#take(queue));
    // Those that are being given up may be wanted again: the next round takes them.
    if (queues.some((queue) => !this.#queues.has(keyOf(queue)) && !missing.includes(queue))) this.#member.retryShare();
    await Promise.all(missing.map((queue) => this.#changing.get(keyOf(queue))));
  }

  #change(key: string, change: Promise<void>): void {
    const known = change.finally(() => this.#changing.delete(key));
    this.#changing.set(key, known);
  }

  async #take(queue: MessageQueue): Promise<void> {
    const { core, offsets, subscriptions } = this.#member;
    try {
      if (this.#locks?.has(queue) === false) {
        // Another member has not given it back yet.
        this.#member.retryShare();
        return;
      }
      const offset = await offsets.start(queue);
      const subscription = subscriptions.get(queue.topic);
      if (this.#closing !== null || subscription === undefined) return;
      const held = new PushQueue(this.#owner, queue, subscription, offset);
      this.#queues.set(keyOf(queue), held);
      held.start();
    } catch (error) {
      core.report(error);
      this.#member.retryShare();
    }
  }

  async #giveUp(key: string, held: PushQueue): Promise<void> {
    this.#queues.delete(key);
    await held.stop();
    await this.#member.commit(held.queue, held.progress);
    await this.#locks?.unlock([held.queue]);
  }

  #held(topic: string): PushQueue[] {
    return [...this.#queues.values()].filter((held) => held.queue.topic === topic);
  }

  #runningInfo(isOrderly: boolean): ConsumerRunningInfo {
    return {
      properties: this.#member.infoProperties(isOrderly, CONSUME_PASSIVELY),
      subscriptions: [...this.#member.subscriptions.values()],
      queues: [...this.#queues.values()].map((held) => [held.queue, held.info] as const),
      status: this.#rates.status(this.#member.core.environment.now()),
    };
  }

  /** A message that a tool sends: handled beside all others, and nothing is committed or sent back. */
  async #consumeNow(message: Message, order: boolean): Promise<ConsumeDirectlyResult> {
    const { environment } = this.#member.core;
    const startMs = environment.monotonicMs();
    const error = await this.#handle(message);
    const spentTimeMills = Math.round(environment.monotonicMs() - startMs);
    const consumeResult = error === null ? 'CR_SUCCESS' : 'CR_THROW_EXCEPTION';
    return { consumeResult, order, autoCommit: true, remark: error === null ? null : errorText(error), spentTimeMills };
  }

  /** What the handler threw; null: nothing. */
  async #handle(message: Message): Promise<unknown> {
    const { environment } = this.#member.core;
    const subscriber = this.#subscribers.get(message.topic);
    // A message of a subscription that has ended comes by the retry topic: somebody else of the group may want it.
    if (subscriber === undefined) return noSubscriber(message);
    const startMs = environment.monotonicMs();
    const error =
      message.bodyFault === null
        ? await this.#watch.run(() => subscriber.handle(message))
        : new ClientError('MQ_CLIENT_BAD_ANSWER', message.bodyFault);
    this.#rates.handled(message.topic, environment.now(), error === null, environment.monotonicMs() - startMs);
    return error;
  }

  async #consume(message: Message): Promise<boolean> {
    const error = await this.#handle(message);
    if (error === null) return true;
    this.#tell(message, error);
    if (this.#member.settings.messageModel === 'broadcasting') return true;
    try {
      await this.#sendBack.send(message, this.#levelOf(message, error));
      return true;
    } catch (sendError) {
      this.#member.core.report(sendError);
      return false;
    }
  }

  async #consumeInOrder(message: Message, attempt: number): Promise<boolean> {
    const tried = attempt === 0 ? message : { ...message, reconsumeTimes: message.reconsumeTimes + attempt };
    const error = await this.#handle(tried);
    if (error === null) return true;
    this.#tell(message, error);
    if (this.#member.settings.messageModel === 'broadcasting') return true;
    if (tried.reconsumeTimes < this.#retriesMax) return false;
    try {
      await this.#sendBack.resend(tried);
      return true;
    } catch (sendError) {
      this.#member.core.report(sendError);
      return false;
    }
  }

  /** The program's choice of a delay level; the broker's when that is none, or throws. */
  #levelOf(message: Message, error: unknown): number {
    try {
      const level = this.#subscribers.get(message.topic)?.retryLevel(message, error) ?? 0;
      if (Number.isInteger(level) && level >= -1 && level <= DELAY_LEVEL_MAX) return level;
      this.#tell(message, new RangeError(`retryLevel gave ${level}; -1 to ${DELAY_LEVEL_MAX} are allowed`));
    } catch (thrown) {
      this.#tell(message, thrown);
    }
    return 0;
  }

  #tell(message: Message, error: unknown): void {
    const text = `Message ${message.messageId} of ${message.topic} failed: ${errorText(error)}`;
    this.#member.core.report(new ClientError('MQ_CLIENT_HANDLER', text, { cause: error }));
  }
}

function valueHandler<T>(topic: Topic<T>, handler: ValueHandler<T>, options: TypedSubscribeOptions): MessageHandler {
  return async (message) => {
    let value: T;
    try {
      value = await topic.decode(message.body);
    } catch (error) {
      if (!(error instanceof ClientError) || options.onInvalid === undefined) throw error;
      await options.onInvalid(error, message);
      return;
    }
    await handler(value, message);
  };
}

function noSubscriber(message: Message): ClientError {
  return new ClientError('MQ_CLIENT_ARGUMENT', `this consumer has no subscription to ${message.topic}`);
}
