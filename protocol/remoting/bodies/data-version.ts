/**
 * The version of a table that brokers keep and name servers compare; equal only when all three numbers are. Also the `version` field of
 * GET_BROKER_CONFIG's answer. Source: RocketMQ 5.3 `DataVersion`; 4.9 has no stateVersion.
 */
import { type BodyReader, bodyObject } from './body-reader.ts';
import { jsonBody } from './json-writer.ts';

export type DataVersion = { readonly counter: number; readonly stateVersion: number; readonly timestamp: number };

export function decodeDataVersion(bytes: Uint8Array): DataVersion {
  return readDataVersion(bodyObject(bytes, 'a DataVersion'));
}

export function readDataVersion(reader: BodyReader): DataVersion {
  return { counter: reader.time('counter', 0), stateVersion: reader.time('stateVersion', 0), timestamp: reader.time('timestamp', 0) };
}

export function encodeDataVersion(version: DataVersion): Uint8Array {
  return jsonBody(dataVersionObject(version));
}

/** Its members in order, for use within other bodies. */
export function dataVersionObject(version: DataVersion): DataVersion {
  return { counter: version.counter, stateVersion: version.stateVersion, timestamp: version.timestamp };
}

export function isSameVersion(a: DataVersion, b: DataVersion): boolean {
  return a.counter === b.counter && a.stateVersion === b.stateVersion && a.timestamp === b.timestamp;
}
