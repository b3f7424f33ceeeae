/**
 * topics.json: the topic table at rest, in RocketMQ's own shape, which a Java broker reads and writes too. Pure.
 * `{"dataVersion":{…},"topicConfigTable":{"<topic>":{TopicConfig}}}`. Source: RocketMQ `TopicConfigSerializeWrapper`.
 */
import type { TableVersion, TopicConfig, TopicFilterType } from './topic-config.ts';

export const TOPICS_FILE = 'topics.json';

export type TopicsFile = { readonly version: TableVersion; readonly topics: readonly TopicConfig[] };

/** A topics.json that is no topic table. */
export class TopicsFileError extends Error {
  readonly code = 'MQ_TOPIC_BAD_TABLE';

  constructor(reason: string) {
    super(`Cannot read ${TOPICS_FILE}: ${reason}`);
    this.name = 'TopicsFileError';
  }
}

/** A topic's own line of the file. */
export function topicLine(topic: TopicConfig): string {
  return `${JSON.stringify(topic.topicName)}:${JSON.stringify(topicJson(topic))}`;
}

/** The whole file from its topics' lines: a table of many topics is put together again with every change. */
export function topicsText(version: TableVersion, lines: readonly string[]): string {
  const { counter, stateVersion, timestamp } = version;
  return `{"dataVersion":${JSON.stringify({ counter, stateVersion, timestamp })},"topicConfigTable":{\n${lines.join(',\n')}\n}}\n`;
}

/** A topic's members in Java's order. */
export function topicJson(topic: TopicConfig): Record<string, unknown> {
  return {
    attributes: topic.attributes,
    order: topic.order,
    perm: topic.perm,
    readQueueNums: topic.readQueueNums,
    topicFilterType: topic.topicFilterType,
    topicName: topic.topicName,
    topicSysFlag: topic.topicSysFlag,
    writeQueueNums: topic.writeQueueNums,
  };
}

/** Reads the table from parsed JSON: lenient in what may be missing (4.x has no attributes), strict in what is there. */
export function parseTopicsFile(parsed: unknown): TopicsFile {
  const root = record(parsed, 'the table');
  const topics: TopicConfig[] = [];
  for (const [name, value] of Object.entries(record(root['topicConfigTable'] ?? {}, 'topicConfigTable'))) {
    topics.push(parseTopic(name, value));
  }
  const version = record(root['dataVersion'] ?? {}, 'dataVersion');
  return {
    version: {
      stateVersion: integer(version['stateVersion'] ?? 0, 'dataVersion.stateVersion'),
      timestamp: integer(version['timestamp'] ?? 0, 'dataVersion.timestamp'),
      counter: integer(version['counter'] ?? 0, 'dataVersion.counter'),
    },
    topics,
  };
}

function parseTopic(name: string, value: unknown): TopicConfig {
  const topic = record(value, `topic ${JSON.stringify(name)}`);
  const attributes: [string, string][] = [];
  for (const [key, text] of Object.entries(record(topic['attributes'] ?? {}, `attributes of ${name}`))) {
    if (typeof text === 'string') attributes.push([key, text]);
  }
  return {
    topicName: name,
    readQueueNums: integer(topic['readQueueNums'] ?? 16, `readQueueNums of ${name}`),
    writeQueueNums: integer(topic['writeQueueNums'] ?? 16, `writeQueueNums of ${name}`),
    perm: integer(topic['perm'] ?? 6, `perm of ${name}`),
    topicFilterType: filterType(topic['topicFilterType']),
    topicSysFlag: integer(topic['topicSysFlag'] ?? 0, `topicSysFlag of ${name}`),
    order: topic['order'] === true,
    attributes: Object.fromEntries(attributes),
  };
}

function filterType(value: unknown): TopicFilterType {
  return value === 'MULTI_TAG' ? 'MULTI_TAG' : 'SINGLE_TAG';
}

function record(value: unknown, what: string): Record<string, unknown> {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) throw new TopicsFileError(`${what} is no object`);
  return value as Record<string, unknown>;
}

function integer(value: unknown, what: string): number {
  const number = typeof value === 'string' ? Number(value) : value;
  if (typeof number !== 'number' || !Number.isSafeInteger(number)) {
    throw new TopicsFileError(`${what} is ${JSON.stringify(value)}, no integer`);
  }
  return number;
}
