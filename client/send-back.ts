/**
 * A message that could not be consumed goes back: the broker stores it for a later try, or, after the last, among the group's dead letters. When
 * the broker that has it does not take it back, it is sent as a new message to the group's retry topic. Rejects when neither works.
 * Source: RocketMQ 5.3 `DefaultMQPushConsumerImpl.sendMessageBack`, `ConsumeMessageOrderlyService.sendMessageBack`.
 */
import * as property from '../model/message-property.ts';
import { COMPRESSED_FLAG, COMPRESSION_TYPE_MASK } from '../model/system-flag.ts';
import { retryTopic } from '../model/topic.ts';
import { CONSUMER_SEND_MSG_BACK } from '../protocol/remoting/request-code.ts';
import { encodeConsumerSendMsgBackRequest } from '../protocol/remoting/requests/consumer-send-msg-back.ts';
import { expectSuccess } from './answers.ts';
import type { Member } from './consumer-options.ts';
import { ClientError } from './errors.ts';
import type { Message } from './message.ts';
import { MessageSender } from './message-sender.ts';
import { DELAY_LEVEL_MAX } from './outgoing-message.ts';

const SEND_BACK_TIMEOUT_MS = 5_000;
const LIMITS = { timeoutMs: 6_000, tryTimeoutMs: 3_000, triesMax: 3 };
/** Level of the first repetition by the client's own send; each further one is a level later, as at the broker. */
const FIRST_RETRY_LEVEL = 3;
const GROUP_OF_RESENDS = 'CLIENT_INNER_PRODUCER';

export class SendBack {
  readonly #member: Member;
  readonly #sender: MessageSender;
  readonly #retriesMax: number;

  /** @param retriesMax after so many repetitions the broker puts a message among the dead letters. */
  constructor(member: Member, retriesMax: number) {
    this.#member = member;
    this.#sender = new MessageSender(member.core, { group: GROUP_OF_RESENDS, defaultTopicQueues: 1 });
    this.#retriesMax = Math.min(retriesMax, 0x7fff_ffff);
  }

  /** @param delayLevel 0: the broker chooses; −1: to the dead letters at once. */
  async send(message: Message, delayLevel: number): Promise<void> {
    const { core, settings } = this.#member;
    const address = core.addressOf(message.queue.brokerName);
    const ext = encodeConsumerSendMsgBackRequest({
      offset: message.physicalOffset,
      group: settings.group,
      delayLevel,
      originMsgId: message.offsetMessageId,
      originTopic: message.topic,
      unitMode: false,
      maxReconsumeTimes: this.#retriesMax,
    });
    try {
      if (address === undefined) throw new ClientError('MQ_CLIENT_NO_ROUTE', `No name server knows broker ${message.queue.brokerName}`);
      expectSuccess('a message back', address, await core.request(address, { code: CONSUMER_SEND_MSG_BACK, ext }, SEND_BACK_TIMEOUT_MS));
    } catch (error) {
      core.report(error);
      await this.resend(message, Math.max(0, delayLevel));
    }
  }

  /** As a new message to the retry topic, with all that the broker would have noted. */
  async resend(message: Message, delayLevel: number = 0): Promise<void> {
    const properties = new Map(message.properties);
    const { core, settings } = this.#member;
    const level = delayLevel > 0 ? delayLevel : Math.min(DELAY_LEVEL_MAX, FIRST_RETRY_LEVEL + message.reconsumeTimes);
    properties.set(property.RETRY_TOPIC, message.topic);
    if (!properties.has(property.ORIGIN_MESSAGE_ID)) properties.set(property.ORIGIN_MESSAGE_ID, message.offsetMessageId);
    properties.delete(property.TRANSACTION_PREPARED);
    properties.set(property.DELAY_TIME_LEVEL, String(level));
    await this.#sender.send(
      {
        topic: retryTopic(settings.group),
        body: message.body,
        properties: property.formatProperties(properties),
        uniqueKey: message.messageId,
        // The body has been inflated; one that could not be goes back as it came.
        sysFlag: message.bodyFault === null ? 0 : message.sysFlag & (COMPRESSED_FLAG | COMPRESSION_TYPE_MASK),
        flag: message.flag,
        delayLevel: level,
        shardingKey: null,
        queue: null,
      },
      LIMITS,
      { reconsumeTimes: message.reconsumeTimes + 1, maxReconsumeTimes: this.#retriesMax },
    );
    core.routes.doubt(retryTopic(settings.group));
  }
}
