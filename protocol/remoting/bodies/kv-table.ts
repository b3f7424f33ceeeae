/**
 * Names and values: answers of GET_BROKER_RUNTIME_INFO (28), GET_KVLIST_BY_NAMESPACE (219) and REGISTER_BROKER (103). Source: RocketMQ `KVTable`.
 */
import { bodyObject } from './body-reader.ts';
import { jsonBody } from './json-writer.ts';

export function decodeKvTable(bytes: Uint8Array): Map<string, string> {
  return bodyObject(bytes, 'a KVTable').textTable('table');
}

export function encodeKvTable(table: Iterable<readonly [string, string]>): Uint8Array {
  return jsonBody({ table: Object.fromEntries(table) });
}
