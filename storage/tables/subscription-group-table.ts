/**
 * `config/subscriptionGroup.json`: settings of every consumer group. Pure, both ways. Fields that we do not know are kept.
 * Source: RocketMQ 5.3 `SubscriptionGroupManager`, `SubscriptionGroupConfig`.
 */
import { type DataVersion, dataVersionOf } from './data-version.ts';
import { booleanOf, entriesOf, integerOf, objectFrom, objectOf, textMapOf, textOf } from './json-value.ts';

export type SubscriptionGroupEntry = {
  readonly groupName: string;
  readonly consumeEnable: boolean;
  readonly consumeFromMinEnable: boolean;
  readonly consumeBroadcastEnable: boolean;
  readonly consumeMessageOrderly: boolean;
  readonly retryQueueNums: number;
  readonly retryMaxTimes: number;
  readonly brokerId: number;
  readonly whichBrokerWhenConsumeSlowly: number;
  readonly notifyConsumerIdsChangedEnable: boolean;
  readonly groupSysFlag: number;
  readonly consumeTimeoutMinute: number;
  readonly attributes: ReadonlyMap<string, string>;
  /** Everything else that the file had for the group (`groupRetryPolicy`, …), as it was. */
  readonly rest: Readonly<Record<string, unknown>>;
};

export type SubscriptionGroupTable = {
  readonly dataVersion: DataVersion;
  readonly groups: ReadonlyMap<string, SubscriptionGroupEntry>;
  /** Forbidden bits by group and topic, as it was. */
  readonly forbidden: Readonly<Record<string, unknown>>;
};

/** A group's settings where nobody set any. */
export function defaultSubscriptionGroup(groupName: string): SubscriptionGroupEntry {
  return {
    groupName,
    consumeEnable: true,
    consumeFromMinEnable: true,
    consumeBroadcastEnable: true,
    consumeMessageOrderly: false,
    retryQueueNums: 1,
    retryMaxTimes: 16,
    brokerId: 0,
    whichBrokerWhenConsumeSlowly: 1,
    notifyConsumerIdsChangedEnable: true,
    groupSysFlag: 0,
    consumeTimeoutMinute: 15,
    attributes: new Map(),
    rest: { groupRetryPolicy: { type: 'CUSTOMIZED' } },
  };
}

export function decodeSubscriptionGroupTable(value: unknown): SubscriptionGroupTable {
  const object = objectOf(value);
  const groups = new Map<string, SubscriptionGroupEntry>();
  for (const [name, entry] of entriesOf(object?.['subscriptionGroupTable'])) {
    const fields = objectOf(entry);
    if (fields !== null) groups.set(name, entryOf(name, fields));
  }
  return { dataVersion: dataVersionOf(object?.['dataVersion']), groups, forbidden: objectOf(object?.['forbiddenTable']) ?? {} };
}

function entryOf(name: string, fields: Record<string, unknown>): SubscriptionGroupEntry {
  const known = defaultSubscriptionGroup(name);
  return {
    groupName: textOf(fields['groupName'], name),
    consumeEnable: booleanOf(fields['consumeEnable'], known.consumeEnable),
    consumeFromMinEnable: booleanOf(fields['consumeFromMinEnable'], known.consumeFromMinEnable),
    consumeBroadcastEnable: booleanOf(fields['consumeBroadcastEnable'], known.consumeBroadcastEnable),
    consumeMessageOrderly: booleanOf(fields['consumeMessageOrderly'], known.consumeMessageOrderly),
    retryQueueNums: integerOf(fields['retryQueueNums'], known.retryQueueNums),
    retryMaxTimes: integerOf(fields['retryMaxTimes'], known.retryMaxTimes),
    brokerId: integerOf(fields['brokerId'], known.brokerId),
    whichBrokerWhenConsumeSlowly: integerOf(fields['whichBrokerWhenConsumeSlowly'], known.whichBrokerWhenConsumeSlowly),
    notifyConsumerIdsChangedEnable: booleanOf(fields['notifyConsumerIdsChangedEnable'], known.notifyConsumerIdsChangedEnable),
    groupSysFlag: integerOf(fields['groupSysFlag'], known.groupSysFlag),
    consumeTimeoutMinute: integerOf(fields['consumeTimeoutMinute'], known.consumeTimeoutMinute),
    attributes: textMapOf(fields['attributes']),
    rest: objectFrom(Object.entries(fields).filter(([field]) => !(field in known))),
  };
}

/** What `saveTable` writes. */
export function encodeSubscriptionGroupTable(table: SubscriptionGroupTable): unknown {
  const groups = [...table.groups].map(
    ([name, { rest, attributes, ...known }]) => [name, { ...rest, ...known, attributes: objectFrom(attributes) }] as const,
  );
  return { dataVersion: table.dataVersion, forbiddenTable: table.forbidden, subscriptionGroupTable: objectFrom(groups) };
}
