/**
 * A consumer group's settings: alone (200, 352) or all of a broker's (201). Fails with a BodyError.
 * Source: RocketMQ 5.3 `SubscriptionGroupConfig`, `SubscriptionGroupWrapper`; 4.9 has the members up to `notifyConsumerIdsChangedEnable`.
 */
import { type BodyReader, bodyObject, readerOf } from './body-reader.ts';
import { type DataVersion, dataVersionObject, readDataVersion } from './data-version.ts';
import { jsonBody } from './json-writer.ts';

export type SubscriptionGroupConfig = {
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
};

export type SubscriptionGroupTable = {
  readonly dataVersion: DataVersion;
  readonly groups: ReadonlyMap<string, SubscriptionGroupConfig>;
  /** Bits by group and topic; bit 2: may not be read. */
  readonly forbidden: ReadonlyMap<string, ReadonlyMap<string, number>>;
};

export function decodeSubscriptionGroupConfig(bytes: Uint8Array): SubscriptionGroupConfig {
  return readSubscriptionGroupConfig(bodyObject(bytes, 'a SubscriptionGroupConfig'));
}

export function encodeSubscriptionGroupConfig(config: SubscriptionGroupConfig): Uint8Array {
  return jsonBody(subscriptionGroupObject(config));
}

export function decodeSubscriptionGroupTable(bytes: Uint8Array): SubscriptionGroupTable {
  const reader = bodyObject(bytes, 'a SubscriptionGroupWrapper');
  const version = reader.object('dataVersion');
  const groups = reader
    .table('subscriptionGroupTable')
    .map(([name, value]) => [name, readSubscriptionGroupConfig(readerOf(value, `group ${name}`))] as const);
  const forbidden = reader.table('forbiddenTable').map(([group, value]) => {
    const topics = readerOf({ topics: value }, `the forbidden topics of ${group}`).textTable('topics');
    return [group, new Map([...topics].map(([topic, bits]) => [topic, Number(bits) | 0]))] as const;
  });
  return {
    dataVersion: version === null ? { counter: 0, stateVersion: 0, timestamp: 0 } : readDataVersion(version),
    groups: new Map(groups),
    forbidden: new Map(forbidden),
  };
}

export function encodeSubscriptionGroupTable(table: SubscriptionGroupTable): Uint8Array {
  return jsonBody({
    dataVersion: dataVersionObject(table.dataVersion),
    forbiddenTable: Object.fromEntries([...table.forbidden].map(([group, topics]) => [group, Object.fromEntries(topics)])),
    subscriptionGroupTable: Object.fromEntries([...table.groups].map(([name, config]) => [name, subscriptionGroupObject(config)])),
  });
}

export function readSubscriptionGroupConfig(reader: BodyReader): SubscriptionGroupConfig {
  return {
    groupName: reader.string('groupName'),
    consumeEnable: reader.boolean('consumeEnable', true),
    consumeFromMinEnable: reader.boolean('consumeFromMinEnable', true),
    consumeBroadcastEnable: reader.boolean('consumeBroadcastEnable', true),
    consumeMessageOrderly: reader.boolean('consumeMessageOrderly', false),
    retryQueueNums: reader.int('retryQueueNums', 1),
    retryMaxTimes: reader.int('retryMaxTimes', 16),
    brokerId: reader.long('brokerId', 0),
    whichBrokerWhenConsumeSlowly: reader.long('whichBrokerWhenConsumeSlowly', 1),
    notifyConsumerIdsChangedEnable: reader.boolean('notifyConsumerIdsChangedEnable', true),
    groupSysFlag: reader.int('groupSysFlag', 0),
    consumeTimeoutMinute: reader.int('consumeTimeoutMinute', 15),
    attributes: reader.textTable('attributes'),
  };
}

/** Its members in Java's order, for use within other bodies. */
export function subscriptionGroupObject(config: SubscriptionGroupConfig): Record<string, unknown> {
  return {
    attributes: Object.fromEntries(config.attributes),
    brokerId: config.brokerId,
    consumeBroadcastEnable: config.consumeBroadcastEnable,
    consumeEnable: config.consumeEnable,
    consumeFromMinEnable: config.consumeFromMinEnable,
    consumeMessageOrderly: config.consumeMessageOrderly,
    consumeTimeoutMinute: config.consumeTimeoutMinute,
    groupName: config.groupName,
    groupRetryPolicy: { type: 'CUSTOMIZED' },
    groupSysFlag: config.groupSysFlag,
    notifyConsumerIdsChangedEnable: config.notifyConsumerIdsChangedEnable,
    retryMaxTimes: config.retryMaxTimes,
    retryQueueNums: config.retryQueueNums,
    whichBrokerWhenConsumeSlowly: config.whichBrokerWhenConsumeSlowly,
  };
}
