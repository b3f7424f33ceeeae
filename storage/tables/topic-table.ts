/**
 * `config/topics.json`: every topic of the broker. Pure, both ways.
 * Source: RocketMQ 5.3 `TopicConfigSerializeWrapper`, `TopicConfig`.
 */
import { type DataVersion, dataVersionOf } from './data-version.ts';
import { booleanOf, entriesOf, integerOf, objectFrom, objectOf, textMapOf, textOf } from './json-value.ts';

export type TopicEntry = {
  readonly topicName: string;
  readonly readQueueNums: number;
  readonly writeQueueNums: number;
  /** 4 read, 2 write, 1 inherit, 8 priority. */
  readonly perm: number;
  readonly topicFilterType: string;
  readonly topicSysFlag: number;
  readonly order: boolean;
  readonly attributes: ReadonlyMap<string, string>;
};

export type TopicTable = { readonly dataVersion: DataVersion; readonly topics: ReadonlyMap<string, TopicEntry> };

/** The table in a loaded file; entries that are no objects are left out. */
export function decodeTopicTable(value: unknown): TopicTable {
  const object = objectOf(value);
  const topics = new Map<string, TopicEntry>();
  for (const [name, entry] of entriesOf(object?.['topicConfigTable'])) {
    const fields = objectOf(entry);
    if (fields === null) continue;
    topics.set(name, {
      topicName: textOf(fields['topicName'], name),
      readQueueNums: integerOf(fields['readQueueNums'], 16),
      writeQueueNums: integerOf(fields['writeQueueNums'], 16),
      perm: integerOf(fields['perm'], 6),
      topicFilterType: textOf(fields['topicFilterType'], 'SINGLE_TAG'),
      topicSysFlag: integerOf(fields['topicSysFlag'], 0),
      order: booleanOf(fields['order'], false),
      attributes: textMapOf(fields['attributes']),
    });
  }
  return { dataVersion: dataVersionOf(object?.['dataVersion']), topics };
}

/** What `saveTable` writes. */
export function encodeTopicTable(table: TopicTable): unknown {
  return {
    dataVersion: table.dataVersion,
    topicConfigTable: objectFrom(
      [...table.topics].map(([name, entry]) => [name, { ...entry, attributes: objectFrom(entry.attributes) }] as const),
    ),
  };
}
