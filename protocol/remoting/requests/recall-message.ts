/**
 * RECALL_MESSAGE (370): takes back a timed message whose time has not come, by the handle that its send was answered with.
 * Decoding fails with a FieldError that names the field.
 * Source: RocketMQ 5.4 `RecallMessageRequestHeader`, `RecallMessageResponseHeader`.
 */
import type { ExtFields } from '../command.ts';
import { FieldReader } from '../field-reader.ts';

/** Its header fields; null: not sent. */
export type RecallMessageRequest = {
  readonly topic: string;
  readonly recallHandle: string | null;
  readonly producerGroup: string | null;
};

export function decodeRecallMessageRequest(ext: ReadonlyMap<string, string>): RecallMessageRequest {
  const fields = new FieldReader(ext);
  return {
    topic: fields.string('topic'),
    recallHandle: fields.optionalString('recallHandle'),
    producerGroup: fields.optionalString('producerGroup'),
  };
}

/** Header fields to send; null ones are left out. */
export function encodeRecallMessageRequest(request: RecallMessageRequest): ExtFields {
  return { ...request };
}

/** Header fields of the answer. @param messageId unique key of the message that is taken back */
export function encodeRecallMessageResponse(messageId: string, regionId: string): Record<string, string> {
  return { msgId: messageId, MSG_REGION: regionId };
}
