/**
 * QUERY_DATA_VERSION (322): has a broker's topic table changed since this version (bodies/data-version.ts)?
 * Decoding fails with a FieldError that names the field.
 * Source: RocketMQ 5.3 `QueryDataVersionRequestHeader`.
 */
import type { ExtFields } from '../command.ts';
import { FieldReader } from '../field-reader.ts';

/** Its header fields. */
export type QueryDataVersionRequest = {
  readonly brokerName: string;
  readonly brokerAddr: string;
  readonly clusterName: string;
  readonly brokerId: number;
};

export function decodeQueryDataVersionRequest(ext: ReadonlyMap<string, string>): QueryDataVersionRequest {
  const fields = new FieldReader(ext);
  return {
    brokerName: fields.string('brokerName'),
    brokerAddr: fields.string('brokerAddr'),
    clusterName: fields.string('clusterName'),
    brokerId: fields.long('brokerId'),
  };
}

/** Header fields to send; null ones are left out. */
export function encodeQueryDataVersionRequest(request: QueryDataVersionRequest): ExtFields {
  return { ...request };
}

/** The header fields of its answer. */
export type QueryDataVersionResponse = {
  readonly changed: boolean;
};

export function decodeQueryDataVersionResponse(ext: ReadonlyMap<string, string>): QueryDataVersionResponse {
  const fields = new FieldReader(ext);
  return {
    changed: fields.boolean('changed'),
  };
}

export function encodeQueryDataVersionResponse(response: QueryDataVersionResponse): ExtFields {
  return { ...response };
}
