/**
 * Topic rules: who may have a topic, under what name, with how many queues and which permissions; and the topics that a
 * broker has from its start. Decisions only, over a table that is passed in: no clock, no file, no message. A refusal carries
 * the response code and a remark that names rule, value and remedy.
 * Source: RocketMQ `TopicConfigManager`, `TopicValidator`, `AdminBrokerProcessor.updateAndCreateTopic`, `AttributeUtil`.
 */
import { isPermissionValid, PERM_INHERIT, PERM_READ_WRITE } from '../../model/permission.ts';
import {
  AUTO_CREATE_TOPIC,
  BENCHMARK_TOPIC,
  isSystemTopic as isBuiltInTopic,
  isRetryTopic,
  OFFSET_MOVED_EVENT_TOPIC,
  replyTopic,
  SCHEDULE_TOPIC,
  SELF_TEST_TOPIC,
  SYSTEM_TOPIC_PREFIX,
  SYSTEM_TOPICS,
  TIMER_TOPIC,
  TRACE_TOPIC,
  TRANS_CHECK_MAX_TIME_TOPIC,
  TRANS_HALF_TOPIC,
  TRANS_OP_HALF_TOPIC,
  topicNameFault,
} from '../../model/topic.ts';
import { INVALID_PARAMETER, SYSTEM_ERROR, TOPIC_NOT_EXIST } from '../../protocol/remoting/response-code.ts';
import { PLUGIN_ATTRIBUTE, pluginNameFault } from '../filter/plugin-binding.ts';
import type { TopicConfig, TopicFilterType } from './topic-config.ts';
import { plainTopic, queueCount, sameConfig } from './topic-config.ts';

/** What the broker's configuration says about topics. */
export type TopicSettings = {
  readonly brokerName: string;
  readonly clusterName: string;
  readonly regionId: string;
  readonly autoCreateTopicEnable: boolean;
  readonly clusterTopicEnable: boolean;
  readonly brokerTopicEnable: boolean;
  readonly traceTopicEnable: boolean;
  readonly traceTopicName: string;
  /** Queues of the default topic, the most that an auto-created topic gets. */
  readonly defaultTopicQueueNums: number;
  readonly delayLevels: number;
  readonly reviveQueueNum: number;
  readonly enableMixedMessageType: boolean;
  /** Topics that may exist, system and retry topics included. */
  readonly topicsMax: number;
  /** Queues that a topic may have, for reading and for writing. */
  readonly queuesMax: number;
  /** Null when a topic may be bound to this filter plugin, else why not. */
  readonly pluginFault: (name: string) => string | null;
};

export const DEFAULT_TOPIC_SETTINGS: TopicSettings = {
  brokerName: 'broker-a',
  clusterName: 'DefaultCluster',
  regionId: 'DefaultRegion',
  autoCreateTopicEnable: true,
  clusterTopicEnable: true,
  brokerTopicEnable: true,
  traceTopicEnable: false,
  traceTopicName: TRACE_TOPIC,
  defaultTopicQueueNums: 8,
  delayLevels: 18,
  reviveQueueNum: 8,
  enableMixedMessageType: false,
  topicsMax: 50_000,
  queuesMax: 4096,
  pluginFault: pluginNameFault,
};

export type Refusal = { readonly code: number; readonly remark: string };
export type TopicDecision =
  | { readonly kind: 'unchanged' }
  | { readonly kind: 'put'; readonly config: TopicConfig }
  | ({ readonly kind: 'refuse' } & Refusal);

/** What a decision looks at: the topics that are there or being made. */
export interface TopicLookup {
  get(name: string): TopicConfig | undefined;
  readonly size: number;
}

const FAQ = '\nSee https://rocketmq.apache.org/docs/bestPractice/06FAQ for further details.';

/** The topics that a broker makes at its start when its table lacks them. */
export function systemTopics(settings: TopicSettings): TopicConfig[] {
  const { clusterName, brokerName } = settings;
  const readWrite = PERM_READ_WRITE;
  const topics: TopicConfig[] = [
    plainTopic(SELF_TEST_TOPIC, 1),
    plainTopic(BENCHMARK_TOPIC, 1024),
    plainTopic(clusterName, 16, settings.clusterTopicEnable ? readWrite | PERM_INHERIT : PERM_INHERIT),
    plainTopic(brokerName, 1, settings.brokerTopicEnable ? readWrite | PERM_INHERIT : PERM_INHERIT),
    plainTopic(OFFSET_MOVED_EVENT_TOPIC, 1),
    plainTopic(SCHEDULE_TOPIC, settings.delayLevels),
    plainTopic(replyTopic(clusterName), 1),
    plainTopic(TRANS_HALF_TOPIC, 1),
    plainTopic(TRANS_OP_HALF_TOPIC, 1),
    plainTopic(TRANS_CHECK_MAX_TIME_TOPIC, 1),
    plainTopic(TIMER_TOPIC, 1),
    plainTopic(`${SYSTEM_TOPIC_PREFIX}REVIVE_LOG_${clusterName}`, settings.reviveQueueNum),
    plainTopic(`${SYSTEM_TOPIC_PREFIX}SYNC_BROKER_MEMBER_${brokerName}`, 1, PERM_INHERIT),
  ];
  if (settings.autoCreateTopicEnable) {
    topics.unshift(plainTopic(AUTO_CREATE_TOPIC, settings.defaultTopicQueueNums, readWrite | PERM_INHERIT));
  }
  if (settings.traceTopicEnable) topics.push(plainTopic(settings.traceTopicName, 1));
  // A broker named as its cluster has one topic for both, the first.
  const seen = new Set<string>();
  return topics.filter((topic) => !seen.has(topic.topicName) && seen.add(topic.topicName) !== undefined);
}

/** What a start has to make: system topics that the table lacks, and a queue for each delay level. Queues with messages stay. */
export function lackingTopics(table: TopicLookup, settings: TopicSettings): TopicConfig[] {
  const lacking: TopicConfig[] = [];
  for (const topic of systemTopics(settings)) {
    const current = table.get(topic.topicName);
    if (current === undefined) lacking.push(topic);
    else if (topic.topicName === SCHEDULE_TOPIC && queueCount(current) < topic.readQueueNums) {
      lacking.push({ ...current, readQueueNums: topic.readQueueNums, writeQueueNums: topic.writeQueueNums });
    }
  }
  return lacking;
}

/** Names of the system topics, as request 305 lists them. */
export function systemTopicNames(settings: TopicSettings): string[] {
  const names = new Set<string>(SYSTEM_TOPICS);
  for (const topic of systemTopics(settings)) names.add(topic.topicName);
  return [...names];
}

/** Whether clients and tools may neither change nor delete the topic. */
export function isSystemTopic(name: string, settings: TopicSettings): boolean {
  return isBuiltInTopic(name) || name === settings.clusterName || name === settings.brokerName || name === replyTopic(settings.clusterName);
}

/** Null for a good topic name, else why it is none. */
export function nameRefusal(name: string): Refusal | null {
  const fault = topicNameFault(name);
  return fault === null ? null : refusal(INVALID_PARAMETER, fault);
}

export type CreateOnSend = {
  readonly topic: string;
  readonly defaultTopic: string;
  readonly queueNums: number;
  readonly topicSysFlag: number;
  readonly clientAddress: string;
};

/**
 * A send to a topic that does not exist: made in the image of the default topic when that may be inherited from, a retry topic
 * in any case. Refused with 29 (name), 17 (may not be made) or 1 (too many).
 */
export function decideCreateOnSend(table: TopicLookup, request: CreateOnSend, settings: TopicSettings): TopicDecision {
  const { topic } = request;
  if (table.get(topic) !== undefined) return { kind: 'unchanged' };
  const bad = nameRefusal(topic);
  if (bad !== null) return { kind: 'refuse', ...bad };
  const full = countRefusal(table, topic, settings);
  if (full !== null) return { kind: 'refuse', ...full };
  const parent = table.get(request.defaultTopic);
  const may = parent !== undefined && (parent.perm & PERM_INHERIT) !== 0;
  if (may && (request.defaultTopic !== AUTO_CREATE_TOPIC || settings.autoCreateTopicEnable)) {
    const queues = Math.max(1, Math.min(request.queueNums, parent.writeQueueNums, settings.queuesMax));
    const config: TopicConfig = {
      ...plainTopic(topic, queues, parent.perm & ~PERM_INHERIT),
      topicFilterType: parent.topicFilterType,
      topicSysFlag: request.topicSysFlag,
    };
    return { kind: 'put', config };
  }
  if (isRetryTopic(topic)) return { kind: 'put', config: { ...plainTopic(topic, 1), topicSysFlag: request.topicSysFlag } };
  return { kind: 'refuse', code: TOPIC_NOT_EXIST, remark: notCreated(topic, request.defaultTopic, parent, settings) };
}

function notCreated(topic: string, defaultTopic: string, parent: TopicConfig | undefined, settings: TopicSettings): string {
  const head = `topic[${topic}] not exist, apply first please!`;
  if (!settings.autoCreateTopicEnable) {
    return `${head} Topics are not made by a send (autoCreateTopicEnable=false): create it with mqadmin updateTopic.${FAQ}`;
  }
  if (parent === undefined) return `${head} The default topic ${quoted(defaultTopic)} that the send names does not exist either.${FAQ}`;
  return `${head} The default topic ${quoted(defaultTopic)} has perm ${parent.perm} without the inherit bit 1.${FAQ}`;
}

/** What request 17 asks for. */
export type UpdateTopic = {
  readonly topic: string;
  readonly readQueueNums: number;
  readonly writeQueueNums: number;
  readonly perm: number;
  readonly topicFilterType: TopicFilterType;
  readonly topicSysFlag: number;
  readonly order: boolean;
  /** `+key=value,-key`; empty: the attributes stay. */
  readonly attributes: string;
};

/** A topic made or changed by a tool. Refused with 29 (name, system topic, number out of range) or 1 (attributes, too many). */
export function decideUpdate(table: TopicLookup, request: UpdateTopic, settings: TopicSettings): TopicDecision {
  const { topic } = request;
  const bad = nameRefusal(topic) ?? systemRefusal(topic, settings) ?? rangeRefusal(request, settings);
  if (bad !== null) return { kind: 'refuse', ...bad };
  const current = table.get(topic);
  if (current === undefined) {
    const full = countRefusal(table, topic, settings);
    if (full !== null) return { kind: 'refuse', ...full };
  }
  const attributes = alterAttributes(current?.attributes ?? null, request.attributes, settings);
  if ('code' in attributes) return { kind: 'refuse', ...attributes };
  const config: TopicConfig = {
    topicName: topic,
    readQueueNums: request.readQueueNums,
    writeQueueNums: request.writeQueueNums,
    perm: request.perm,
    topicFilterType: request.topicFilterType,
    topicSysFlag: request.topicSysFlag,
    order: request.order,
    attributes: attributes.attributes,
  };
  return current !== undefined && sameConfig(current, config) ? { kind: 'unchanged' } : { kind: 'put', config };
}

/** A topic that a part of the broker needs: retry and dead-letter topics, and what recovery finds in the log alone. */
export function decideEnsure(table: TopicLookup, config: TopicConfig, settings: TopicSettings): TopicDecision {
  if (table.get(config.topicName) !== undefined) return { kind: 'unchanged' };
  // Only the broker makes retry topics with a plus in their name (enableRetryTopicV2).
  const name = isRetryTopic(config.topicName) ? config.topicName.replace('+', '_') : config.topicName;
  const bad = nameRefusal(name) ?? rangeRefusal(config, settings) ?? countRefusal(table, config.topicName, settings);
  return bad === null ? { kind: 'put', config } : { kind: 'refuse', ...bad };
}

/** Null when the topic may be deleted; deleting what is not there is no fault. */
export function deleteRefusal(topic: string, settings: TopicSettings): Refusal | null {
  if (topic.trim().length === 0) return refusal(INVALID_PARAMETER, 'The specified topic is blank.');
  return systemRefusal(topic, settings);
}

function systemRefusal(topic: string, settings: TopicSettings): Refusal | null {
  if (!isSystemTopic(topic, settings)) return null;
  return refusal(INVALID_PARAMETER, `The topic[${topic}] is conflict with system topic.`);
}

function rangeRefusal(
  config: { readonly readQueueNums: number; readonly writeQueueNums: number; readonly perm: number },
  settings: TopicSettings,
): Refusal | null {
  for (const key of ['readQueueNums', 'writeQueueNums'] as const) {
    const value = config[key];
    if (!Number.isInteger(value) || value < 0 || value > settings.queuesMax) {
      return refusal(INVALID_PARAMETER, `${key} must be between 0 and ${settings.queuesMax}, it is ${value}.`);
    }
  }
  if (config.readQueueNums === 0 && config.writeQueueNums === 0) {
    return refusal(INVALID_PARAMETER, 'A topic needs a queue: readQueueNums and writeQueueNums are both 0.');
  }
  if (!isPermissionValid(config.perm)) {
    return refusal(INVALID_PARAMETER, `perm must be between 0 and 15 (4 read, 2 write, 1 inherit), it is ${config.perm}.`);
  }
  return null;
}

function countRefusal(table: TopicLookup, topic: string, settings: TopicSettings): Refusal | null {
  if (table.size < settings.topicsMax) return null;
  return refusal(
    SYSTEM_ERROR,
    `Cannot create topic ${quoted(topic)}: the broker has ${table.size} topics, the limit is ${settings.topicsMax}. Delete topics that are not used.`,
  );
}

const ATTRIBUTE_TEXT_MAX = 4096;

/** Attributes that are known, with their values; null: any integer from −1 up; `plugin`: what the settings say. */
const ATTRIBUTES: ReadonlyMap<string, readonly string[] | 'plugin' | null> = new Map<string, readonly string[] | 'plugin' | null>([
  ['message.type', ['NORMAL', 'FIFO', 'DELAY', 'TRANSACTION', 'MIXED', 'UNSPECIFIED']],
  ['queue.type', ['SimpleCQ']],
  ['cleanup.policy', ['DELETE']],
  ['reserve.time', null],
  [PLUGIN_ATTRIBUTE, 'plugin'],
]);
/** What is fixed with a topic's creation. */
const UNCHANGEABLE: ReadonlySet<string> = new Set(['queue.type', 'cleanup.policy']);

/** Applies `+key=value,-key` to the attributes of an existing topic, or to none (`current` null) for a new one. */
export function alterAttributes(
  current: Readonly<Record<string, string>> | null,
  text: string,
  settings: TopicSettings,
): { readonly attributes: Record<string, string> } | Refusal {
  const attributes = new Map<string, string>(Object.entries(current ?? {}));
  if (text.length === 0) return { attributes: Object.fromEntries(attributes) };
  if (text.length > ATTRIBUTE_TEXT_MAX) {
    return refusal(SYSTEM_ERROR, `attributes has ${text.length} characters, the limit is ${ATTRIBUTE_TEXT_MAX}.`);
  }
  const seen = new Set<string>();
  for (const item of text.split(',')) {
    const equals = item.indexOf('=');
    const sign = item.charAt(0);
    const key = item.slice(1, equals < 0 ? undefined : equals);
    const value = equals < 0 ? '' : item.slice(equals + 1);
    if (equals >= 0 && sign !== '+') return wrong(`add/alter attribute format is wrong: ${quoted(item)}, write +key=value`);
    if (equals < 0 && sign !== '-') return wrong(`delete attribute format is wrong: ${quoted(item)}, write -key`);
    if (seen.has(key)) return wrong(`key duplication: ${quoted(key)}`);
    seen.add(key);
    const values = ATTRIBUTES.get(key);
    if (values === undefined) return wrong(`unsupported key: ${quoted(key)}, known are ${[...ATTRIBUTES.keys()].join(', ')}`);
    if (current !== null && UNCHANGEABLE.has(key)) return wrong(`attempt to update an unchangeable attribute. key: ${key}`);
    if (sign === '-') {
      if (current === null) return wrong(`only add attribute is supported while creating topic. key: ${key}`);
      if (!attributes.delete(key)) return wrong(`attempt to delete a nonexistent key: ${key}`);
      continue;
    }
    if (values === 'plugin') {
      const fault = settings.pluginFault(value);
      if (fault !== null) return wrong(`value ${quoted(value)} of ${key} cannot stand: ${fault}`);
      attributes.set(key, value);
      continue;
    }
    const valid = values === null ? /^(-1|\d{1,18})$/.test(value) : values.includes(value);
    if (!valid)
      return wrong(`value ${quoted(value)} of ${key} is not one of ${values === null ? 'the integers from -1 on' : values.join(', ')}`);
    if (key === 'message.type' && value === 'MIXED' && !settings.enableMixedMessageType) {
      return wrong('MIXED message type is not supported. (enableMixedMessageType=false)');
    }
    attributes.set(key, value);
  }
  return { attributes: Object.fromEntries(attributes) };
}

function wrong(remark: string): Refusal {
  return refusal(SYSTEM_ERROR, remark);
}

function refusal(code: number, remark: string): Refusal {
  return { code, remark };
}

/** Foreign text in a remark: short and without control characters, for remarks land in logs. */
function quoted(text: string): string {
  return JSON.stringify(text.length > 64 ? `${text.slice(0, 64)}…` : text);
}
