/**
 * NOTIFY_CONSUMER_IDS_CHANGED (40): from broker to consumer, one-way: the group's members have changed.
 * Decoding fails with a FieldError that names the field.
 * Source: RocketMQ 5.3 `NotifyConsumerIdsChangedRequestHeader`.
 */
import type { ExtFields } from '../command.ts';
import { FieldReader } from '../field-reader.ts';

/** Its header fields. */
export type NotifyConsumerIdsChangedRequest = {
  readonly consumerGroup: string;
};

export function decodeNotifyConsumerIdsChangedRequest(ext: ReadonlyMap<string, string>): NotifyConsumerIdsChangedRequest {
  const fields = new FieldReader(ext);
  return {
    consumerGroup: fields.string('consumerGroup'),
  };
}

/** Header fields to send; null ones are left out. */
export function encodeNotifyConsumerIdsChangedRequest(request: NotifyConsumerIdsChangedRequest): ExtFields {
  return { ...request };
}
