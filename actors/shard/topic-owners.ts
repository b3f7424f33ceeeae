/**
 * What the first shard has beside its own parts for the broker's topics: who registers the broker, who owns the topics, who takes a deleted one's queues
 * away, who gives queues their handles. Only assembles. Each is made again from its table when the shard is replaced.
 */
import type { ThreadContext } from '../../runtime/thread/thread-context.ts';
import { REGISTRATION_PATH } from '../broker/actor-paths.ts';
import type { QueueTable } from '../queue/queue-table.ts';
import { startRegistration } from '../registration/start-registration.ts';
import type { LiveConfig } from '../settings/live-config.ts';
import { STORE_PATH } from '../store/store-messages.ts';
import { startTopicRegistry } from '../topic/start-topics.ts';
import { TOPIC_DROP_PATH, TopicDropActor } from '../topic/topic-drop-actor.ts';
import type { TopicSettings } from '../topic/topic-rules.ts';
import { parseTopicsFile, TOPICS_FILE } from '../topic/topics-json.ts';
import { QueueHandleList } from './queue-handles.ts';
import { QUEUE_LIST_PATH } from './queue-list-actor.ts';
import type { KnownQueues } from './shard-actor.ts';
import { followOnOwners } from './shard-settings.ts';

const DROPS_MAX = 65_536;

export function startTopicOwners({
  thread,
  live,
  table,
  known,
  settings,
  shards,
  load,
}: {
  readonly thread: ThreadContext;
  readonly live: LiveConfig;
  readonly table: QueueTable;
  /** Queues that the store has. */
  readonly known: readonly KnownQueues[];
  readonly settings: TopicSettings;
  /** Names of all, in order. */
  readonly shards: readonly string[];
  /** Reads a metadata table as it was saved last; null: there is none. */
  readonly load: (name: string) => unknown;
}): void {
  const queueHandles = new QueueHandleList(
    table,
    [thread.ref(STORE_PATH), thread.ref(QUEUE_LIST_PATH)],
    (delayMs, run) => {
      thread.schedule(delayMs, run);
    },
    () => thread.monotonicMs(),
  );
  for (const page of known) {
    for (const [i, handle] of page.handles.entries()) queueHandles.add(page.topics[i]!, page.queueIds[i]!, handle);
  }
  const { config } = live;
  startRegistration(thread, {
    get nameServers() {
      return live.config.registerAddresses;
    },
    clusterName: config.brokerClusterName,
    brokerName: config.brokerName,
    brokerId: config.brokerId,
    brokerAddr: `${config.advertisedHost}:${config.listenPort}`,
    haServerAddr: `${config.advertisedHost}:${config.listenPort + 1}`,
    get permission() {
      return Number(live.config.permission);
    },
    get listeners() {
      return live.config.advertisedListeners;
    },
    get periodMs() {
      return live.config.registerEveryMs;
    },
  });
  thread.spawn(TOPIC_DROP_PATH, () => new TopicDropActor((topic) => queueHandles.retire(topic)), { mailboxMax: DROPS_MAX });
  startTopicRegistry(thread, {
    settings,
    queueHandles,
    load: () => {
      const value = load(TOPICS_FILE);
      return value === null ? null : parseTopicsFile(value);
    },
    shards,
    // Whatever the mode of the log: without its topic a message that the disk has cannot be read.
    sync: true,
    dropper: TOPIC_DROP_PATH,
    registration: REGISTRATION_PATH,
  });
  followOnOwners(thread, live);
}
