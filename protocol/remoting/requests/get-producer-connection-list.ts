/**
 * GET_PRODUCER_CONNECTION_LIST (204): a producer group's connections (bodies/producer-connection.ts).
 * Decoding fails with a FieldError that names the field.
 * Source: RocketMQ 5.3 `GetProducerConnectionListRequestHeader`.
 */
import type { ExtFields } from '../command.ts';
import { FieldReader } from '../field-reader.ts';

/** Its header fields. */
export type GetProducerConnectionListRequest = {
  readonly producerGroup: string;
};

export function decodeGetProducerConnectionListRequest(ext: ReadonlyMap<string, string>): GetProducerConnectionListRequest {
  const fields = new FieldReader(ext);
  return {
    producerGroup: fields.string('producerGroup'),
  };
}

/** Header fields to send; null ones are left out. */
export function encodeGetProducerConnectionListRequest(request: GetProducerConnectionListRequest): ExtFields {
  return { ...request };
}
