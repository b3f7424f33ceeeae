/**
 * Answer of GET_BROKER_CONSUME_STATS (317): how far each group is behind, topic by topic. Source: RocketMQ 5.3 `ConsumeStatsList`.
 */
import { bodyObject, readerOf } from './body-reader.ts';
import { type ConsumeStats, consumeStatsJson, readConsumeStats } from './consume-stats.ts';

export type ConsumeStatsList = {
  readonly brokerAddr: string;
  /** One entry a topic. */
  readonly groups: readonly (readonly [group: string, topics: readonly ConsumeStats[]])[];
  /** Messages that all groups together have yet to consume. */
  readonly totalDiff: number;
  /** Messages handed out and not acknowledged. */
  readonly totalInflightDiff: number;
};

export function decodeConsumeStatsList(bytes: Uint8Array): ConsumeStatsList {
  const reader = bodyObject(bytes, 'a ConsumeStatsList');
  const groups = reader.list('consumeStatsList').flatMap((item) =>
    readerOf({ groups: item }, 'a ConsumeStatsList')
      .table('groups')
      .map(([group, value]) => {
        const topics = readerOf({ topics: value }, `the topics of ${group}`).objects('topics');
        return [group, topics.map(readConsumeStats)] as const;
      }),
  );
  return {
    brokerAddr: reader.optionalString('brokerAddr') ?? '',
    groups,
    totalDiff: reader.long('totalDiff', 0),
    totalInflightDiff: reader.long('totalInflightDiff', 0),
  };
}

export function encodeConsumeStatsList(list: ConsumeStatsList): Uint8Array {
  const groups = list.groups.map(([group, topics]) => `{${JSON.stringify(group)}:[${topics.map(consumeStatsJson).join(',')}]}`);
  const { brokerAddr, totalDiff, totalInflightDiff } = list;
  const head = `{"brokerAddr":${JSON.stringify(brokerAddr)},"consumeStatsList":[${groups.join(',')}]`;
  return Buffer.from(`${head},"totalDiff":${totalDiff},"totalInflightDiff":${totalInflightDiff}}`);
}
