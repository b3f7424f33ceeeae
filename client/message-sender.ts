/**
 * Sends prepared messages: chooses the queue, asks its broker, and tries another when that fails, within one deadline. Used by producers and
 * by consumers that send back. Owns the turn of each topic among its queues. Fails with the last failure.
 * Source: RocketMQ 5.3 `DefaultMQProducerImpl.sendDefaultImpl`, `MQClientAPIImpl.processSendResponse`.
 */
import type { MessageQueue } from '../model/queue-id.ts';
import { AUTO_CREATE_TOPIC } from '../model/topic.ts';
import type { RemotingCommand } from '../protocol/remoting/command.ts';
import type { DirectSendAnswer } from '../protocol/remoting/link.ts';
import { SEND_BATCH_MESSAGE, SEND_MESSAGE_V2 } from '../protocol/remoting/request-code.ts';
import {
  decodeSendMessageResponse,
  encodeSendMessageRequest,
  type SendMessageRequest,
  type SendMessageResponse,
} from '../protocol/remoting/requests/send-message.ts';
import * as code from '../protocol/remoting/response-code.ts';
import { readAnswer, refusal } from './answers.ts';
import { nextQueue, queueOfKey } from './choose-queue.ts';
import type { ClientCore } from './client-core.ts';
import { ClientError } from './errors.ts';
import type { PreparedMessage } from './outgoing-message.ts';
import { brokerAddress, type TopicRoute } from './route-table.ts';

/**
 * All four say that the message is stored. FLUSH_DISK_TIMEOUT: but not synced in time; FLUSH_SLAVE_TIMEOUT, SLAVE_NOT_AVAILABLE: but not
 * replicated as was asked.
 */
export type SendStatus = 'SEND_OK' | 'FLUSH_DISK_TIMEOUT' | 'FLUSH_SLAVE_TIMEOUT' | 'SLAVE_NOT_AVAILABLE';

const STATUS: ReadonlyMap<number, SendStatus> = new Map([
  [code.SUCCESS, 'SEND_OK'],
  [code.FLUSH_DISK_TIMEOUT, 'FLUSH_DISK_TIMEOUT'],
  [code.FLUSH_SLAVE_TIMEOUT, 'FLUSH_SLAVE_TIMEOUT'],
  [code.SLAVE_NOT_AVAILABLE, 'SLAVE_NOT_AVAILABLE'],
]);

/** Refusals after which another broker, or the same a little later, may take the message. */
const RETRIED: ReadonlySet<number> = new Set([
  code.TOPIC_NOT_EXIST,
  code.SERVICE_NOT_AVAILABLE,
  code.SYSTEM_ERROR,
  code.SYSTEM_BUSY,
  code.NO_PERMISSION,
  code.NO_BUYER_ID,
  code.NOT_IN_CURRENT_UNIT,
  code.GO_AWAY,
]);

/** Where a message was stored. */
export type SendReceipt = {
  readonly status: SendStatus;
  readonly queue: MessageQueue;
  /** The place in the queue, of the first message of a batch. */
  readonly queueOffset: number;
  /** The broker's id, with the store's address and offset in it; of a batch one a message, with commas. */
  readonly offsetMessageId: string;
};

export type SendLimits = {
  /** From the call to the result, all tries included, in milliseconds. */
  readonly timeoutMs: number;
  /** One try. */
  readonly tryTimeoutMs: number;
  /** Tries that reach a broker. Those that find no connection cost time only. */
  readonly triesMax: number;
};

/** What a send says beside the message. */
export type SendSettings = { readonly group: string; readonly defaultTopicQueues: number };

/** More about one send: of a batch, or of a message that goes round again. */
export type SendExtras = {
  readonly isBatch?: boolean;
  readonly reconsumeTimes?: number;
  readonly maxReconsumeTimes?: number | null;
};

/** A pause before the same broker is asked again. */
const SAME_BROKER_PAUSE_MS = 50;
/** Topics whose turn is remembered. */
const TURNS_MAX = 65_536;

export class MessageSender {
  readonly #core: ClientCore;
  readonly #settings: SendSettings;
  readonly #turns: Map<string, number> = new Map();

  constructor(core: ClientCore, settings: SendSettings) {
    this.#core = core;
    this.#settings = settings;
  }

  async send(message: PreparedMessage, limits: SendLimits, extras: SendExtras = {}): Promise<SendReceipt> {
    const { environment, routes } = this.#core;
    const deadlineMs = environment.monotonicMs() + limits.timeoutMs;
    let failedBroker: string | null = null;
    let failure: ClientError | null = null;
    for (let tries = 0; tries < limits.triesMax; ) {
      const leftMs = deadlineMs - environment.monotonicMs();
      if (leftMs <= 0 || this.#core.isClosed) break;
      const route: TopicRoute = await routes.findToSend(message.topic);
      const queue: MessageQueue = this.#choose(message, route, failedBroker);
      const address = brokerAddress(route, queue.brokerName);
      if (address === undefined) {
        throw new ClientError('MQ_CLIENT_NO_ROUTE', `Topic ${message.topic} has no broker ${queue.brokerName}`);
      }
      const pauseMs = this.#core.broker(address).pauseMs;
      if (pauseMs > 0 && failure !== null) {
        if (pauseMs >= leftMs) break;
        await this.#core.pause(pauseMs);
        continue;
      }
      try {
        return await this.#try(message, queue, address, Math.min(limits.tryTimeoutMs, leftMs), extras);
      } catch (error) {
        if (!(error instanceof ClientError) || !isRetried(error)) throw error;
        routes.doubt(message.topic);
        if (error.code !== 'MQ_CLIENT_NOT_CONNECTED') {
          tries++;
          if (failedBroker === queue.brokerName) await this.#core.pause(SAME_BROKER_PAUSE_MS);
        }
        failure = error;
        failedBroker = queue.brokerName;
      }
    }
    throw failure ?? this.#late(message.topic, limits.timeoutMs);
  }

  /** Hands the message to the link; no answer will come. */
  async sendOneway(message: PreparedMessage, timeoutMs: number): Promise<void> {
    const route = await this.#core.routes.findToSend(message.topic);
    const queue = this.#choose(message, route, null);
    const address = brokerAddress(route, queue.brokerName);
    if (address === undefined) throw new ClientError('MQ_CLIENT_NO_ROUTE', `Topic ${message.topic} has no broker ${queue.brokerName}`);
    const ext = encodeSendMessageRequest(this.#header(message, queue, {}), SEND_MESSAGE_V2);
    await this.#core.broker(address).oneway({ code: SEND_MESSAGE_V2, ext, body: message.body }, timeoutMs);
  }

  async #try(message: PreparedMessage, queue: MessageQueue, address: string, timeoutMs: number, extras: SendExtras): Promise<SendReceipt> {
    const header = this.#header(message, queue, extras);
    const requestCode = extras.isBatch === true ? SEND_BATCH_MESSAGE : SEND_MESSAGE_V2;
    const what = `a message to ${queue.topic}/${queue.queueId}`;
    const answer = await this.#core.broker(address).either<DirectSendAnswer>(
      () => ({ code: requestCode, ext: encodeSendMessageRequest(header, requestCode), body: message.body }),
      (command) => ({ code: command.code, remark: command.remark, response: responseOf(what, address, command) }),
      (path, done) => path.send(header, message.body, done),
      timeoutMs,
    );
    const status = STATUS.get(answer.code);
    if (status === undefined) throw refusal(what, address, answer);
    if (answer.response === null) throw new ClientError('MQ_CLIENT_BAD_ANSWER', `${address} took ${what} without its ids`, { address });
    const { msgId, queueId, queueOffset } = answer.response;
    return { status, queue: { ...queue, queueId }, queueOffset, offsetMessageId: msgId };
  }

  #header(message: PreparedMessage, queue: MessageQueue, extras: SendExtras): SendMessageRequest {
    return {
      producerGroup: this.#settings.group,
      topic: message.topic,
      defaultTopic: AUTO_CREATE_TOPIC,
      defaultTopicQueueNums: this.#settings.defaultTopicQueues,
      queueId: queue.queueId,
      sysFlag: message.sysFlag,
      bornTimestamp: this.#core.environment.now(),
      flag: message.flag,
      properties: message.properties,
      reconsumeTimes: extras.reconsumeTimes ?? 0,
      unitMode: false,
      maxReconsumeTimes: extras.maxReconsumeTimes ?? null,
      batch: extras.isBatch ?? false,
    };
  }

  #choose(message: PreparedMessage, route: TopicRoute, failedBroker: string | null): MessageQueue {
    if (message.queue !== null) return message.queue;
    const { writeQueues } = route;
    if (message.shardingKey !== null) return queueOfKey(writeQueues, message.shardingKey);
    let turn = this.#turns.get(message.topic);
    if (turn === undefined) {
      if (this.#turns.size >= TURNS_MAX) this.#turns.clear();
      turn = Math.floor(this.#core.environment.random() * writeQueues.length);
    }
    this.#turns.set(message.topic, (turn + 1) % 0x4000_0000);
    // With one broker there is nothing to choose.
    return nextQueue(writeQueues, turn, (brokerName) => {
      const address = brokerName === failedBroker ? undefined : brokerAddress(route, brokerName);
      return address !== undefined && this.#core.broker(address).pauseMs === 0;
    });
  }

  #late(topic: string, timeoutMs: number): ClientError {
    if (this.#core.isClosed) return new ClientError('MQ_CLIENT_CLOSED', 'The client is closed');
    return new ClientError('MQ_CLIENT_TIMEOUT', `A message to ${topic} was not sent within ${timeoutMs} ms`);
  }
}

function responseOf(what: string, address: string, answer: RemotingCommand): SendMessageResponse | null {
  return STATUS.has(answer.code) ? readAnswer(what, address, answer.ext, decodeSendMessageResponse) : null;
}

function isRetried(error: ClientError): boolean {
  switch (error.code) {
    case 'MQ_CLIENT_NOT_CONNECTED':
    case 'MQ_CLIENT_CONNECTION_LOST':
    case 'MQ_CLIENT_TIMEOUT':
      return true;
    case 'MQ_CLIENT_REFUSED':
      return error.responseCode !== null && RETRIED.has(error.responseCode);
    default:
      return false;
  }
}
