/**
 * Answer of GET_CONSUMER_LIST_BY_GROUP (38): the client ids of a group. Source: RocketMQ `GetConsumerListByGroupResponseBody`.
 */
import { bodyObject } from './body-reader.ts';
import { jsonBody } from './json-writer.ts';

export function decodeConsumerList(bytes: Uint8Array): string[] {
  return bodyObject(bytes, 'a consumer list').strings('consumerIdList');
}

export function encodeConsumerList(consumerIdList: readonly string[]): Uint8Array {
  return jsonBody({ consumerIdList });
}
