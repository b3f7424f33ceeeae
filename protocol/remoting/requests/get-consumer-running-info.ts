/**
 * GET_CONSUMER_RUNNING_INFO (307): a client's inner state, which the broker asks that client for.
 * Decoding fails with a FieldError that names the field.
 * Source: RocketMQ 5.3 `GetConsumerRunningInfoRequestHeader`.
 */
import type { ExtFields } from '../command.ts';
import { FieldReader } from '../field-reader.ts';

/** Its header fields; null: not sent. */
export type GetConsumerRunningInfoRequest = {
  readonly consumerGroup: string;
  readonly clientId: string;
  readonly jstackEnable: boolean | null;
};

export function decodeGetConsumerRunningInfoRequest(ext: ReadonlyMap<string, string>): GetConsumerRunningInfoRequest {
  const fields = new FieldReader(ext);
  return {
    consumerGroup: fields.string('consumerGroup'),
    clientId: fields.string('clientId'),
    jstackEnable: fields.optionalBoolean('jstackEnable'),
  };
}

/** Header fields to send; null ones are left out. */
export function encodeGetConsumerRunningInfoRequest(request: GetConsumerRunningInfoRequest): ExtFields {
  return { ...request };
}
