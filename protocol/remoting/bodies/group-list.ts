/**
 * Answer of QUERY_TOPIC_CONSUME_BY_WHO (300): the groups that consume a topic. Source: RocketMQ `GroupList`.
 */
import { bodyObject } from './body-reader.ts';
import { jsonBody } from './json-writer.ts';

export function decodeGroupList(bytes: Uint8Array): string[] {
  return bodyObject(bytes, 'a GroupList').strings('groupList');
}

export function encodeGroupList(groupList: readonly string[]): Uint8Array {
  return jsonBody({ groupList });
}
