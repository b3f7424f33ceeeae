/**
 * The body of a broker's registration, in both forms, cut down to what routes need: the version of its table and its topics. Pure.
 *
 *   plain       JSON `{"topicConfigSerializeWrapper":{"dataVersion":{…},"topicConfigTable":{"T":{…}}},…}`; a broker older than
 *               3.0.11 sends the wrapper alone
 *   compressed  zlib stream of: int length, dataVersion JSON; int topic count; for each: int length, text
 *               `name readQueues writeQueues perm filterType [attributes]`; then what is of no use here
 *
 * Fails with a BodyError. Source: RocketMQ 5.3 `RegisterBrokerBody`, `TopicConfig.decode`.
 */
import { inflateSync } from 'node:zlib';
import { BodyError } from '../../protocol/remoting/errors.ts';
import type { TableVersion } from '../topic/topic-config.ts';
import type { RegisteredTopic } from './route-table.ts';

export type RegistrationBody = { readonly version: TableVersion; readonly topics: readonly RegisteredTopic[] };

/** What a compressed registration may inflate to: 200 000 topics of 300 bytes. */
const INFLATED_BYTES_MAX = 64 * 1024 * 1024;
const TOPICS_MAX = 200_000;
const TOPIC_NAME_MAX = 255;
const QUEUES_MAX = 65_535;
const NO_VERSION: TableVersion = { stateVersion: 0, timestamp: 0, counter: 0 };

export function decodeRegistrationBody(body: Uint8Array, isCompressed: boolean): RegistrationBody {
  if (body.length === 0) return { version: NO_VERSION, topics: [] };
  return isCompressed ? decodeCompressed(body) : decodePlain(body);
}

function decodePlain(body: Uint8Array): RegistrationBody {
  const root = parseRecord(text(body, 0, body.length), 'The registration');
  const wrapper = asRecord(root['topicConfigSerializeWrapper'] ?? root, 'topicConfigSerializeWrapper');
  const table = Object.entries(asRecord(wrapper['topicConfigTable'] ?? {}, 'topicConfigTable'));
  checkCount(table.length);
  const topics = table.map(([name, value]) => {
    const topic = asRecord(value, `The configuration of topic ${name}`);
    return checkedTopic({
      topicName: name,
      readQueueNums: integer(topic['readQueueNums'], 16),
      writeQueueNums: integer(topic['writeQueueNums'], 16),
      perm: integer(topic['perm'], 6),
      topicSysFlag: integer(topic['topicSysFlag'], 0),
    });
  });
  return { version: decodeVersion(wrapper['dataVersion']), topics };
}

function decodeCompressed(body: Uint8Array): RegistrationBody {
  const bytes = inflated(body);
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  let at = 0;
  const int = (): number => {
    if (at + 4 > bytes.length) throw new BodyError(`The registration ends at byte ${bytes.length}, a length is missing`);
    at += 4;
    return view.getInt32(at - 4);
  };
  const string = (): string => {
    const length = int();
    if (length < 0 || length > bytes.length - at) throw new BodyError(`The registration has a text of ${length} bytes, ${bytes.length - at} are left`);
    at += length;
    return text(bytes, at - length, at);
  };
  const version = decodeVersion(JSON.parse(checkedJson(string())));
  const count = int();
  checkCount(count);
  const topics: RegisteredTopic[] = [];
  for (let index = 0; index < count; index++) topics.push(decodeTopicText(string()));
  return { version, topics };
}

function inflated(body: Uint8Array): Uint8Array {
  try {
    return inflateSync(body, { maxOutputLength: INFLATED_BYTES_MAX });
  } catch (cause) {
    throw new BodyError(`The compressed registration cannot be inflated to at most ${INFLATED_BYTES_MAX} bytes`, { cause });
  }
}

function decodeTopicText(line: string): RegisteredTopic {
  const [topicName = '', read = '', write = '', perm = ''] = line.split(' ', 4);
  return checkedTopic({
    topicName,
    readQueueNums: integer(read, Number.NaN),
    writeQueueNums: integer(write, Number.NaN),
    perm: integer(perm, Number.NaN),
    topicSysFlag: 0,
  });
}

export function decodeVersion(value: unknown): TableVersion {
  if (value === undefined || value === null) return NO_VERSION;
  const version = asRecord(value, 'dataVersion');
  return {
    stateVersion: integer(version['stateVersion'], 0),
    timestamp: integer(version['timestamp'], 0),
    counter: integer(version['counter'], 0),
  };
}

function checkCount(count: number): void {
  if (count < 0 || count > TOPICS_MAX) throw new BodyError(`The registration has ${count} topics, at most ${TOPICS_MAX} are taken`);
}

function checkedTopic(topic: RegisteredTopic): RegisteredTopic {
  const { topicName, readQueueNums, writeQueueNums, perm } = topic;
  if (topicName.length === 0 || topicName.length > TOPIC_NAME_MAX) {
    throw new BodyError(`A topic's name has ${topicName.length} characters, 1 to ${TOPIC_NAME_MAX} are taken`);
  }
  for (const [what, value, max] of [['readQueueNums', readQueueNums, QUEUES_MAX], ['writeQueueNums', writeQueueNums, QUEUES_MAX], ['perm', perm, 255]] as const) {
    if (!(value >= 0 && value <= max)) throw new BodyError(`${what} of topic ${topicName} is ${value}, 0 to ${max} are taken`);
  }
  return topic;
}

/** Integers as numbers or, as fastjson takes them, as text; saturating where a double ends. */
function integer(value: unknown, absent: number): number {
  if (value === undefined || value === null) return absent;
  const number = typeof value === 'string' && value.length > 0 ? Number(value) : value;
  if (typeof number !== 'number' || !Number.isInteger(number)) throw new BodyError(`${JSON.stringify(value)} stands where an integer is needed`);
  return Math.max(-Number.MAX_SAFE_INTEGER, Math.min(Number.MAX_SAFE_INTEGER, number));
}

function checkedJson(json: string): string {
  parseRecord(json, 'dataVersion');
  return json;
}

function parseRecord(json: string, what: string): Record<string, unknown> {
  let value: unknown;
  try {
    value = JSON.parse(json);
  } catch (cause) {
    throw new BodyError(`${what} is no JSON`, { cause });
  }
  return asRecord(value, what);
}

function asRecord(value: unknown, what: string): Record<string, unknown> {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) throw new BodyError(`${what} is no JSON object`);
  return value as Record<string, unknown>;
}

function text(bytes: Uint8Array, start: number, end: number): string {
  return Buffer.from(bytes.buffer, bytes.byteOffset + start, end - start).toString('utf8');
}
