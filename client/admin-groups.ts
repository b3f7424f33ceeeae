/**
 * Consumer groups, as an administrator sees them: their settings, their members, how far they are, and their offsets set.
 * Source: RocketMQ 5.3 `DefaultMQAdminExtImpl`, tools `ConsumerProgressSubCommand`, `UpdateSubGroupSubCommand`.
 */
import { GROUP_NAME_CREATE_MAX, groupNameFault } from '../model/group.ts';
import type { MessageQueue } from '../model/queue-id.ts';
import { retryTopic } from '../model/topic.ts';
import { type ConsumeOffset, decodeConsumeStats } from '../protocol/remoting/bodies/consume-stats.ts';
import { type ConsumerConnection, decodeConsumerConnection } from '../protocol/remoting/bodies/consumer-connection.ts';
import {
  decodeSubscriptionGroupTable,
  encodeSubscriptionGroupConfig,
  type SubscriptionGroupConfig,
} from '../protocol/remoting/bodies/subscription-group-config.ts';
import {
  DELETE_SUBSCRIPTIONGROUP,
  GET_ALL_SUBSCRIPTIONGROUP_CONFIG,
  GET_CONSUME_STATS,
  GET_CONSUMER_CONNECTION_LIST,
  QUERY_CONSUMER_OFFSET,
  UPDATE_AND_CREATE_SUBSCRIPTIONGROUP,
  UPDATE_CONSUMER_OFFSET,
} from '../protocol/remoting/request-code.ts';
import { encodeDeleteSubscriptiongroupRequest } from '../protocol/remoting/requests/delete-subscriptiongroup.ts';
import { encodeGetConsumeStatsRequest } from '../protocol/remoting/requests/get-consume-stats.ts';
import { encodeGetConsumerConnectionListRequest } from '../protocol/remoting/requests/get-consumer-connection-list.ts';
import {
  decodeQueryConsumerOffsetResponse,
  encodeQueryConsumerOffsetRequest,
} from '../protocol/remoting/requests/query-consumer-offset.ts';
import { encodeUpdateConsumerOffsetRequest } from '../protocol/remoting/requests/update-consumer-offset.ts';
import { CONSUMER_NOT_ONLINE, QUERY_NOT_FOUND } from '../protocol/remoting/response-code.ts';
import { type AdminCalls, type BrokerChoice, CHANGE_TIMEOUT_MS } from './admin-calls.ts';
import { expectSuccess, readAnswer } from './answers.ts';
import { ClientError } from './errors.ts';

/** A group to make or to change; what is not given has RocketMQ's defaults. */
export type GroupSettings = Partial<Omit<SubscriptionGroupConfig, 'groupName'>> & {
  /** Where: all masters if not given. */
  readonly on?: BrokerChoice;
};

/** How far a group is in one queue. `lag` counts messages. */
export type QueueLag = ConsumeOffset & { readonly queue: MessageQueue; readonly lag: number };

const DEFAULTS: Omit<SubscriptionGroupConfig, 'groupName'> = {
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
};

export class GroupAdmin {
  readonly #calls: AdminCalls;

  constructor(calls: AdminCalls) {
    this.#calls = calls;
  }

  /** The groups of one broker with their settings. */
  async configs(address: string): Promise<SubscriptionGroupConfig[]> {
    const request = { code: GET_ALL_SUBSCRIPTIONGROUP_CONFIG };
    const table = await this.#calls.read(address, 'the list of groups', request, (answer) => decodeSubscriptionGroupTable(answer.body));
    return [...table.groups.values()].sort((a, b) => (a.groupName < b.groupName ? -1 : 1));
  }

  /** The names of all groups on all masters, sorted. */
  async list(): Promise<string[]> {
    const names = new Set<string>();
    for (const { address } of await this.#calls.masters()) {
      for (const { groupName } of await this.configs(address)) names.add(groupName);
    }
    return [...names].sort();
  }

  /** Makes a group, or changes it: what is not given gets its default, as with RocketMQ's own tools. */
  async create(group: string, settings: GroupSettings = {}): Promise<void> {
    const fault = groupNameFault(group, GROUP_NAME_CREATE_MAX);
    if (fault !== null) throw new ClientError('MQ_CLIENT_ARGUMENT', fault);
    const { on, ...given } = settings;
    const body = encodeSubscriptionGroupConfig({ ...DEFAULTS, ...given, groupName: group });
    for (const { address } of await this.#calls.masters(on)) {
      await this.#calls.broker(address, `to make group ${group}`, { code: UPDATE_AND_CREATE_SUBSCRIPTIONGROUP, body }, CHANGE_TIMEOUT_MS);
    }
  }

  /** Deletes a group; its offsets too unless they are to be kept. */
  async delete(group: string, options: { readonly keepOffsets?: boolean; readonly on?: BrokerChoice } = {}): Promise<void> {
    const ext = encodeDeleteSubscriptiongroupRequest({ groupName: group, cleanOffset: options.keepOffsets !== true });
    for (const { address } of await this.#calls.masters(options.on)) {
      await this.#calls.broker(address, `to delete group ${group}`, { code: DELETE_SUBSCRIPTIONGROUP, ext }, CHANGE_TIMEOUT_MS);
    }
  }

  /** Members and subscriptions of a group at the first broker that has any; null when nobody is on line. */
  async connection(group: string): Promise<ConsumerConnection | null> {
    const what = `the members of group ${group}`;
    for (const { address } of await this.#groupMasters(group)) {
      const ext = encodeGetConsumerConnectionListRequest({ consumerGroup: group });
      const answer = await this.#calls.core.request(address, { code: GET_CONSUMER_CONNECTION_LIST, ext });
      if (answer.code === CONSUMER_NOT_ONLINE) continue;
      expectSuccess(what, address, answer);
      return readAnswer(what, address, answer.body, decodeConsumerConnection);
    }
    return null;
  }

  /** How far the group is, for every queue that it has consumed; of one topic when given. Sorted by topic, broker, queue. */
  async lag(group: string, topic: string | null = null): Promise<QueueLag[]> {
    const request = { code: GET_CONSUME_STATS, ext: encodeGetConsumeStatsRequest({ consumerGroup: group, topic, topicList: null }) };
    const all: QueueLag[] = [];
    for (const { address } of await this.#groupMasters(group)) {
      const stats = await this.#calls.read(address, `how far group ${group} is`, request, (answer) => decodeConsumeStats(answer.body));
      for (const [queue, offset] of stats.offsets) all.push({ ...offset, queue, lag: offset.brokerOffset - offset.consumerOffset });
    }
    const text = ({ queue }: QueueLag): string => `${queue.topic}\u0000${queue.brokerName}`;
    return all.sort((a, b) => (text(a) === text(b) ? a.queue.queueId - b.queue.queueId : text(a) < text(b) ? -1 : 1));
  }

  /** A group's committed offset; null when it has none. */
  async offset(group: string, queue: MessageQueue): Promise<number | null> {
    const what = `the offset of group ${group} in ${queue.topic}`;
    const address = await this.#calls.addressOf(queue.topic, queue.brokerName);
    const { topic, queueId } = queue;
    const ext = encodeQueryConsumerOffsetRequest({ consumerGroup: group, topic, queueId, setZeroIfNotFound: false });
    const answer = await this.#calls.core.request(address, { code: QUERY_CONSUMER_OFFSET, ext });
    if (answer.code === QUERY_NOT_FOUND) return null;
    expectSuccess(what, address, answer);
    return readAnswer(what, address, answer.ext, decodeQueryConsumerOffsetResponse).offset;
  }

  /** Sets a group's offset in one queue; members that are on line overwrite it with their own. */
  async setOffset(group: string, queue: MessageQueue, offset: number): Promise<void> {
    const address = await this.#calls.addressOf(queue.topic, queue.brokerName);
    const { topic, queueId } = queue;
    const ext = encodeUpdateConsumerOffsetRequest({ consumerGroup: group, topic, queueId, commitOffset: offset });
    await this.#calls.broker(address, `to set the offset of group ${group}`, { code: UPDATE_CONSUMER_OFFSET, ext });
  }

  /** The brokers of a group are those of its retry topic; all masters as long as it has none. */
  async #groupMasters(group: string): Promise<readonly { readonly address: string }[]> {
    const topic = retryTopic(group);
    if ((await this.#calls.core.routes.refresh(topic)) === null) return await this.#calls.masters();
    return await this.#calls.mastersOf(topic);
  }
}
