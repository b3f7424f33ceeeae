/**
 * Topics: the rules of their names, and the names that mean something to a broker. The two rules that refuse a name give the remark with
 * rule and value; a caller picks the response code. Source: RocketMQ 5.3 `TopicValidator`, `MixAll`, `NamespaceUtil`.
 */

/** A topic that clients create; also what a V1 record can hold. */
export const TOPIC_NAME_MAX = 127;
/** Retry and dead-letter topics, which carry a group's name. */
export const DERIVED_TOPIC_NAME_MAX = 255;

/** The default topic from which others are created on their first send. */
export const AUTO_CREATE_TOPIC = 'TBW102';
export const SCHEDULE_TOPIC = 'SCHEDULE_TOPIC_XXXX';
export const BENCHMARK_TOPIC = 'BenchmarkTest';
export const TRANS_HALF_TOPIC = 'RMQ_SYS_TRANS_HALF_TOPIC';
export const TRANS_OP_HALF_TOPIC = 'RMQ_SYS_TRANS_OP_HALF_TOPIC';
export const TRACE_TOPIC = 'RMQ_SYS_TRACE_TOPIC';
export const TRANS_CHECK_MAX_TIME_TOPIC = 'TRANS_CHECK_MAX_TIME_TOPIC';
export const SELF_TEST_TOPIC = 'SELF_TEST_TOPIC';
export const OFFSET_MOVED_EVENT_TOPIC = 'OFFSET_MOVED_EVENT';
export const TIMER_TOPIC = 'rmq_sys_wheel_timer';
export const SYSTEM_TOPIC_PREFIX = 'rmq_sys_';
export const RETRY_TOPIC_PREFIX = '%RETRY%';
export const DLQ_TOPIC_PREFIX = '%DLQ%';
export const REPLY_TOPIC_POSTFIX = 'REPLY_TOPIC';

/** Topics that belong to every broker, whatever its name and cluster. */
export const SYSTEM_TOPICS: ReadonlySet<string> = new Set([
  AUTO_CREATE_TOPIC,
  SCHEDULE_TOPIC,
  BENCHMARK_TOPIC,
  TRANS_HALF_TOPIC,
  TRACE_TOPIC,
  TRANS_OP_HALF_TOPIC,
  TRANS_CHECK_MAX_TIME_TOPIC,
  SELF_TEST_TOPIC,
  OFFSET_MOVED_EVENT_TOPIC,
  'CHECKPOINT_TOPIC',
]);

/** Topics that no client may send to (16). */
export const TOPICS_FORBIDDEN_FOR_SEND: ReadonlySet<string> = new Set([
  SCHEDULE_TOPIC,
  TRANS_HALF_TOPIC,
  TRANS_OP_HALF_TOPIC,
  TRANS_CHECK_MAX_TIME_TOPIC,
  SELF_TEST_TOPIC,
  OFFSET_MOVED_EVENT_TOPIC,
  // Java takes such a message, and its wheel goes no further then.
  TIMER_TOPIC,
]);

/** Java's rule, its odd `%|` included. */
const NAME = /^[%|a-zA-Z0-9_-]+$/;

export function isNameWellFormed(name: string): boolean {
  return NAME.test(name);
}

/** Why a client may not use this topic's name; null when it may. */
export function topicNameFault(topic: string): string | null {
  if (topic.trim() === '') return 'The specified topic is blank.';
  if (!NAME.test(topic)) return `The specified topic "${shown(topic)}" contains illegal characters, allowing only ^[%|a-zA-Z0-9_-]+$`;
  const max = isRetryTopic(topic) || isDlqTopic(topic) ? DERIVED_TOPIC_NAME_MAX : TOPIC_NAME_MAX;
  if (topic.length > max) return `The specified topic "${shown(topic)}" is longer than topic max length ${max}: ${topic.length}.`;
  return null;
}

export function isSystemTopic(topic: string): boolean {
  return SYSTEM_TOPICS.has(topic) || topic.startsWith(SYSTEM_TOPIC_PREFIX);
}

export function isRetryTopic(topic: string): boolean {
  return topic.startsWith(RETRY_TOPIC_PREFIX);
}

export function isDlqTopic(topic: string): boolean {
  return topic.startsWith(DLQ_TOPIC_PREFIX);
}

/** Where a group's messages that failed wait for their next attempt. */
export function retryTopic(group: string): string {
  return RETRY_TOPIC_PREFIX + group;
}

/** Where a group's messages go after their last attempt. */
export function dlqTopic(group: string): string {
  return DLQ_TOPIC_PREFIX + group;
}

/** The group of a retry or dead-letter topic; null for other topics. */
export function groupOfDerivedTopic(topic: string): string | null {
  if (isRetryTopic(topic)) return topic.slice(RETRY_TOPIC_PREFIX.length);
  return isDlqTopic(topic) ? topic.slice(DLQ_TOPIC_PREFIX.length) : null;
}

/** Where a cluster's replies to requests go. */
export function replyTopic(cluster: string): string {
  return `${cluster}_${REPLY_TOPIC_POSTFIX}`;
}

function shown(name: string): string {
  return name.length <= 64 ? name : `${name.slice(0, 64)}...`;
}
