/**
 * What a message may not be, whatever its kind: its queue, its body's length and that of its properties. Pure, without an allocation for
 * a message that is right. Source: RocketMQ 5.3 `AbstractSendMessageProcessor.msgCheck`, `DefaultMessageStore.checkMessage`.
 */
import { PROPERTIES_BYTES_MAX } from '../../model/message-record.ts';
import * as responseCode from '../../protocol/remoting/response-code.ts';
import type { TopicState } from '../topic/topic-table.ts';

export type IllegalSend = { readonly code: number; readonly remark: string };

export const PROPERTIES_REMARK = `the message properties are longer than ${PROPERTIES_BYTES_MAX} bytes with what the broker adds; shorten them`;
/** A character takes six bytes at most while it is written as JSON. */
const PROPERTIES_TEXT_MAX = 6 * PROPERTIES_BYTES_MAX;

/**
 * Null: it may be stored. Else 29 (no such queue), 1 (no body) or 13 (too long).
 * @param queueId below 0: the broker chooses
 * @param propertiesBytes as they came in the header, escapes included
 */
export function illegalSend(
  topic: TopicState,
  queueId: number,
  bodyBytes: number,
  propertiesBytes: number,
  bodyBytesMax: number,
): IllegalSend | null {
  const queueMax = Math.max(topic.writeQueues, topic.readQueues);
  if (queueId >= queueMax) {
    const remark = `request queueId[${queueId}] is illegal, the topic[${topic.name}] has queues 0 to ${queueMax - 1}; refresh the route`;
    return { code: responseCode.INVALID_PARAMETER, remark };
  }
  if (bodyBytes === 0) {
    return { code: responseCode.SYSTEM_ERROR, remark: 'the body is missing: a message has a body of at least 1 byte' };
  }
  if (bodyBytes > bodyBytesMax) {
    const remark = `the message body is ${bodyBytes} bytes, maxMessageSize is ${bodyBytesMax}; send it in parts`;
    return { code: responseCode.MESSAGE_ILLEGAL, remark };
  }
  return propertiesBytes > PROPERTIES_TEXT_MAX ? { code: responseCode.MESSAGE_ILLEGAL, remark: PROPERTIES_REMARK } : null;
}
