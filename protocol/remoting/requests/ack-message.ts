/**
 * ACK_MESSAGE (200051): a popped message is done; CHANGE_MESSAGE_INVISIBLETIME (200053): it stays invisible for another time from now on.
 * Decoding fails with a FieldError that names the field.
 * Source: RocketMQ 5.3 `AckMessageRequestHeader`, `ChangeInvisibleTimeRequestHeader`, `ChangeInvisibleTimeResponseHeader`.
 */
import type { ExtFields } from '../command.ts';
import { FieldReader } from '../field-reader.ts';

/** Its header fields. `topic` is the one in which the message lies, a retry topic for one that came again; `extraInfo` its receipt. */
export type AckMessageRequest = {
  readonly consumerGroup: string;
  readonly topic: string;
  readonly queueId: number;
  readonly extraInfo: string;
  readonly offset: number;
};

export function decodeAckMessageRequest(ext: ReadonlyMap<string, string>): AckMessageRequest {
  const fields = new FieldReader(ext);
  return {
    consumerGroup: fields.string('consumerGroup'),
    topic: fields.string('topic'),
    queueId: fields.int('queueId'),
    extraInfo: fields.string('extraInfo'),
    offset: fields.long('offset'),
  };
}

/** Header fields to send. */
export function encodeAckMessageRequest(request: AckMessageRequest): ExtFields {
  return { ...request };
}

export type ChangeInvisibleTimeRequest = AckMessageRequest & { readonly invisibleTime: number };

export function decodeChangeInvisibleTimeRequest(ext: ReadonlyMap<string, string>): ChangeInvisibleTimeRequest {
  return { ...decodeAckMessageRequest(ext), invisibleTime: new FieldReader(ext).time('invisibleTime') };
}

export function encodeChangeInvisibleTimeRequest(request: ChangeInvisibleTimeRequest): ExtFields {
  return { ...request };
}

/** The words of the new receipt that differ from the old one's. */
export type ChangeInvisibleTimeResponse = { readonly popTime: number; readonly invisibleTime: number; readonly reviveQid: number };

export function decodeChangeInvisibleTimeResponse(ext: ReadonlyMap<string, string>): ChangeInvisibleTimeResponse {
  const fields = new FieldReader(ext);
  return { popTime: fields.time('popTime'), invisibleTime: fields.time('invisibleTime'), reviveQid: fields.int('reviveQid') };
}

export function encodeChangeInvisibleTimeResponse(response: ChangeInvisibleTimeResponse): ExtFields {
  return { ...response };
}
