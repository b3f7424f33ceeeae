/**
 * Where a group is in a queue: asked of the broker (or of the program's own store, when broadcasting), worked out when it has never been there, and
 * told to the broker. Owns nothing. Fails by ClientError; a question without an answer is never taken for "never consumed", or a fault of
 * the moment would skip messages. Source: RocketMQ 5.3 `RemoteBrokerOffsetStore`, `RebalancePushImpl.computePullFromWhere`.
 */
import type { MessageQueue } from '../model/queue-id.ts';
import { isRetryTopic } from '../model/topic.ts';
import {
  GET_MAX_OFFSET,
  GET_MIN_OFFSET,
  QUERY_CONSUMER_OFFSET,
  SEARCH_OFFSET_BY_TIMESTAMP,
  UPDATE_CONSUMER_OFFSET,
} from '../protocol/remoting/request-code.ts';
import { decodeGetMaxOffsetResponse, encodeGetMaxOffsetRequest } from '../protocol/remoting/requests/get-max-offset.ts';
import { decodeGetMinOffsetResponse, encodeGetMinOffsetRequest } from '../protocol/remoting/requests/get-min-offset.ts';
import {
  decodeQueryConsumerOffsetResponse,
  encodeQueryConsumerOffsetRequest,
} from '../protocol/remoting/requests/query-consumer-offset.ts';
import {
  decodeSearchOffsetByTimestampResponse,
  encodeSearchOffsetByTimestampRequest,
} from '../protocol/remoting/requests/search-offset-by-timestamp.ts';
import { encodeUpdateConsumerOffsetRequest } from '../protocol/remoting/requests/update-consumer-offset.ts';
import { QUERY_NOT_FOUND } from '../protocol/remoting/response-code.ts';
import { expectSuccess, readAnswer } from './answers.ts';
import type { Request } from './connection.ts';
import type { Member } from './consumer-options.ts';
import { ClientError, errorText } from './errors.ts';

export class GroupOffsets {
  readonly #member: Member;

  constructor(member: Member) {
    this.#member = member;
  }

  /** Where to begin in a queue. */
  async start(queue: MessageQueue): Promise<number> {
    const { consumeFrom } = this.#member.settings;
    const known = await this.committed(queue);
    if (known !== null) return known;
    if (isRetryTopic(queue.topic) || consumeFrom === 'first') return 0;
    return consumeFrom === 'last' ? await this.max(queue) : await this.search(queue, consumeFrom.timestamp);
  }

  /** What the group has committed; null: it has never been in this queue. */
  async committed(queue: MessageQueue): Promise<number | null> {
    const { group, messageModel, offsetStore } = this.#member.settings;
    const { brokerName, queueId, topic } = queue;
    if (messageModel === 'broadcasting') return (await stored(() => offsetStore?.load(topic, brokerName, queueId))) ?? null;
    const address = this.#address(queue);
    const ext = encodeQueryConsumerOffsetRequest({ consumerGroup: group, topic, queueId, setZeroIfNotFound: null });
    const answer = await this.#member.core.request(address, { code: QUERY_CONSUMER_OFFSET, ext });
    if (answer.code === QUERY_NOT_FOUND) return null;
    const what = `the offset of group ${group} in ${topic}/${queueId}`;
    expectSuccess(what, address, answer);
    const { offset } = readAnswer(what, address, answer.ext, decodeQueryConsumerOffsetResponse);
    return offset >= 0 ? offset : null;
  }

  /** Tells the broker, one-way: it is told again soon. */
  async commit(queue: MessageQueue, offset: number): Promise<void> {
    const { group, messageModel, offsetStore } = this.#member.settings;
    const { brokerName, queueId, topic } = queue;
    if (messageModel === 'broadcasting') {
      await stored(() => offsetStore?.save(topic, brokerName, queueId, offset));
      return;
    }
    const { core } = this.#member;
    const ext = encodeUpdateConsumerOffsetRequest({ consumerGroup: group, topic, queueId, commitOffset: offset });
    await core.broker(this.#address(queue)).oneway({ code: UPDATE_CONSUMER_OFFSET, ext }, core.requestTimeoutMs);
  }

  /** The offset that the next message will get. */
  async max(queue: MessageQueue): Promise<number> {
    const { queueId, topic } = queue;
    const ext = encodeGetMaxOffsetRequest({ topic, queueId, committed: null });
    return (await this.#ask(queue, { code: GET_MAX_OFFSET, ext }, decodeGetMaxOffsetResponse)).offset;
  }

  /** The offset of the first message that is still there. */
  async min(queue: MessageQueue): Promise<number> {
    const { queueId, topic } = queue;
    return (
      await this.#ask(queue, { code: GET_MIN_OFFSET, ext: encodeGetMinOffsetRequest({ topic, queueId }) }, decodeGetMinOffsetResponse)
    ).offset;
  }

  /** The offset of the first message stored at `timestamp` or later. */
  async search(queue: MessageQueue, timestamp: number): Promise<number> {
    const { queueId, topic } = queue;
    const ext = encodeSearchOffsetByTimestampRequest({ topic, queueId, timestamp, boundaryType: null });
    return (await this.#ask(queue, { code: SEARCH_OFFSET_BY_TIMESTAMP, ext }, decodeSearchOffsetByTimestampResponse)).offset;
  }

  async #ask<T>(queue: MessageQueue, request: Request, decode: (ext: ReadonlyMap<string, string>) => T): Promise<T> {
    const what = `an offset of ${queue.topic}/${queue.queueId}`;
    const address = this.#address(queue);
    const answer = expectSuccess(what, address, await this.#member.core.request(address, request));
    return readAnswer(what, address, answer.ext, decode);
  }

  #address(queue: MessageQueue): string {
    const address = this.#member.core.addressOf(queue.brokerName);
    if (address === undefined) throw new ClientError('MQ_CLIENT_NO_ROUTE', `No name server knows broker ${queue.brokerName}`);
    return address;
  }
}

/** An offset store is the program's own: what it throws is told like a broker's failure, and it is asked again. */
async function stored<T>(call: () => Promise<T> | undefined): Promise<T | undefined> {
  try {
    return await call();
  } catch (cause) {
    throw new ClientError('MQ_CLIENT_OFFSET_STORE', `The offset store failed: ${errorText(cause)}`, { cause });
  }
}
