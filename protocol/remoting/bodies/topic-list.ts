/**
 * Lists of topics: answers of 206, 224, 304, 305, 343. Source: RocketMQ `TopicList`.
 */
import { bodyObject } from './body-reader.ts';
import { jsonBody } from './json-writer.ts';

/** `brokerAddr` only in 304 and 343. */
export type TopicList = { readonly topicList: readonly string[]; readonly brokerAddr: string | null };

export function decodeTopicList(bytes: Uint8Array): TopicList {
  const reader = bodyObject(bytes, 'a TopicList');
  return { topicList: reader.strings('topicList'), brokerAddr: reader.optionalString('brokerAddr') };
}

export function encodeTopicList(list: TopicList): Uint8Array {
  return jsonBody({ brokerAddr: list.brokerAddr, topicList: list.topicList });
}
