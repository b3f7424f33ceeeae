/**
 * Answer of GET_PRODUCER_CONNECTION_LIST (204): a producer group's members. Source: RocketMQ 5.3 `ProducerConnection`.
 */
import { bodyObject } from './body-reader.ts';
import { type ClientConnection, connectionObject, readConnection } from './connection.ts';
import { jsonBody } from './json-writer.ts';

export function decodeProducerConnection(bytes: Uint8Array): ClientConnection[] {
  return bodyObject(bytes, 'a ProducerConnection').objects('connectionSet').map(readConnection);
}

export function encodeProducerConnection(connections: readonly ClientConnection[]): Uint8Array {
  return jsonBody({ connectionSet: connections.map(connectionObject) });
}
