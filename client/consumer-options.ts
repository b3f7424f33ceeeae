/**
 * What consumers are told, push and pull alike, with its defaults and limits; and what a group's member is, as the parts of a consumer see it. Pure.
 */

import { MessageTextError } from '../model/errors.ts';
import { groupNameFault } from '../model/group.ts';
import { EXPRESSION_PLUGIN, EXPRESSION_SQL92, type SubscriptionData, tagSubscription } from '../model/subscription.ts';
import { topicNameFault } from '../model/topic.ts';
import {
  BROADCASTING,
  CLUSTERING,
  CONSUME_FROM_FIRST_OFFSET,
  CONSUME_FROM_LAST_OFFSET,
  CONSUME_FROM_TIMESTAMP,
} from '../protocol/remoting/bodies/heartbeat-data.ts';
import type { ClientCore, ClientOptions } from './client-core.ts';
import { ClientError } from './errors.ts';

/** Where a group begins in a queue that it has never consumed. A time is in milliseconds since 1970. */
export type ConsumeFrom = 'last' | 'first' | { readonly timestamp: number };

/** `clustering`: each message goes to one member of the group. `broadcasting`: to each member. */
export type MessageModel = 'clustering' | 'broadcasting';

/** What of a topic is wanted. Neither: everything. */
export type Selector = {
  /** `TagA || TagB`, or a list. */
  readonly tags?: string | readonly string[];
  /** An SQL92 expression over the properties; brokers may have that switched off. */
  readonly sql?: string;
  /** The name of a filter plugin of ringmq's brokers; others refuse it. */
  readonly plugin?: string;
};

/** Offsets of a broadcasting consumer, which no broker keeps. Without one it begins anew at each start, by `consumeFrom`. */
export interface OffsetStore {
  /** Null: none is known. */
  load(topic: string, brokerName: string, queueId: number): Promise<number | null>;
  save(topic: string, brokerName: string, queueId: number, offset: number): Promise<void>;
}

export type ConsumerOptions = ClientOptions & {
  readonly group: string;
  /** `clustering` if not given. */
  readonly messageModel?: MessageModel;
  /** `last` if not given; brokers start a group on a young topic at its beginning all the same. */
  readonly consumeFrom?: ConsumeFrom;
  /** Messages of one queue held at once; 1000 if not given. */
  readonly queueMessagesMax?: number;
  /** Bytes of one queue held at once; 16 MiB if not given. */
  readonly queueBytesMax?: number;
  /** Messages asked for at once; 32 if not given. */
  readonly pullMessagesMax?: number;
  /** How often consumed offsets are committed, in milliseconds; 5000 if not given. */
  readonly commitPeriodMs?: number;
  /** How often queues are shared out anew, beside when members come and go, in milliseconds; 20000 if not given. */
  readonly rebalancePeriodMs?: number;
  /** For broadcasting. */
  readonly offsetStore?: OffsetStore;
};

/** Options with their defaults. */
export type ConsumerSettings = {
  readonly group: string;
  readonly messageModel: MessageModel;
  readonly consumeFrom: ConsumeFrom;
  readonly queueMessagesMax: number;
  readonly queueBytesMax: number;
  readonly pullMessagesMax: number;
  readonly commitPeriodMs: number;
  readonly rebalancePeriodMs: number;
  readonly offsetStore: OffsetStore | null;
};

/** What the parts of a consumer share. */
export type Member = {
  readonly core: ClientCore;
  readonly settings: ConsumerSettings;
  /** By topic. */
  readonly subscriptions: ReadonlyMap<string, SubscriptionData>;
};

export function consumerSettings(options: ConsumerOptions): ConsumerSettings {
  const fault = groupNameFault(options.group);
  if (fault !== null) throw new ClientError('MQ_CLIENT_ARGUMENT', fault);
  const settings = {
    group: options.group,
    messageModel: options.messageModel ?? 'clustering',
    consumeFrom: options.consumeFrom ?? 'last',
    queueMessagesMax: options.queueMessagesMax ?? 1000,
    queueBytesMax: options.queueBytesMax ?? 16 * 1024 * 1024,
    pullMessagesMax: options.pullMessagesMax ?? 32,
    commitPeriodMs: options.commitPeriodMs ?? 5_000,
    rebalancePeriodMs: options.rebalancePeriodMs ?? 20_000,
    offsetStore: options.offsetStore ?? null,
  } as const;
  for (const [name, max] of [
    ['queueMessagesMax', 1_000_000],
    ['queueBytesMax', 2 ** 31],
    ['pullMessagesMax', 1024],
    ['commitPeriodMs', 3_600_000],
    ['rebalancePeriodMs', 3_600_000],
  ] as const) {
    const value = settings[name];
    if (!Number.isInteger(value) || value < 1 || value > max)
      throw new ClientError('MQ_CLIENT_ARGUMENT', `${name} is ${value}; 1 to ${max} are allowed`);
  }
  return settings;
}

/** The subscription that a selector means. @param subVersion milliseconds; a later one replaces an earlier one at the broker. */
export function subscriptionOf(topic: string, selector: Selector, subVersion: number): SubscriptionData {
  const fault = topicNameFault(topic);
  if (fault !== null) throw new ClientError('MQ_CLIENT_ARGUMENT', fault);
  const { sql, plugin, tags } = selector;
  const ways = Object.entries({ tags, sql, plugin }).flatMap(([way, wish]) => (wish === undefined ? [] : [way]));
  if (ways.length > 1)
    throw new ClientError('MQ_CLIENT_ARGUMENT', `Topic ${topic} is chosen by ${ways.join(' and by ')}; give one of them`);
  const expression = sql ?? plugin;
  if (expression !== undefined) {
    const expressionType = sql === undefined ? EXPRESSION_PLUGIN : EXPRESSION_SQL92;
    return { topic, subString: expression, tagsSet: [], codeSet: [], subVersion, expressionType, classFilterMode: false };
  }
  try {
    return tagSubscription(topic, typeof tags === 'string' ? tags : (tags ?? ['*']).join(' || '), subVersion);
  } catch (cause) {
    if (!(cause instanceof MessageTextError)) throw cause;
    throw new ClientError('MQ_CLIENT_ARGUMENT', cause.message, { cause });
  }
}

/** RocketMQ's word for where a group begins. */
export function consumeFromWhere(from: ConsumeFrom): string {
  if (from === 'first') return CONSUME_FROM_FIRST_OFFSET;
  return from === 'last' ? CONSUME_FROM_LAST_OFFSET : CONSUME_FROM_TIMESTAMP;
}

/** RocketMQ's word for the model. */
export function modelWord(model: MessageModel): string {
  return model === 'clustering' ? CLUSTERING : BROADCASTING;
}
