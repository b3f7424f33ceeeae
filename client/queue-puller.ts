/**
 * Pulls one queue, request after request, as long as there is room for what comes. One an assigned queue. What it gets goes to its sink; what
 * fails is told and tried again after a pause. Ends with `stop`; what is in flight then is dropped.
 * Source: RocketMQ 5.3 `DefaultMQPushConsumerImpl.pullMessage`, `PullAPIWrapper`.
 */
import type { MessageQueue } from '../model/queue-id.ts';
import { isTagType, type SubscriptionData } from '../model/subscription.ts';
import { PULL_COMMIT_OFFSET_FLAG, PULL_SUBSCRIPTION_FLAG, PULL_SUSPEND_FLAG } from '../model/system-flag.ts';
import { isRetryTopic } from '../model/topic.ts';
import type { RemotingCommand } from '../protocol/remoting/command.ts';
import type { DirectPullAnswer } from '../protocol/remoting/link.ts';
import { PULL_MESSAGE } from '../protocol/remoting/request-code.ts';
import {
  decodePullMessageResponse,
  encodePullMessageRequest,
  type PullMessageRequest,
  type PullMessageResponse,
} from '../protocol/remoting/requests/pull-message.ts';
import { FLOW_CONTROL, PULL_NOT_FOUND, PULL_OFFSET_MOVED, PULL_RETRY_IMMEDIATELY, SUCCESS } from '../protocol/remoting/response-code.ts';
import { readAnswer, refusal } from './answers.ts';
import type { Member } from './consumer-options.ts';
import { ClientError } from './errors.ts';
import { type Message, receiveMessages } from './message.ts';

/** What a puller's owner does with it. */
export type PullSink = {
  /** True: pull on. Else `QueuePuller.wake` says when. */
  hasRoom(): boolean;
  /** Messages in the order of their offsets, those that the tags let pass; all before `nextOffset` has been looked at. */
  received(messages: readonly Message[], nextOffset: number): void;
  /** The queue does not have what was asked for: what is held of it no longer counts, and it goes on at `nextOffset`. */
  moved(nextOffset: number): void;
  /** What the group has consumed, told with each pull; 0: nothing is told. */
  consumedOffset(): number;
};

/** How long the broker holds a pull that finds nothing, and how long an answer may take. */
const HOLD_MS = 15_000;
const ANSWER_MS = 30_000;
const PULL_BYTES_MAX = 256 * 1024;
/** After a refusal, and after a failure without a pause of its own. */
const FAILURE_PAUSE_MS = 1_000;
const FLOW_CONTROL_PAUSE_MS = 20;
/** A broker that says "nothing" at once, again and again, is asked no more often than this. */
const EMPTY_PAUSE_MS = 20;
const SHORTEST_PAUSE_MS = 50;

type Pulled = {
  readonly code: number;
  readonly remark: string | null;
  readonly response: PullMessageResponse | null;
  readonly body: Uint8Array;
};

export class QueuePuller {
  readonly queue: MessageQueue;
  readonly #member: Member;
  readonly #subscription: SubscriptionData;
  readonly #tags: ReadonlySet<string>;
  readonly #sink: PullSink;
  #offset: number;
  /** Grows with each seek: an answer to a pull of before is dropped. */
  #epoch = 0;
  #brokerId = 0;
  #isStopped = false;
  #wake: (() => void) | null = null;
  /** Ends the wait for the pull under way, which the broker may hold for long. */
  #interrupt: () => void = () => {};
  #lastPullAt = 0;

  constructor(member: Member, queue: MessageQueue, subscription: SubscriptionData, offset: number, sink: PullSink) {
    this.queue = queue;
    this.#member = member;
    this.#subscription = subscription;
    this.#tags = new Set(isTagType(subscription.expressionType) ? subscription.tagsSet : []);
    this.#offset = offset;
    this.#sink = sink;
  }

  /** What is pulled next. */
  get offset(): number {
    return this.#offset;
  }

  /** When a pull was last answered, in milliseconds since 1970; 0: never. */
  get lastPullAt(): number {
    return this.#lastPullAt;
  }

  /** Begins; never rejects but for a bug. */
  start(): void {
    void this.#run();
  }

  /** Pulls from `offset` on. */
  seek(offset: number): void {
    this.#offset = offset;
    this.#epoch++;
    this.#interrupt();
    this.wake();
  }

  /** There may be room again. */
  wake(): void {
    const wake = this.#wake;
    this.#wake = null;
    wake?.();
  }

  stop(): void {
    this.#isStopped = true;
    this.#interrupt();
    this.wake();
  }

  async #run(): Promise<void> {
    while (!this.#isStopped) {
      if (!this.#sink.hasRoom()) {
        await new Promise<void>((resolve) => {
          this.#wake = resolve;
        });
        continue;
      }
      const epoch = this.#epoch;
      let pauseMs: number;
      try {
        const interrupted = new Promise<number>((resolve) => {
          this.#interrupt = () => resolve(0);
        });
        pauseMs = await Promise.race([this.#pull(epoch), interrupted]);
      } catch (error) {
        if (this.#isStopped || epoch !== this.#epoch) continue;
        this.#member.core.report(error);
        this.#member.core.routes.doubt(this.queue.topic);
        pauseMs = this.#failurePauseMs(error);
      }
      if (pauseMs > 0 && !this.#isStopped) await this.#member.core.pause(pauseMs);
      if (this.#member.core.isClosed) return;
    }
  }

  /** One pull; returns how long to wait before the next. */
  async #pull(epoch: number): Promise<number> {
    const { core } = this.#member;
    const route = (await core.routes.find(this.queue.topic)) ?? core.routes.last(this.queue.topic);
    const addresses = route?.data.brokerDatas.find((broker) => broker.brokerName === this.queue.brokerName)?.brokerAddrs;
    const address = addresses?.get(this.#brokerId) ?? addresses?.get(0) ?? addresses?.values().next().value;
    if (address === undefined)
      throw new ClientError('MQ_CLIENT_NO_ROUTE', `Topic ${this.queue.topic} has no broker ${this.queue.brokerName}`);
    const askedMs = core.environment.monotonicMs();
    const request = this.#request(address === addresses?.get(0));
    const what = `a pull of ${this.queue.topic}/${this.queue.queueId}`;
    const answer = await core.broker(address).either<Pulled>(
      () => ({ code: PULL_MESSAGE, ext: encodePullMessageRequest(request) }),
      (command) => pulledOf(what, address, command),
      (path, done) => path.pull(request, (given: DirectPullAnswer) => done(given)),
      ANSWER_MS,
    );
    if (this.#isStopped || epoch !== this.#epoch) return 0;
    this.#lastPullAt = core.environment.now();
    const { code, response } = answer;
    if (code === FLOW_CONTROL) return FLOW_CONTROL_PAUSE_MS;
    if (response === null) throw refusal(what, address, answer);
    this.#brokerId = response.suggestWhichBrokerId;
    const { nextBeginOffset } = response;
    if (code === PULL_OFFSET_MOVED) {
      const isStuck = nextBeginOffset === this.#offset;
      this.#offset = nextBeginOffset;
      this.#sink.moved(nextBeginOffset);
      return isStuck ? FAILURE_PAUSE_MS : 0;
    }
    const messages = code === SUCCESS ? receiveMessages(this.queue.brokerName, address, answer.body) : [];
    const hasMoved = nextBeginOffset > this.#offset;
    this.#offset = Math.max(this.#offset, nextBeginOffset);
    this.#sink.received(
      messages.filter((message) => this.#isWanted(message)),
      this.#offset,
    );
    // A broker that holds pulls answers late or with something new.
    return hasMoved || core.environment.monotonicMs() - askedMs >= EMPTY_PAUSE_MS ? 0 : EMPTY_PAUSE_MS;
  }

  #request(isMaster: boolean): PullMessageRequest {
    const { settings } = this.#member;
    const consumed = settings.messageModel === 'clustering' && isMaster ? this.#sink.consumedOffset() : 0;
    // The broker has the expression from the heartbeat, but may have forgotten it with a restart; by tags it is cheap to say it again.
    const saysTags = isTagType(this.#subscription.expressionType);
    return {
      consumerGroup: settings.group,
      topic: this.queue.topic,
      queueId: this.queue.queueId,
      queueOffset: this.#offset,
      maxMsgNums: settings.pullMessagesMax,
      sysFlag: PULL_SUSPEND_FLAG | (consumed > 0 ? PULL_COMMIT_OFFSET_FLAG : 0) | (saysTags ? PULL_SUBSCRIPTION_FLAG : 0),
      commitOffset: consumed,
      suspendTimeoutMillis: HOLD_MS,
      subscription: saysTags ? this.#subscription.subString : null,
      subVersion: this.#subscription.subVersion,
      expressionType: this.#subscription.expressionType,
      maxMsgBytes: PULL_BYTES_MAX,
    };
  }

  /** The broker compares hashes of tags; two tags may have one. */
  #isWanted(message: Message): boolean {
    return this.#tags.size === 0 || isRetryTopic(this.queue.topic) || (message.tag !== null && this.#tags.has(message.tag));
  }

  #failurePauseMs(error: unknown): number {
    if (!(error instanceof ClientError) || error.code !== 'MQ_CLIENT_NOT_CONNECTED' || error.address === null) return FAILURE_PAUSE_MS;
    return Math.max(SHORTEST_PAUSE_MS, this.#member.core.broker(error.address).pauseMs);
  }
}

function pulledOf(what: string, address: string, answer: RemotingCommand): Pulled {
  const { body, code, ext, remark } = answer;
  const hasOffsets = code === SUCCESS || code === PULL_NOT_FOUND || code === PULL_RETRY_IMMEDIATELY || code === PULL_OFFSET_MOVED;
  return { code, remark, response: hasOffsets ? readAnswer(what, address, ext, decodePullMessageResponse) : null, body };
}
