/**
 * A topic's settings: alone (351), all of a broker's (21, and within 103), or to be made (18). As text with blanks in the compressed form of 103.
 * Fails with a BodyError. Source: RocketMQ 5.3 `TopicConfig`, `TopicConfigSerializeWrapper`.
 */
import { BodyError } from '../errors.ts';
import { type BodyReader, bodyObject, readerOf } from './body-reader.ts';
import { type DataVersion, dataVersionObject, readDataVersion } from './data-version.ts';
import { jsonBody, jsonText } from './json-writer.ts';
import { parseTolerantJson } from './tolerant-json.ts';

export type TopicConfig = {
  readonly topicName: string;
  readonly readQueueNums: number;
  readonly writeQueueNums: number;
  readonly perm: number;
  /** SINGLE_TAG or MULTI_TAG */
  readonly topicFilterType: string;
  readonly topicSysFlag: number;
  readonly order: boolean;
  /** 5.x: settings such as `message.type`. */
  readonly attributes: ReadonlyMap<string, string>;
};

export type TopicConfigTable = { readonly dataVersion: DataVersion; readonly topics: ReadonlyMap<string, TopicConfig> };

const NEW_VERSION: DataVersion = { counter: 0, stateVersion: 0, timestamp: 0 };

export function decodeTopicConfig(bytes: Uint8Array): TopicConfig {
  return readTopicConfig(bodyObject(bytes, 'a TopicConfig'));
}

export function encodeTopicConfig(config: TopicConfig): Uint8Array {
  return jsonBody(topicConfigObject(config));
}

/** The answer of 21, and what stands within 103. */
export function decodeTopicConfigTable(bytes: Uint8Array): TopicConfigTable {
  return readTopicConfigTable(bodyObject(bytes, 'a TopicConfigSerializeWrapper'));
}

export function encodeTopicConfigTable(table: TopicConfigTable): Uint8Array {
  return jsonBody(topicConfigTableObject(table));
}

/** The body of 18. */
export function decodeTopicConfigList(bytes: Uint8Array): TopicConfig[] {
  return bodyObject(bytes, 'a CreateTopicListRequestBody').objects('topicConfigList').map(readTopicConfig);
}

export function readTopicConfigTable(reader: BodyReader): TopicConfigTable {
  const version = reader.object('dataVersion');
  const topics = reader
    .table('topicConfigTable')
    .map(([name, config]) => [name, readTopicConfig(readerOf(config, `topic ${name}`))] as const);
  return { dataVersion: version === null ? NEW_VERSION : readDataVersion(version), topics: new Map(topics) };
}

/** Its members in order, for use within other bodies; the mapping tables of static topics are there and empty, as 5.x readers expect. */
export function topicConfigTableObject(table: TopicConfigTable): Record<string, unknown> {
  return {
    dataVersion: dataVersionObject(table.dataVersion),
    mappingDataVersion: NEW_VERSION,
    topicConfigTable: Object.fromEntries([...table.topics].map(([name, config]) => [name, topicConfigObject(config)])),
    topicQueueMappingDetailMap: {},
    topicQueueMappingInfoMap: {},
  };
}

export function readTopicConfig(reader: BodyReader): TopicConfig {
  return {
    topicName: reader.string('topicName'),
    readQueueNums: reader.int('readQueueNums', 16),
    writeQueueNums: reader.int('writeQueueNums', 16),
    perm: reader.int('perm', 6),
    topicFilterType: reader.optionalString('topicFilterType') ?? 'SINGLE_TAG',
    topicSysFlag: reader.int('topicSysFlag', 0),
    order: reader.boolean('order', false),
    attributes: reader.textTable('attributes'),
  };
}

/** Its members in Java's order, for use within other bodies. */
export function topicConfigObject(config: TopicConfig): Record<string, unknown> {
  return {
    attributes: Object.fromEntries(config.attributes),
    order: config.order,
    perm: config.perm,
    readQueueNums: config.readQueueNums,
    topicFilterType: config.topicFilterType,
    topicName: config.topicName,
    topicSysFlag: config.topicSysFlag,
    writeQueueNums: config.writeQueueNums,
  };
}

/** `name read write perm filterType attributes`: the text form; 4.x reads the first five. */
export function topicConfigText(config: TopicConfig): string {
  const { topicName, readQueueNums, writeQueueNums, perm, topicFilterType, attributes } = config;
  return `${topicName} ${readQueueNums} ${writeQueueNums} ${perm} ${topicFilterType} ${jsonText(Object.fromEntries(attributes))}`;
}

/** Reads the text form, of 4.x and of 5.x. */
export function topicConfigOfText(text: string): TopicConfig {
  const [topicName, read, write, perm, topicFilterType, ...rest] = text.split(' ');
  const numbers = [read, write, perm].map(Number);
  if (topicName === undefined || topicName === '' || topicFilterType === undefined || numbers.some((number) => (number | 0) !== number))
    throw new BodyError(
      `A topic's text is ${JSON.stringify(text.slice(0, 80))}; name, queues to read and write, permission and filter type are needed`,
    );
  const attributes = rest.join(' ').trim();
  const reader = attributes === '' ? null : readerOf({ attributes: parseTolerantJson(attributes) }, `topic ${topicName}`);
  return {
    topicName,
    readQueueNums: numbers[0] as number,
    writeQueueNums: numbers[1] as number,
    perm: numbers[2] as number,
    topicFilterType,
    topicSysFlag: 0,
    order: false,
    attributes: reader === null ? new Map() : reader.textTable('attributes'),
  };
}
