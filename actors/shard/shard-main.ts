/**
 * A shard: an event-loop thread that owns sockets, hosts the actors that placement gives it, and holds the log lane of what its
 * connections send. It waits for the root's word that the store is open (`serve`), then assembles its parts and listens.
 * When it dies its connections drop; its lane is drained by the log worker, and its actors come back from shared memory, the
 * tables and the other threads.
 */
import { join } from 'node:path';
import { END_TRANSACTION } from '../../protocol/remoting/request-code.ts';
import type { ActorRef } from '../../runtime/actor.ts';
import { GUEST_GROUP } from '../../runtime/thread/placement.ts';
import type { ThreadContext } from '../../runtime/thread/thread-context.ts';
import { loadTable } from '../../storage/json-table.ts';
import { storeLayout } from '../../storage/store-layout.ts';
import { REQUEST_MODES_PATH, RequestModesActor } from '../assignment/request-modes-actor.ts';
import { REQUEST_MODES_FILE } from '../assignment/request-modes-json.ts';
import { REGISTRATION_PATH, shardPath } from '../broker/actor-paths.ts';
import type { BrokerConfig } from '../broker/broker-config.ts';
import { type BrokerMemory, LANE_DESCRIPTORS } from '../broker/broker-memory.ts';
import { type ThreadWorld, thisWorld } from '../broker/broker-world.ts';
import { createBrokerHandlers } from '../broker-stats/broker-stats-handlers.ts';
import { startBrokerStats } from '../broker-stats/start-broker-stats.ts';
import { FLUSHED_END, Watermarks, WRITTEN_END } from '../commit-log/watermarks.ts';
import { createGroupHandlers } from '../consumer-group/group-handlers.ts';
import { startGroups } from '../consumer-group/start-groups.ts';
import { openGuestDoor } from '../embedded/guest-door.ts';
import { startPlugins } from '../filter/plugin-table-actor.ts';
import { hostOfBytes } from '../gateway/client-connection.ts';
import { type Listen, listen } from '../gateway/client-socket.ts';
import { EndPath } from '../gateway/end-path.ts';
import type { RemotingGateway } from '../gateway/remoting-gateway.ts';
import { MessageDoor } from '../message/message-door.ts';
import { createMessageHandlers } from '../message/message-handlers.ts';
import { RecordSource } from '../message/record-source.ts';
import { KEY_VALUES_FILE, parseKeyValues } from '../name-server/key-value-actor.ts';
import { createPopHandlers } from '../pop/pop-handlers.ts';
import { startPop } from '../pop/start-pop.ts';
import { createQueueHandlers } from '../queue/queue-handlers.ts';
import { QueueTable } from '../queue/queue-table.ts';
import type { LiveConfig } from '../settings/live-config.ts';
import { startSettings } from '../settings/settings-actor.ts';
import { createBrokerSettingsHandlers } from '../settings/settings-handlers.ts';
import { STORE_PATH } from '../store/store-messages.ts';
import { startTimer, startWheel } from '../timer/start-timer.ts';
import { WheelCounts } from '../timer/wheel-counts.ts';
import { startTopicTable } from '../topic/start-topics.ts';
import { createTopicHandlers } from '../topic/topic-handlers.ts';
import { startTransactions } from '../transaction/start-transaction.ts';
import { createTransactionHandlers } from '../transaction/transaction-handlers.ts';
import { newFigures } from '../transaction/transaction-messages.ts';
import { type KnownQueues, type SendsStopped, type ServedShard, ShardActor } from './shard-actor.ts';
import { ShardCounterBlock } from './shard-counters.ts';
import { showFigures } from './shard-figures.ts';
import { type FrontThreadData, ShardFront } from './shard-front.ts';
import { startPulls } from './shard-pulls.ts';
import { ShardSends } from './shard-sends.ts';
import { assignmentLimits, groupLimits, popLimits, topicSettings } from './shard-settings.ts';
import { startTopicOwners } from './topic-owners.ts';

export type ShardThreadData = FrontThreadData & { readonly memory: BrokerMemory };

/** A shard's world: it also has sockets. */
export type ShardWorld = ThreadWorld & { readonly listen: Listen };

export function main(thread: ThreadContext, data: ShardThreadData, world: ShardWorld = { ...thisWorld(), listen }): void {
  // A shard that was put together by half cannot be put together again beside its own parts: a failure is the thread's.
  const live = startSettings(thread, data.config);
  thread.spawn(shardPath(thread.name), () => new ShardActor(thread, (known) => new Shard(thread, data, live, known, world)), {
    intensity: 0,
  });
}

/** Messages of each topic that the store knows, before anything is sent. */
function messagesAtStart(known: readonly KnownQueues[], table: QueueTable): Map<string, number> {
  const messages = new Map<string, number>();
  for (const { topics, handles } of known) {
    for (const [i, topic] of topics.entries()) messages.set(topic, (messages.get(topic) ?? 0) + table.next(handles[i]!));
  }
  return messages;
}

class Shard implements ServedShard {
  readonly #thread: ThreadContext;
  readonly #config: BrokerConfig;
  readonly #live: LiveConfig;
  readonly #world: ShardWorld;
  readonly #front: ShardFront;
  readonly #gateway: RemotingGateway;
  readonly #index: number;
  readonly #sends: ShardSends;
  readonly #timers: WheelCounts = new WheelCounts();

  constructor(thread: ThreadContext, data: ShardThreadData, live: LiveConfig, known: readonly KnownQueues[], world: ShardWorld) {
    this.#thread = thread;
    this.#world = world;
    this.#config = data.config;
    this.#live = live;
    this.#index = data.shards.indexOf(thread.name);
    this.#front = new ShardFront(thread, data, live, world.listen, {
      registration: REGISTRATION_PATH,
      keyValues: { load: () => parseKeyValues(this.#loadTable(KEY_VALUES_FILE)), store: STORE_PATH },
    });
    this.#gateway = this.#front.gateway;
    this.#sends = this.#addBroker(data.memory, data.shards, known);
    thread.onStop(() => this.#stop());
  }

  /** A metadata table as it was saved last, or as much of it as can be read; null: there is none. */
  #loadTable(name: string): unknown {
    const loaded = loadTable(this.#world.disk, join(storeLayout(this.#config.storePath).config, name));
    for (const problem of loaded.problems) this.#thread.log('warn', 'A table was passed over', { name, problem });
    return loaded.value;
  }

  #addBroker(memory: BrokerMemory, shards: readonly string[], known: readonly KnownQueues[]): ShardSends {
    const thread = this.#thread;
    const config = this.#config;
    const gateway = this.#gateway;
    const marks = new Watermarks(memory.marks);
    const table = new QueueTable(memory.queues);
    const live = this.#live;
    const plugins = startPlugins(thread, this.#index, memory.plugins);
    const pluginFault = (name: string): string | null => plugins.bindingFault(name);
    const settings = topicSettings(live, pluginFault);
    const syncFlush = config.flushDiskType === 'SYNC_FLUSH';
    const load = (name: string): unknown => this.#loadTable(name);
    if (this.#index === 0) startTopicOwners({ thread, live, table, known, settings, shards, load });
    const topics = startTopicTable(thread, this.#index);
    topics.brokerPermission = Number(live.config.permission);
    const handleOf = (topic: string, queueId: number): number => topics.get(topic)?.queueHandles[queueId] ?? -1;
    const ranges = {
      handle: handleOf,
      minOffset: (topic: string, queueId: number): number => {
        const handle = handleOf(topic, queueId);
        return handle < 0 ? 0 : table.min(handle);
      },
      maxOffset: (topic: string, queueId: number): number => {
        const handle = handleOf(topic, queueId);
        return handle < 0 ? 0 : table.next(handle);
      },
    };
    const groups = startGroups(thread, {
      shards: shards.map((name, id) => ({ name, id })),
      ranges,
      topics,
      loadTable: load,
      get autoCreate() {
        return live.config.autoCreateGroupEnable;
      },
      limits: groupLimits(live),
      pluginFault,
      sync: syncFlush,
      store: 'store',
    });

    const parts = { thread, live, index: this.#index, memory, marks, topics, groups };
    const sends = new ShardSends({ ...parts, gateway, processId: this.#world.processId });
    const pulls = startPulls({ ...parts, table, plugins });
    const { append, timers } = sends;
    const { arrivals, lanes } = pulls;
    const storeHost = hostOfBytes(sends.storeHost);
    gateway.serve(sends.path, pulls.path);
    gateway.addHandlers(createTopicHandlers(thread, { topics, table, settings }));
    gateway.addHandlers(createQueueHandlers(thread, topics, groups));
    const sendsMax = LANE_DESCRIPTORS * memory.lanes.length;
    gateway.addHandlers(createBrokerHandlers(thread, { marks, commitLogPath: storeLayout(config.storePath).commitLog, sendsMax }));
    if (this.#index === 0) {
      const blocks = memory.lanes.map((_, producer) => new ShardCounterBlock(memory.counters, producer));
      startBrokerStats(thread, { clusterName: config.brokerClusterName, topics, table, blocks, bases: messagesAtStart(known, table) });
    }
    const messages = new MessageDoor(thread);
    const broker = { name: config.brokerName, address: `${config.advertisedHost}:${config.listenPort}` };
    const visibleEnd = (): number => marks.read(syncFlush ? FLUSHED_END : WRITTEN_END);
    const records = new RecordSource(lanes, messages, visibleEnd, config.commitLogSegmentBytes);
    const sendBack = {
      append,
      records,
      delayLevels: config.delayLevelsMs.length,
      get laneWaitMs() {
        return sends.laneWaitMs;
      },
      get answerMs() {
        return sends.answerMs;
      },
      get refusal() {
        return sends.refusal;
      },
    };
    const replies = {
      append,
      splitBody: (body: Uint8Array) => gateway.splitBody(body),
      storeHost,
      region: config.regionId,
      get bodyBytesMax() {
        return sends.limits.bodyBytesMax;
      },
      get laneWaitMs() {
        return sends.laneWaitMs;
      },
      get isStored() {
        return live.config.storeReplyEnable;
      },
    };
    const isResetHere = config.serverSideResetEnable;
    const routes = { thread, shards: config.nameServerEnable ? shards : [], addresses: () => live.config.registerAddresses };
    const assignment = assignmentLimits(live);
    if (this.#index === 0) {
      const modes = { load: () => load(REQUEST_MODES_FILE), sync: syncFlush };
      thread.spawn(REQUEST_MODES_PATH, () => new RequestModesActor(modes), { mailboxMax: 16_384 });
    }
    gateway.addHandlers(
      createGroupHandlers(thread, {
        groups,
        topics,
        ranges,
        broker,
        shards,
        isResetHere,
        sendBack,
        replies,
        pullLimits: pulls.limits,
        plugins,
        routes,
        assignment,
      }),
    );
    gateway.viewWith((physical, onMessage) => {
      const isAwaited = (): boolean => true;
      messages.viewOne(physical, isAwaited, (record) => onMessage(record === null || record.length === 0 ? null : record));
    });
    const recall = { append, topics, brokerName: config.brokerName, regionId: config.regionId, limits: timers };
    gateway.addHandlers(createMessageHandlers(thread, messages, recall));
    if (this.#index === 0) {
      const around = { config, topics, table, visibleEnd, append, records, arrivals, load };
      startTimer(thread, around);
      startWheel(thread, { ...around, rollAfterMs: () => timers.rollAfterMs, counts: this.#timers });
    }
    gateway.addHandlers(createTransactionHandlers(thread));
    const ends = new EndPath(thread);
    gateway.takeFrames(END_TRANSACTION, (bytes, start, end) => ends.frame(bytes, start, end));
    let transactions = newFigures();
    if (this.#index === 0) {
      const around = { live, topics, table, marks, visibleEnd, append, records, arrivals };
      transactions = startTransactions(thread, { ...around, storeHost });
    }
    const popsMost = popLimits(live.config);
    startPop(thread, {
      clusterName: config.brokerClusterName,
      topics,
      groups,
      table,
      append,
      records,
      visibleEnd,
      limits: popsMost,
      shards,
      sync: syncFlush,
      load,
    });
    const popped = { messagesOut: 0, bytesOut: 0 };
    const popDoor = `${thread.name}/pop-door`;
    const door = { thread, selfPath: popDoor, topics, groups, lanes, records, brokerName: config.brokerName };
    gateway.addHandlers(createPopHandlers({ ...door, ranges, limits: pulls.limits, counters: popped, plugins }));
    gateway.addHandlers(createBrokerSettingsHandlers(thread));
    live.onChange((next) => {
      Object.assign(popsMost, popLimits(next));
      topics.brokerPermission = Number(next.permission);
    });
    if (thread.threadsOf(GUEST_GROUP).length > 0) {
      openGuestDoor(thread, gateway, config.listenPort, { topics, groups, sendLimits: sends.limits, pullLimits: pulls.limits });
    }
    showFigures(thread, memory, this.#index, { gateway, sends, pulls, popped, topics, groups, timers: this.#timers, transactions });
    return sends;
  }

  listen(): Promise<void> {
    return this.#front.listen();
  }

  /** @param reason empty: they are taken again */
  refuseSends(reason: string): void {
    this.#sends.refuseFor(reason);
  }

  stopSends(reason: string, replyTo: ActorRef<SendsStopped>): void {
    this.#sends.stop(reason, replyTo);
  }

  async #stop(): Promise<void> {
    this.#sends.answerLast();
    await this.#front.stop();
  }
}
