/**
 * REGISTER_BROKER (103): a broker's topics, as JSON or deflated. Inflating is bounded. Fails with a BodyError.
 * Source: RocketMQ 5.3 `RegisterBrokerBody`.
 *
 *   the deflated form (a zlib stream) holds      4  length, DataVersion as JSON
 *                                                4  count of topics; each: 4 length, topic as text (topic-config.ts)
 *                                                4  length, list of filter servers as JSON
 *   and from 5.0.0 on                            4  count of static topics; each: 4 length, TopicQueueMappingInfo as JSON
 */
import { crc32, deflateSync, inflateSync } from 'node:zlib';
import { readInt32 } from '../../../model/message-record.ts';
import { utf8Text } from '../../../model/utf8.ts';
import { BodyError } from '../errors.ts';
import { bodyObject, readerOf } from './body-reader.ts';
import { dataVersionObject, readDataVersion } from './data-version.ts';
import { jsonBody, jsonText } from './json-writer.ts';
import { parseTolerantJson } from './tolerant-json.ts';
import {
  readTopicConfigTable,
  type TopicConfig,
  type TopicConfigTable,
  topicConfigOfText,
  topicConfigTableObject,
  topicConfigText,
} from './topic-config.ts';

/** Largest inflated body. */
export const REGISTER_BYTES_MAX = 64 * 1024 * 1024;
/** Topics of one broker. */
export const REGISTER_TOPICS_MAX = 200_000;

/** The 31-bit sum that the header's `bodyCrc32` carries: over the bytes as sent. */
export function registerBodyCrc32(bytes: Uint8Array): number {
  return crc32(bytes) & 0x7fffffff;
}

/** Reads either form; `isCompressed` is the header's `compressed`. */
export function decodeRegisterBrokerBody(bytes: Uint8Array, isCompressed: boolean): TopicConfigTable {
  if (isCompressed) return decodeDeflated(bytes);
  const reader = bodyObject(bytes, 'a RegisterBrokerBody');
  // Before 3.0.11 the table was the body itself.
  return readTopicConfigTable(reader.object('topicConfigSerializeWrapper') ?? reader);
}

/** The plain form. */
export function encodeRegisterBrokerBody(table: TopicConfigTable): Uint8Array {
  return jsonBody({ filterServerList: [], topicConfigSerializeWrapper: topicConfigTableObject(table) });
}

/** The deflated form, readable by 4.x and 5.x name servers. */
export function encodeDeflatedRegisterBrokerBody(table: TopicConfigTable): Uint8Array {
  const parts: Uint8Array[] = [];
  const number = (value: number): void => {
    const bytes = Buffer.alloc(4);
    bytes.writeInt32BE(value);
    parts.push(bytes);
  };
  const text = (value: string): void => {
    const bytes = Buffer.from(value);
    number(bytes.length);
    parts.push(bytes);
  };
  text(jsonText(dataVersionObject(table.dataVersion)));
  number(table.topics.size);
  for (const config of table.topics.values()) text(topicConfigText(config));
  text('[]');
  number(0);
  return deflateSync(Buffer.concat(parts));
}

function decodeDeflated(bytes: Uint8Array): TopicConfigTable {
  let inflated: Uint8Array;
  try {
    inflated = inflateSync(bytes, { maxOutputLength: REGISTER_BYTES_MAX });
  } catch (cause) {
    throw new BodyError(`The registration cannot be inflated, or beyond ${REGISTER_BYTES_MAX} bytes`, { cause });
  }
  let at = 0;
  const number = (): number => {
    if (inflated.length - at < 4) throw new BodyError(`The registration ends at byte ${inflated.length}, amid a number`);
    at += 4;
    return readInt32(inflated, at - 4);
  };
  const text = (): string => {
    const length = number();
    if (length < 0 || length > inflated.length - at)
      throw new BodyError(`The registration has ${inflated.length - at} bytes left for a text of ${length}`);
    at += length;
    return utf8Text(inflated, at - length, at);
  };
  const dataVersion = readDataVersion(readerOf(parseTolerantJson(text()), 'the version of a registration'));
  const count = number();
  if (count < 0 || count > REGISTER_TOPICS_MAX)
    throw new BodyError(`A registration of ${count} topics; ${REGISTER_TOPICS_MAX} are allowed`);
  const topics = new Map<string, TopicConfig>();
  for (let index = 0; index < count; index++) {
    const config = topicConfigOfText(text());
    topics.set(config.topicName, config);
  }
  // What follows, filter servers and static topics, is not for us.
  return { dataVersion, topics };
}
