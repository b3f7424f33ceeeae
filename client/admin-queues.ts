/**
 * Single queues and brokers, as an administrator sees them: offsets by end and by time, and what a broker says of itself.
 * Source: RocketMQ 5.3 `MQAdminImpl`, tools `BrokerStatusSubCommand`.
 */
import type { MessageQueue } from '../model/queue-id.ts';
import { decodeKvTable } from '../protocol/remoting/bodies/kv-table.ts';
import type { RemotingCommand } from '../protocol/remoting/command.ts';
import {
  GET_BROKER_RUNTIME_INFO,
  GET_EARLIEST_MSG_STORETIME,
  GET_MAX_OFFSET,
  GET_MIN_OFFSET,
  SEARCH_OFFSET_BY_TIMESTAMP,
} from '../protocol/remoting/request-code.ts';
import {
  decodeGetEarliestMsgStoretimeResponse,
  encodeGetEarliestMsgStoretimeRequest,
} from '../protocol/remoting/requests/get-earliest-msg-storetime.ts';
import { decodeGetMaxOffsetResponse, encodeGetMaxOffsetRequest } from '../protocol/remoting/requests/get-max-offset.ts';
import { decodeGetMinOffsetResponse, encodeGetMinOffsetRequest } from '../protocol/remoting/requests/get-min-offset.ts';
import {
  decodeSearchOffsetByTimestampResponse,
  encodeSearchOffsetByTimestampRequest,
} from '../protocol/remoting/requests/search-offset-by-timestamp.ts';
import type { AdminCalls } from './admin-calls.ts';
import type { Request } from './connection.ts';

export class QueueAdmin {
  readonly #calls: AdminCalls;

  constructor(calls: AdminCalls) {
    this.#calls = calls;
  }

  /** The queues of a topic that can be read, sorted by broker and id; empty when there is no such topic. */
  async list(topic: string): Promise<MessageQueue[]> {
    return [...((await this.#calls.core.routes.refresh(topic))?.readQueues ?? [])];
  }

  /** The offset that the next message will get. */
  async maxOffset(queue: MessageQueue): Promise<number> {
    const { topic, queueId } = queue;
    const request = { code: GET_MAX_OFFSET, ext: encodeGetMaxOffsetRequest({ topic, queueId, committed: null }) };
    return (await this.#ask(queue, 'the end of', request, (answer) => decodeGetMaxOffsetResponse(answer.ext))).offset;
  }

  /** The offset of the first message that is still there. */
  async minOffset(queue: MessageQueue): Promise<number> {
    const { topic, queueId } = queue;
    const request = { code: GET_MIN_OFFSET, ext: encodeGetMinOffsetRequest({ topic, queueId }) };
    return (await this.#ask(queue, 'the beginning of', request, (answer) => decodeGetMinOffsetResponse(answer.ext))).offset;
  }

  /** The offset of the first message stored at `timestamp` (milliseconds since 1970) or later; with `upper`, of the last one stored until then. */
  async searchOffset(queue: MessageQueue, timestamp: number, boundary: 'lower' | 'upper' = 'lower'): Promise<number> {
    const { topic, queueId } = queue;
    const boundaryType = boundary === 'lower' ? null : 'UPPER';
    const ext = encodeSearchOffsetByTimestampRequest({ topic, queueId, timestamp, boundaryType });
    const request = { code: SEARCH_OFFSET_BY_TIMESTAMP, ext };
    return (await this.#ask(queue, 'an offset by time in', request, (answer) => decodeSearchOffsetByTimestampResponse(answer.ext))).offset;
  }

  /** When the first message that is still there was stored; −1 when there is none. */
  async earliestStoreTime(queue: MessageQueue): Promise<number> {
    const { topic, queueId } = queue;
    const request = { code: GET_EARLIEST_MSG_STORETIME, ext: encodeGetEarliestMsgStoretimeRequest({ topic, queueId }) };
    return (await this.#ask(queue, 'the first store time of', request, (answer) => decodeGetEarliestMsgStoretimeResponse(answer.ext)))
      .timestamp;
  }

  /** What a broker says of itself, by RocketMQ's names: `putTps`, `commitLogDiskRatio` … */
  brokerRuntime(address: string): Promise<Map<string, string>> {
    return this.#calls.read(address, 'its runtime information', { code: GET_BROKER_RUNTIME_INFO }, (answer) => decodeKvTable(answer.body));
  }

  async #ask<T>(queue: MessageQueue, what: string, request: Request, read: (answer: RemotingCommand) => T): Promise<T> {
    const address = await this.#calls.addressOf(queue.topic, queue.brokerName);
    return await this.#calls.read(address, `${what} ${queue.topic}/${queue.queueId}`, request, read);
  }
}
