/**
 * PUSH_REPLY_MESSAGE_TO_CLIENT (326): the broker hands a client the reply to a request of its own; the body is the reply's, as it was sent.
 * Answered by the client with a bare code. Decoding fails with a FieldError that names the field.
 * Source: RocketMQ 5.3 `ReplyMessageRequestHeader`.
 */
import type { ExtFields } from '../command.ts';
import { FieldReader } from '../field-reader.ts';
import { readSentFields, type SentFields } from './send-message.ts';

/** Its header fields: those of the send that it was, and where that was stored. Hosts are `address:port`. */
export type PushReplyMessageToClientRequest = SentFields & {
  readonly bornHost: string;
  readonly storeHost: string;
  readonly storeTimestamp: number;
};

export function decodePushReplyMessageToClientRequest(ext: ReadonlyMap<string, string>): PushReplyMessageToClientRequest {
  const fields = new FieldReader(ext);
  return {
    ...readSentFields(fields),
    bornHost: fields.string('bornHost'),
    storeHost: fields.string('storeHost'),
    storeTimestamp: fields.time('storeTimestamp'),
  };
}

/** Header fields to send; null ones are left out. */
export function encodePushReplyMessageToClientRequest(request: PushReplyMessageToClientRequest): ExtFields {
  return { ...request };
}
