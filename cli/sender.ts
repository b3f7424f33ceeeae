/**
 * Sends messages to the queues of a topic in turn, a number of them unanswered at once. What fails is a result, not an error: each message is sent
 * once, nothing is tried again. Source: RocketMQ 5.3 `DefaultMQProducerImpl.sendKernelImpl`.
 */
import { ClientError } from '../client/errors.ts';
import { UNIQUE_KEY_BYTES, UniqueKeyWriter } from '../model/message-id.ts';
import * as property from '../model/message-property.ts';
import { formatProperties } from '../model/message-property.ts';
import type { MessageQueue } from '../model/queue-id.ts';
import { AUTO_CREATE_TOPIC } from '../model/topic.ts';
import { SEND_MESSAGE_V2 } from '../protocol/remoting/request-code.ts';
import { decodeSendMessageResponse, encodeSendMessageRequest } from '../protocol/remoting/requests/send-message.ts';
import { FLUSH_DISK_TIMEOUT, FLUSH_SLAVE_TIMEOUT, SLAVE_NOT_AVAILABLE, SUCCESS } from '../protocol/remoting/response-code.ts';
import type { Cluster } from './cluster.ts';

/** Queues on each broker of a topic that its first message makes. */
export const DEFAULT_QUEUES = 4;

/** Codes that say that the message is stored. */
const STORED: ReadonlyMap<number, string> = new Map([
  [SUCCESS, 'SEND_OK'],
  [FLUSH_DISK_TIMEOUT, 'FLUSH_DISK_TIMEOUT'],
  [FLUSH_SLAVE_TIMEOUT, 'FLUSH_SLAVE_TIMEOUT'],
  [SLAVE_NOT_AVAILABLE, 'SLAVE_NOT_AVAILABLE'],
]);

export type SendResult =
  | {
      readonly status: string;
      readonly queue: MessageQueue;
      readonly queueOffset: number;
      readonly msgId: string;
      readonly uniqKey: string;
      readonly error: null;
    }
  | { readonly status: 'FAILED'; readonly queue: MessageQueue; readonly uniqKey: string; readonly error: string };

export class Sender {
  readonly #cluster: Cluster;
  readonly #queues: readonly MessageQueue[];
  readonly #addresses: ReadonlyMap<string, string>;
  readonly #group: string;
  readonly #windowMax: number;
  readonly #keys: UniqueKeyWriter;
  #next = 0;
  #inFlight = 0;
  #waiters: (() => void)[] = [];

  /** @param queues where to, in turn. @param addresses of their brokers' masters, by broker. @param windowMax unanswered sends at once. */
  constructor(cluster: Cluster, queues: readonly MessageQueue[], addresses: ReadonlyMap<string, string>, group: string, windowMax: number) {
    this.#cluster = cluster;
    this.#queues = queues;
    this.#addresses = addresses;
    this.#group = group;
    this.#windowMax = windowMax;
    const { hostAddress, processId, random } = cluster.core.environment;
    this.#keys = new UniqueKeyWriter(hostAddress, processId, Math.floor(random() * 0x7fff_ffff));
  }

  get inFlight(): number {
    return this.#inFlight;
  }

  /** Resolves when one more may be sent. */
  async room(): Promise<void> {
    while (this.#inFlight >= this.#windowMax) await new Promise<void>((resolve) => this.#waiters.push(resolve));
  }

  /** Resolves when all have been answered. */
  async drained(): Promise<void> {
    while (this.#inFlight > 0) await new Promise<void>((resolve) => this.#waiters.push(resolve));
  }

  /** Sends one; `properties` beside the unique key. */
  async send(body: Uint8Array, properties: readonly (readonly [string, string])[]): Promise<SendResult> {
    const queue = this.#queues[this.#next++ % this.#queues.length] as MessageQueue;
    const uniqKey = this.#uniqueKey();
    this.#inFlight++;
    try {
      return await this.#sendTo(queue, body, uniqKey, properties);
    } catch (error) {
      if (!(error instanceof ClientError)) throw error;
      return { status: 'FAILED', queue, uniqKey, error: error.message };
    } finally {
      this.#inFlight--;
      const waiters = this.#waiters;
      this.#waiters = [];
      for (const wake of waiters) wake();
    }
  }

  async #sendTo(
    queue: MessageQueue,
    body: Uint8Array,
    uniqKey: string,
    properties: readonly (readonly [string, string])[],
  ): Promise<SendResult> {
    const { core } = this.#cluster;
    const header = encodeSendMessageRequest(
      {
        producerGroup: this.#group,
        topic: queue.topic,
        defaultTopic: AUTO_CREATE_TOPIC,
        defaultTopicQueueNums: DEFAULT_QUEUES,
        queueId: queue.queueId,
        sysFlag: 0,
        bornTimestamp: core.environment.now(),
        flag: 0,
        properties: formatProperties([[property.UNIQ_KEY, uniqKey], [property.WAIT_STORE_MSG_OK, 'true'], ...properties]),
        reconsumeTimes: 0,
        unitMode: false,
        maxReconsumeTimes: null,
        batch: false,
      },
      SEND_MESSAGE_V2,
    );
    const answer = await core.request(this.#addresses.get(queue.brokerName) as string, { code: SEND_MESSAGE_V2, ext: header, body });
    const status = STORED.get(answer.code);
    if (status === undefined)
      return { status: 'FAILED', queue, uniqKey, error: `${answer.remark ?? 'refused without a remark'} (code ${answer.code})` };
    const { msgId, queueId, queueOffset, transactionId } = decodeSendMessageResponse(answer.ext);
    return { status, queue: { ...queue, queueId }, queueOffset, msgId, uniqKey: transactionId ?? uniqKey, error: null };
  }

  #uniqueKey(): string {
    const text = Buffer.alloc(UNIQUE_KEY_BYTES * 2);
    this.#keys.write(this.#cluster.core.environment.now(), text, 0);
    return text.toString('latin1');
  }
}
