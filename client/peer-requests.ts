/**
 * What brokers ask of a consumer: the group's members have changed (40), go on at other offsets (220), where are you (221), how are you (307), consume
 * this message now (309). Others are answered with 3; one that cannot be read with 1, and told; one for another group is left alone.
 * Source: RocketMQ 5.3 `ClientRemotingProcessor`.
 */
import { MessageRecordError } from '../model/errors.ts';
import type { MessageQueue } from '../model/queue-id.ts';
import { type ConsumeDirectlyResult, encodeConsumeDirectlyResult } from '../protocol/remoting/bodies/consume-directly-result.ts';
import { type ConsumerRunningInfo, encodeConsumerRunningInfo } from '../protocol/remoting/bodies/consumer-running-info.ts';
import { encodeClientStatus } from '../protocol/remoting/bodies/consumer-status.ts';
import { decodeResetOffset } from '../protocol/remoting/bodies/reset-offset.ts';
import { BodyError, FieldError } from '../protocol/remoting/errors.ts';
import {
  CONSUME_MESSAGE_DIRECTLY,
  GET_CONSUMER_RUNNING_INFO,
  GET_CONSUMER_STATUS_FROM_CLIENT,
  NOTIFY_CONSUMER_IDS_CHANGED,
  RESET_CONSUMER_CLIENT_OFFSET,
} from '../protocol/remoting/request-code.ts';
import { decodeConsumeMessageDirectlyRequest } from '../protocol/remoting/requests/consume-message-directly.ts';
import { decodeGetConsumerRunningInfoRequest } from '../protocol/remoting/requests/get-consumer-running-info.ts';
import { decodeGetConsumerStatusFromClientRequest } from '../protocol/remoting/requests/get-consumer-status-from-client.ts';
import { decodeNotifyConsumerIdsChangedRequest } from '../protocol/remoting/requests/notify-consumer-ids-changed.ts';
import { decodeResetConsumerClientOffsetRequest } from '../protocol/remoting/requests/reset-consumer-client-offset.ts';
import { REQUEST_CODE_NOT_SUPPORTED, SUCCESS, SYSTEM_ERROR } from '../protocol/remoting/response-code.ts';
import type { Connection, PeerRequest } from './connection.ts';
import { ClientError } from './errors.ts';
import type { GroupMember } from './group-member.ts';
import { type Message, receiveMessages } from './message.ts';

/** What a consumer can be asked. */
export type AskedConsumer = {
  readonly member: GroupMember;
  /** Consumed offsets of a topic's queues that are this member's. */
  consumedOffsets(topic: string): readonly (readonly [MessageQueue, number])[];
  /** Goes on at `offset` in a queue, if it is this member's. */
  seekTo(queue: MessageQueue, offset: number): void;
  runningInfo(): ConsumerRunningInfo;
  /** Null: it has no handlers. */
  readonly consumeNow: ((message: Message) => Promise<ConsumeDirectlyResult>) | null;
};

type Answer = { readonly code: number; readonly remark?: string; readonly body?: Uint8Array };

/** Answers one request; never rejects but for a bug. */
export async function answerPeer(consumer: AskedConsumer, request: PeerRequest, connection: Connection): Promise<void> {
  try {
    const answer = await answerOf(consumer, request, connection);
    if (answer !== null) connection.respond(request, answer);
  } catch (error) {
    if (
      !(error instanceof FieldError) &&
      !(error instanceof BodyError) &&
      !(error instanceof ClientError) &&
      !(error instanceof MessageRecordError)
    )
      throw error;
    connection.respond(request, { code: SYSTEM_ERROR, remark: error.message });
    const { address } = connection;
    const text = `${address} asked what cannot be read (code ${request.code}): ${error.message}`;
    consumer.member.core.report(new ClientError('MQ_CLIENT_BAD_ANSWER', text, { address, cause: error }));
  }
}

/** Null: no answer is due. */
async function answerOf(consumer: AskedConsumer, request: PeerRequest, connection: Connection): Promise<Answer | null> {
  const { group } = consumer.member.settings;
  switch (request.code) {
    case NOTIFY_CONSUMER_IDS_CHANGED:
      if (decodeNotifyConsumerIdsChangedRequest(request.ext).consumerGroup === group) consumer.member.rebalance();
      return null;
    case RESET_CONSUMER_CLIENT_OFFSET: {
      const asked = decodeResetConsumerClientOffsetRequest(request.ext);
      const offsets = decodeResetOffset(request.body);
      if (asked.group !== group) return null;
      for (const [queue, offset] of offsets) if (queue.topic === asked.topic && offset >= 0) consumer.seekTo(queue, offset);
      return null;
    }
    case GET_CONSUMER_STATUS_FROM_CLIENT: {
      const asked = decodeGetConsumerStatusFromClientRequest(request.ext);
      if (asked.group !== group) return noSuchGroup(asked.group);
      return { code: SUCCESS, body: encodeClientStatus(consumer.consumedOffsets(asked.topic)) };
    }
    case GET_CONSUMER_RUNNING_INFO: {
      const asked = decodeGetConsumerRunningInfoRequest(request.ext);
      if (asked.consumerGroup !== group) return noSuchGroup(asked.consumerGroup);
      return { code: SUCCESS, body: encodeConsumerRunningInfo(consumer.runningInfo()) };
    }
    case CONSUME_MESSAGE_DIRECTLY: {
      const asked = decodeConsumeMessageDirectlyRequest(request.ext);
      if (asked.consumerGroup !== group || consumer.consumeNow === null) return noSuchGroup(asked.consumerGroup);
      const [message] = receiveMessages(asked.brokerName ?? '', connection.address, request.body);
      if (message === undefined) return { code: SYSTEM_ERROR, remark: 'The request has no message' };
      return { code: SUCCESS, body: encodeConsumeDirectlyResult(await consumer.consumeNow(message)) };
    }
    default:
      return { code: REQUEST_CODE_NOT_SUPPORTED, remark: ` request type ${request.code} not supported` };
  }
}

function noSuchGroup(group: string): Answer {
  return { code: SYSTEM_ERROR, remark: `The Consumer Group <${group}> not exist in this consumer` };
}
