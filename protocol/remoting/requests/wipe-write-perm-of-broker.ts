/**
 * WIPE_WRITE_PERM_OF_BROKER (205), ADD_WRITE_PERM_OF_BROKER (327): takes or gives the write permission of all topics of a broker, at a name server.
 * Decoding fails with a FieldError that names the field.
 * Source: RocketMQ 5.3 `WipeWritePermOfBrokerRequestHeader`.
 */
import type { ExtFields } from '../command.ts';
import { FieldReader } from '../field-reader.ts';

/** Its header fields. */
export type WipeWritePermOfBrokerRequest = {
  readonly brokerName: string;
};

export function decodeWipeWritePermOfBrokerRequest(ext: ReadonlyMap<string, string>): WipeWritePermOfBrokerRequest {
  const fields = new FieldReader(ext);
  return {
    brokerName: fields.string('brokerName'),
  };
}

/** Header fields to send; null ones are left out. */
export function encodeWipeWritePermOfBrokerRequest(request: WipeWritePermOfBrokerRequest): ExtFields {
  return { ...request };
}

/** The header fields of its answer; null: not sent. */
export type WipeWritePermOfBrokerResponse = {
  readonly wipeTopicCount: number | null;
  readonly addTopicCount: number | null;
};

export function decodeWipeWritePermOfBrokerResponse(ext: ReadonlyMap<string, string>): WipeWritePermOfBrokerResponse {
  const fields = new FieldReader(ext);
  return {
    wipeTopicCount: fields.optionalInt('wipeTopicCount'),
    addTopicCount: fields.optionalInt('addTopicCount'),
  };
}

export function encodeWipeWritePermOfBrokerResponse(response: WipeWritePermOfBrokerResponse): ExtFields {
  return { ...response };
}
