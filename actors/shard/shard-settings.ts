/**
 * What of a shard follows its settings: the limits and rules that its parts read, and the actors that have to be told. Owns nothing;
 * a change counts as made when the actors told have answered, or after the time in which one that is restarted has it anyway.
 */
import type { ThreadContext } from '../../runtime/thread/thread-context.ts';
import { REGISTRATION_PATH, TOPIC_REGISTRY_PATH } from '../broker/actor-paths.ts';
import type { BrokerConfig } from '../broker/broker-config.ts';
import type { GroupLimits } from '../consumer-group/group-limits.ts';
import type { AssignmentLimits } from '../gateway/handlers/consumer-group/query-assignment.ts';
import type { PullLimits } from '../gateway/pull-terms.ts';
import type { SendLimits } from '../gateway/send-path.ts';
import type { PopLimits } from '../pop/pop-surroundings.ts';
import type { NameServersChanged, PeriodChanged } from '../registration/registration-actor.ts';
import { type LiveConfig, settingsAs } from '../settings/live-config.ts';
import type { TopicReply, TopicSettingsChanged, TopicsRegistered } from '../topic/topic-registry-actor.ts';
import { DEFAULT_TOPIC_SETTINGS, type TopicSettings } from '../topic/topic-rules.ts';
import { follow } from './follow.ts';

/** What a record has beside its body at most: a record never spans segments, and its lane holds several. */
const RECORD_EXTRA_BYTES = 48 * 1024;

/** The rules of topics; what changes while the broker runs is read at each use. */
export function topicSettings(live: LiveConfig, pluginFault: TopicSettings['pluginFault']): TopicSettings {
  const { config } = live;
  return {
    ...DEFAULT_TOPIC_SETTINGS,
    pluginFault,
    brokerName: config.brokerName,
    clusterName: config.brokerClusterName,
    regionId: config.regionId,
    traceTopicEnable: config.traceTopicEnable,
    traceTopicName: config.traceTopic,
    delayLevels: config.delayLevelsMs.length,
    get autoCreateTopicEnable() {
      return live.config.autoCreateTopicEnable;
    },
    get defaultTopicQueueNums() {
      return live.config.defaultTopicQueues;
    },
    get topicsMax() {
      return live.config.topicsMax;
    },
    get queuesMax() {
      return live.config.queuesPerTopicMax;
    },
  };
}

/** The limits of groups, read at each use. */
export function groupLimits(live: LiveConfig): GroupLimits {
  return settingsAs<GroupLimits>(live, {
    groupsMax: 'groupsMax',
    membersMax: 'membersPerGroupMax',
    memberExpiryMs: 'clientExpiryMs',
    offsetSaveMs: 'offsetSaveEveryMs',
    notifyMembers: 'notifyMembers',
  });
}

/** To be put into the send path's own limits at each change. */
export function sendLimits(config: BrokerConfig): SendLimits {
  return {
    bodyBytesMax: Math.min(config.maxMessageBytes, config.commitLogSegmentBytes - RECORD_EXTRA_BYTES),
    autoCreate: config.autoCreateTopicEnable,
    laneWaitMs: config.laneWaitMs,
    areHalvesRefused: config.rejectTransactionMessage,
  };
}

/** To be put into the pull path's own limits at each change. */
export function pullLimits(config: BrokerConfig): PullLimits {
  return {
    bytesMax: config.pullBytesMax,
    longPolling: config.longPollingEnable,
    shortPollingMs: config.shortPollingMs,
    propertyFilter: config.propertyFilterEnable,
  };
}

/** How queues are assigned, read at each use. */
export function assignmentLimits(live: LiveConfig): AssignmentLimits {
  return settingsAs<AssignmentLimits>(live, { mode: 'requestMode', shareQueues: 'popShareQueues', isBalanced: 'serverLoadBalancerEnable' });
}

/** To be put into the pop actors' own limits at each change. */
export function popLimits(config: BrokerConfig): PopLimits {
  return { inflightMax: config.popInflightMax, heldMax: config.popHeldMax, retryV2: config.popRetryTopicV2Enable };
}

/** The first shard has the actors that own topics and registrations. */
export function followOnOwners(thread: ThreadContext, live: LiveConfig): void {
  live.onChange((next, previous, wait) => {
    const tell = (announce: boolean): void =>
      follow<TopicReply, TopicSettingsChanged>(thread, TOPIC_REGISTRY_PATH, { kind: 'topic-settings-changed', announce }, wait);
    if (next.autoCreateTopicEnable !== previous.autoCreateTopicEnable || next.defaultTopicQueues !== previous.defaultTopicQueues)
      tell(false);
    if (next.permission !== previous.permission || next.advertisedListeners !== previous.advertisedListeners) tell(true);
    const nameServers = next.registerAddresses.join(';');
    if (nameServers !== previous.registerAddresses.join(';')) {
      const addresses = [...next.registerAddresses];
      follow<TopicsRegistered, NameServersChanged>(thread, REGISTRATION_PATH, { kind: 'name-servers-changed', addresses }, wait);
    }
    if (next.registerEveryMs !== previous.registerEveryMs)
      thread.ref<PeriodChanged>(REGISTRATION_PATH).tell({ kind: 'period-changed', periodMs: next.registerEveryMs });
  });
}
