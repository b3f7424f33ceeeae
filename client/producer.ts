/**
 * The producer: sends messages and tells what became of each. Many may be under way; what is beyond the window waits for room. One a program, or
 * one a thread: it has its own connections. Ends with `close`, which waits for what is under way.
 * Source: RocketMQ 5.3 `DefaultMQProducer`.
 */

import { groupNameFault } from '../model/group.ts';
import type { MessageQueue } from '../model/queue-id.ts';
import { isRetryTopic } from '../model/topic.ts';
import { encodeMessageBatch } from '../protocol/remoting/bodies/message-batch.ts';
import { UNREGISTER_CLIENT } from '../protocol/remoting/request-code.ts';
import { encodeUnregisterClientRequest } from '../protocol/remoting/requests/unregister-client.ts';
import { ClientCore, type ClientOptions } from './client-core.ts';
import { ClientError } from './errors.ts';
import { MessageSender, type SendLimits, type SendReceipt, type SendStatus } from './message-sender.ts';
import { type MessageOptions, MessagePreparer, type OutgoingMessage, type PreparedMessage } from './outgoing-message.ts';
import { SendWindow } from './send-window.ts';
import { Topic } from './typed-topic.ts';

export type ProducerOptions = ClientOptions & {
  /** Name of the producer's group; `RINGMQ_PRODUCER` if not given. */
  readonly group?: string;
  /** From the call to the result, all tries included, in milliseconds; 6000 if not given. */
  readonly timeoutMs?: number;
  /** One try, in milliseconds; 3000 if not given. */
  readonly tryTimeoutMs?: number;
  /** Tries that reach a broker; 3 if not given. */
  readonly triesMax?: number;
  /** Messages under way at once; 1024 if not given. */
  readonly windowMessages?: number;
  /** Bytes of bodies under way at once; 32 MiB if not given. */
  readonly windowBytes?: number;
  /** Sends that wait for room at once; one more is refused with MQ_CLIENT_LIMIT; 8192 if not given. */
  readonly waitingMax?: number;
  /** Bodies above this many bytes are compressed (zlib); 4096 if not given, Infinity for never. */
  readonly compressAboveBytes?: number;
  /** Largest body or batch, in bytes; 4 MiB if not given, as the broker's own limit. */
  readonly bodyBytesMax?: number;
  /** Queues per broker of a topic that its first message creates; 4 if not given. */
  readonly defaultTopicQueues?: number;
};

/** What became of one message. */
export type SendResult = {
  readonly status: SendStatus;
  /** The client's own id of the message (UNIQ_KEY), 32 hexadecimal digits. */
  readonly messageId: string;
  /** The broker's id of it. */
  readonly offsetMessageId: string;
  readonly queue: MessageQueue;
  readonly queueOffset: number;
};

const MESSAGES_OF_BATCH_MAX = 65_536;

export class Producer {
  readonly #core: ClientCore;
  readonly #sender: MessageSender;
  readonly #preparer: MessagePreparer;
  readonly #window: SendWindow;
  readonly #limits: SendLimits;
  readonly #group: string;
  readonly #bodyBytesMax: number;
  #closing: Promise<void> | null = null;

  constructor(options: ProducerOptions) {
    const { defaultTopicQueues = 4, group = 'RINGMQ_PRODUCER' } = options;
    const fault = groupNameFault(group);
    if (fault !== null) throw new ClientError('MQ_CLIENT_ARGUMENT', fault);
    this.#group = group;
    this.#bodyBytesMax = options.bodyBytesMax ?? 4 * 1024 * 1024;
    this.#limits = {
      timeoutMs: options.timeoutMs ?? 6_000,
      tryTimeoutMs: options.tryTimeoutMs ?? 3_000,
      triesMax: options.triesMax ?? 3,
    };
    this.#core = new ClientCore(options, {
      membership: () => ({ consumers: [], producers: [group] }),
      onRequest: () => {},
      onRouteChange: () => {},
      defaultTopicQueues,
    });
    this.#sender = new MessageSender(this.#core, { group, defaultTopicQueues });
    this.#preparer = new MessagePreparer(this.#core.environment, this.#bodyBytesMax, options.compressAboveBytes ?? 4096);
    this.#window = new SendWindow(options.windowMessages ?? 1024, options.windowBytes ?? 32 * 1024 * 1024, options.waitingMax ?? 8192);
    this.#core.start();
  }

  /** Messages under way. */
  get inFlight(): number {
    return this.#window.messages;
  }

  /**
   * Sends a message; resolves when a broker has stored it. Awaiting each sends them one after another; without awaiting, up to the window go at
   * once and the others wait. Rejects with ClientError: after MQ_CLIENT_TIMEOUT or MQ_CLIENT_CONNECTION_LOST the message may be stored all the same.
   */
  send(message: OutgoingMessage): Promise<SendResult>;
  /** Sends a value of a typed topic; one that its validator refuses is not sent: MQ_CLIENT_INVALID_VALUE. */
  send<T>(topic: Topic<T>, value: T, options?: MessageOptions): Promise<SendResult>;
  async send<T>(first: OutgoingMessage | Topic<T>, value?: T, options: MessageOptions = {}): Promise<SendResult> {
    const message = first instanceof Topic ? { ...options, topic: first.name, body: await first.encode(value as T) } : first;
    const prepared = this.#prepare(message);
    const receipt = await this.#within(prepared.body.length, () => this.#sender.send(prepared, this.#limits));
    return result(receipt, prepared, receipt.queueOffset, receipt.offsetMessageId);
  }

  /**
   * Sends messages of one topic as one: all are stored, in their order and in one queue, or none. Together at most `bodyBytesMax`; neither delayed nor
   * compressed. The results are in the same order.
   */
  async sendBatch(messages: readonly OutgoingMessage[]): Promise<SendResult[]> {
    const [first] = messages;
    if (first === undefined || messages.length > MESSAGES_OF_BATCH_MAX)
      throw new ClientError('MQ_CLIENT_ARGUMENT', `A batch of ${messages.length} messages; 1 to ${MESSAGES_OF_BATCH_MAX} are allowed`);
    const all = messages.map((message) => this.#prepare(message, false));
    const fault = batchFault(all);
    if (fault !== null) throw new ClientError('MQ_CLIENT_ARGUMENT', fault);
    const body = encodeMessageBatch(all);
    if (body.length > this.#bodyBytesMax)
      throw new ClientError(
        'MQ_CLIENT_ARGUMENT',
        `The batch has ${body.length} bytes; ${this.#bodyBytesMax} are allowed: send it in parts`,
      );
    const batch: PreparedMessage = { ...(all[0] as PreparedMessage), body, properties: '', flag: 0 };
    const receipt = await this.#within(body.length, () => this.#sender.send(batch, this.#limits, { isBatch: true }));
    const ids = receipt.offsetMessageId.split(',');
    return all.map((message, index) => result(receipt, message, receipt.queueOffset + index, ids[index] ?? receipt.offsetMessageId));
  }

  /** Sends without an answer: resolves when the message is on its way, which is no promise that it arrives. */
  async sendOneway(message: OutgoingMessage): Promise<void> {
    const prepared = this.#prepare(message);
    await this.#within(prepared.body.length, () => this.#sender.sendOneway(prepared, this.#limits.tryTimeoutMs));
  }

  /** The queues that take messages of a topic, for sends to a queue of one's own choice. */
  async queues(topic: string): Promise<readonly MessageQueue[]> {
    return (await this.#core.routes.findToSend(topic)).writeQueues;
  }

  /** Takes no more, waits for what is under way (each message until its own deadline), says farewell and closes the connections. */
  close(): Promise<void> {
    this.#closing ??= this.#close();
    return this.#closing;
  }

  async #close(): Promise<void> {
    this.#window.refuseAll(closed());
    await this.#window.idle();
    const ext = encodeUnregisterClientRequest({ clientID: this.#core.clientId, producerGroup: this.#group, consumerGroup: null });
    for (const connection of this.#core.openBrokers()) {
      await connection
        .oneway({ code: UNREGISTER_CLIENT, ext }, this.#core.requestTimeoutMs)
        .catch((error: unknown) => this.#core.report(error));
    }
    this.#core.close();
  }

  #prepare(message: OutgoingMessage, isCompressible: boolean = true): PreparedMessage {
    if (this.#closing !== null) throw closed();
    return this.#preparer.prepare(message, isCompressible);
  }

  async #within<R>(bytes: number, run: () => Promise<R>): Promise<R> {
    const room = this.#window.enter(bytes);
    if (room !== null) await room;
    try {
      return await run();
    } finally {
      this.#window.leave(bytes);
    }
  }
}

function result(receipt: SendReceipt, message: PreparedMessage, queueOffset: number, offsetMessageId: string): SendResult {
  return { status: receipt.status, messageId: message.uniqueKey, offsetMessageId, queue: receipt.queue, queueOffset };
}

function batchFault(all: readonly PreparedMessage[]): string | null {
  const first = all[0] as PreparedMessage;
  if (isRetryTopic(first.topic)) return 'A batch cannot go to a retry topic';
  for (const message of all) {
    if (message.topic !== first.topic) return `A batch goes to one topic, this one to ${first.topic} and ${message.topic}`;
    if (message.delayLevel > 0) return 'A message of a batch cannot be delayed';
    if (message.queue !== null && first.queue === null) return 'All messages of a batch go to the queue of the first';
  }
  return null;
}

function closed(): ClientError {
  return new ClientError('MQ_CLIENT_CLOSED', 'The producer is closed');
}
