/**
 * A topic's configuration, in RocketMQ's own words, and the version that every change of the table moves on. Pure.
 * Source: RocketMQ `TopicConfig`, `DataVersion`.
 */
import { PERM_READ_WRITE } from '../../model/permission.ts';
import type { TopicConfig as WireTopicConfig } from '../../protocol/remoting/bodies/topic-config.ts';

export type TopicFilterType = 'SINGLE_TAG' | 'MULTI_TAG';

/** One topic as it stands in topics.json, travels in requests 17, 21, 103 and 351, and in messages between actors. */
export type TopicConfig = {
  readonly topicName: string;
  readonly readQueueNums: number;
  readonly writeQueueNums: number;
  /** 4 read, 2 write, 1 inherit, 8 priority */
  readonly perm: number;
  readonly topicFilterType: TopicFilterType;
  /** 1 unit, 2 unit subscription */
  readonly topicSysFlag: number;
  readonly order: boolean;
  /** Keys without the `+` and `-` of a request. */
  readonly attributes: Readonly<Record<string, string>>;
};

/** Version of a broker's topic table; equal when all three are. */
export type TableVersion = { readonly stateVersion: number; readonly timestamp: number; readonly counter: number };

/** The version after `version`: the counter tells changes within one millisecond apart. */
export function nextVersion(version: TableVersion, now: number): TableVersion {
  return { stateVersion: version.stateVersion, timestamp: now, counter: version.counter + 1 };
}

export function sameVersion(left: TableVersion, right: TableVersion): boolean {
  return left.counter === right.counter && left.timestamp === right.timestamp && left.stateVersion === right.stateVersion;
}

/** A plain topic with `queues` queues for reading and writing. */
export function plainTopic(topicName: string, queues: number, perm: number = PERM_READ_WRITE): TopicConfig {
  return {
    topicName,
    readQueueNums: queues,
    writeQueueNums: queues,
    perm,
    topicFilterType: 'SINGLE_TAG',
    topicSysFlag: 0,
    order: false,
    attributes: {},
  };
}

/** Whether two configurations say the same, so that a repeated request changes nothing. */
export function sameConfig(left: TopicConfig, right: TopicConfig): boolean {
  if (
    left.topicName !== right.topicName ||
    left.readQueueNums !== right.readQueueNums ||
    left.writeQueueNums !== right.writeQueueNums ||
    left.perm !== right.perm ||
    left.topicFilterType !== right.topicFilterType ||
    left.topicSysFlag !== right.topicSysFlag ||
    left.order !== right.order
  ) {
    return false;
  }
  const keys = Object.keys(left.attributes);
  if (keys.length !== Object.keys(right.attributes).length) return false;
  return keys.every((key) => left.attributes[key] === right.attributes[key]);
}

/** Queues that exist: a queue id is in range when it can be read or written. */
export function queueCount(config: TopicConfig): number {
  return Math.max(config.readQueueNums, config.writeQueueNums);
}

/** As request and answer bodies want it. */
export function wireTopicConfig(config: TopicConfig): WireTopicConfig {
  return { ...config, attributes: new Map(Object.entries(config.attributes)) };
}
