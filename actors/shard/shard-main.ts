/**
 * A shard: an event-loop thread that owns sockets, hosts the actors that placement gives it, and holds the log lane of what its
 * connections send. It waits for the root's word that the store is open (`serve`), then assembles its parts and listens.
 * When it dies its connections drop; its lane is drained by the log worker, and its actors come back from shared memory, the
 * tables and the other threads.
 */

import { join } from 'node:path';
import { END_TRANSACTION } from '../../protocol/remoting/request-code.ts';
import { SendResponseWriter } from '../../protocol/remoting/response-writer.ts';
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
import { ARRIVED_RECORD } from '../commit-log/arrival-notices.ts';
import { InnerAppend } from '../commit-log/inner-append.ts';
import { LaneReader } from '../commit-log/lane-reader.ts';
import { LaneProducer } from '../commit-log/log-lane.ts';
import { FLUSHED_END, Watermarks, WRITTEN_END } from '../commit-log/watermarks.ts';
import { createGroupHandlers } from '../consumer-group/group-handlers.ts';
import { startGroups } from '../consumer-group/start-groups.ts';
import { openGuestDoor } from '../embedded/guest-door.ts';
import { startPlugins } from '../filter/plugin-table-actor.ts';
import { hostBytes, hostOfBytes, type Listen, listen } from '../gateway/client-connection.ts';
import { EndPath } from '../gateway/end-path.ts';
import { PullPath } from '../gateway/pull-path.ts';
import { RecordWriter, UniqueKeys } from '../gateway/record-writer.ts';
import type { RemotingGateway } from '../gateway/remoting-gateway.ts';
import { EXPIRE_EVERY_MS, SendAnswers } from '../gateway/send-answers.ts';
import { SendPath } from '../gateway/send-path.ts';
import { UnusualSends } from '../gateway/unusual-sends.ts';
import { MessageDoor } from '../message/message-door.ts';
import { createMessageHandlers } from '../message/message-handlers.ts';
import { RecordSource } from '../message/record-source.ts';
import { KEY_VALUES_FILE, parseKeyValues } from '../name-server/key-value-actor.ts';
import { createPopHandlers } from '../pop/pop-handlers.ts';
import { startPop } from '../pop/start-pop.ts';
import { type Arrived, QueueActor } from '../queue/queue-actor.ts';
import { createQueueHandlers } from '../queue/queue-handlers.ts';
import { QueueTable } from '../queue/queue-table.ts';
import { startRegistration } from '../registration/start-registration.ts';
import type { LiveConfig } from '../settings/live-config.ts';
import { startSettings } from '../settings/settings-actor.ts';
import { createBrokerSettingsHandlers } from '../settings/settings-handlers.ts';
import { STORE_PATH } from '../store/store-messages.ts';
import { startTimer, startWheel } from '../timer/start-timer.ts';
import { timerLimits } from '../timer/timer-limits.ts';
import { WheelCounts } from '../timer/wheel-counts.ts';
import { startTopicRegistry, startTopicTable } from '../topic/start-topics.ts';
import { TOPIC_DROP_PATH, TopicDropActor } from '../topic/topic-drop-actor.ts';
import { createTopicHandlers } from '../topic/topic-handlers.ts';
import type { TopicTable } from '../topic/topic-table.ts';
import { parseTopicsFile, TOPICS_FILE } from '../topic/topics-json.ts';
import { startTransactions } from '../transaction/start-transaction.ts';
import { createTransactionHandlers } from '../transaction/transaction-handlers.ts';
import { newFigures, type TransactionFigures } from '../transaction/transaction-messages.ts';
import { ArrivalTable } from './arrival-table.ts';
import { FlushWatch } from './flush-watch.ts';
import { QueueHandleList } from './queue-handles.ts';
import { QUEUE_LIST_PATH } from './queue-list-actor.ts';
import { type KnownQueues, type SendsStopped, type ServedShard, ShardActor } from './shard-actor.ts';
import { SHARD_COUNTERS, type ShardCounter, ShardCounterBlock } from './shard-counters.ts';
import { type FrontThreadData, ShardFront } from './shard-front.ts';
import { assignmentLimits, followOnOwners, groupLimits, popLimits, pullLimits, sendLimits, topicSettings } from './shard-settings.ts';

export type ShardThreadData = FrontThreadData & { readonly memory: BrokerMemory };

/** A shard takes over when its log lane is drained; sends that nobody answers after so long are. */
const SEND_LIMIT_SLACK_MS = 1_000;

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
  #lane: LaneProducer | null = null;
  #send: SendPath | null = null;
  #append: InnerAppend | null = null;
  #answers: SendAnswers | null = null;
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
    this.#addBroker(data.memory, data.shards, known);
    thread.onStop(() => this.#stop());
  }

  /** A metadata table as it was saved last, or as much of it as can be read; null: there is none. */
  #loadTable(name: string): unknown {
    const loaded = loadTable(this.#world.disk, join(storeLayout(this.#config.storePath).config, name));
    for (const problem of loaded.problems) this.#thread.log('warn', 'A table was passed over', { name, problem });
    return loaded.value;
  }

  #addBroker(memory: BrokerMemory, shards: readonly string[], known: readonly KnownQueues[]): void {
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
    if (this.#index === 0) {
      const queueHandles = new QueueHandleList(
        table,
        [thread.ref('store'), thread.ref(QUEUE_LIST_PATH)],
        (delayMs, run) => {
          thread.schedule(delayMs, run);
        },
        () => thread.monotonicMs(),
      );
      for (const page of known) {
        for (const [i, handle] of page.handles.entries()) queueHandles.add(page.topics[i]!, page.queueIds[i]!, handle);
      }
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
      thread.spawn(TOPIC_DROP_PATH, () => new TopicDropActor((topic) => queueHandles.retire(topic)), { mailboxMax: 65_536 });
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

    const lane = new LaneProducer(memory.lanes[this.#index]!);
    const storeHost = hostBytes(config.advertisedHost, config.listenPort);
    const uniqueKeys = new UniqueKeys(storeHost, this.#world.processId, this.#index * 65_536 + thread.generation);
    const writer = new RecordWriter(lane, storeHost, config.regionId, config.brokerClusterName, uniqueKeys, () => thread.now());
    const limits = sendLimits(live.config);
    const append = new InnerAppend(lane, hostOfBytes(storeHost), () => thread.requestTurn());
    const expireAfter = (): number => live.config.syncFlushTimeoutMs + (syncFlush ? 0 : SEND_LIMIT_SLACK_MS);
    const responses = new SendResponseWriter(storeHost, config.regionId, true);
    const timers = timerLimits(live, expireAfter);
    const unusual = new UnusualSends({
      thread,
      append,
      topics,
      groups,
      writer: responses,
      uniqueKeys,
      region: config.regionId,
      cluster: config.brokerClusterName,
      delayLevels: config.delayLevelsMs.length,
      get rejectTransactionMessage() {
        return live.config.rejectTransactionMessage;
      },
      timers,
      brokerName: config.brokerName,
      get laneWaitMs() {
        return live.config.laneWaitMs;
      },
      get answerMs() {
        return expireAfter();
      },
    });
    const send = new SendPath({ thread, lane, writer, topics, limits, unusual });
    const answers = new SendAnswers({
      lane,
      marks,
      writer: responses,
      connections: gateway.connections,
      syncFlush,
      released: () => send.retryStalled(),
      inner: append,
    });
    this.#lane = lane;
    this.#send = send;
    this.#append = append;
    this.#answers = answers;
    thread.addSource(answers);
    const logThread = thread.threadIndex('log');
    thread.allowNaps(() => send.messages + append.messages);
    thread.addTurnEnd(() => {
      if (lane.publish()) thread.wake(logThread);
    });
    const expire = (): void => {
      answers.expire(thread.monotonicMs(), expireAfter());
      if (lane.pending > 0) thread.requestTurn();
      thread.schedule(lane.pending > 0 ? EXPIRE_EVERY_MS : 2 * EXPIRE_EVERY_MS, expire);
    };
    thread.schedule(EXPIRE_EVERY_MS, expire);

    const pullSelf = `${thread.name}/pull-path`;
    const pullsMost = pullLimits(live.config);
    const lanes = new LaneReader(memory.lanes, memory.runs, marks);
    const pull = new PullPath({
      thread,
      selfPath: pullSelf,
      topics,
      groups,
      table,
      lanes,
      slots: memory.readSlots[this.#index]!,
      limits: pullsMost,
      plugins,
      syncFlush,
    });
    thread.spawn(pullSelf, () => pull, { mailboxMax: 1 << 20 });
    groups.onRestricted = (group) => pull.restrict(group);
    groups.onRebound = (group) => pull.rebind(null, group);
    topics.onRebound = (topic) => pull.rebind(topic, null);
    const flushWatch = new FlushWatch(marks);
    thread.addSource(flushWatch);
    const arrivals = new ArrivalTable(table, thread.index);
    const surroundings = {
      table,
      marks,
      syncFlush,
      own: (handle: number, queue: ActorRef<Arrived>): void => arrivals.own(handle, queue),
      tellAfterFlush: (queue: ActorRef<Arrived>, seen: number): void => flushWatch.add(queue, seen),
    };
    thread.register('queue/', { create: () => new QueueActor(surroundings), mailboxMax: 131_072 });
    thread.onRecord(ARRIVED_RECORD, (_bytes, view, offset, length) => {
      for (let at = offset; at < offset + length; at += 4) arrivals.tell(view.getInt32(at));
    });
    gateway.serve(send, pull);
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
        return live.config.laneWaitMs;
      },
      get answerMs() {
        return expireAfter();
      },
      get refusal() {
        return send.refusal;
      },
    };
    const replies = {
      append,
      splitBody: (body: Uint8Array) => gateway.splitBody(body),
      storeHost: hostOfBytes(storeHost),
      region: config.regionId,
      get bodyBytesMax() {
        return limits.bodyBytesMax;
      },
      get laneWaitMs() {
        return live.config.laneWaitMs;
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
        pullLimits: pullsMost,
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
      transactions = startTransactions(thread, { ...around, storeHost: hostOfBytes(storeHost) });
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
    gateway.addHandlers(createPopHandlers({ ...door, ranges, limits: pullsMost, counters: popped, plugins }));
    gateway.addHandlers(createBrokerSettingsHandlers(thread));
    live.onChange((next) => {
      Object.assign(popsMost, popLimits(next));
      Object.assign(limits, sendLimits(next));
      Object.assign(pullsMost, pullLimits(next));
      topics.brokerPermission = Number(next.permission);
    });
    if (thread.threadsOf(GUEST_GROUP).length > 0) {
      openGuestDoor(thread, gateway, config.listenPort, { topics, groups, sendLimits: limits, pullLimits: pullsMost });
    }
    this.#count(memory, send, append, pull, popped, topics, groups, transactions);
  }

  #count(
    memory: BrokerMemory,
    send: SendPath,
    append: InnerAppend,
    pull: PullPath,
    popped: { readonly messagesOut: number; readonly bytesOut: number },
    topics: TopicTable,
    groups: { readonly size: number },
    transactions: TransactionFigures,
  ): void {
    const block = new ShardCounterBlock(memory.counters, this.#index);
    const gateway = this.#gateway;
    const lane = this.#lane!;
    const wheel = this.#timers;
    const sources: Record<ShardCounter, () => number> = {
      messagesIn: () => send.messages + append.messages,
      bytesIn: () => send.bytes + append.bytes,
      messagesOut: () => pull.counters.messagesOut + popped.messagesOut,
      bytesOut: () => pull.counters.bytesOut + popped.bytesOut,
      connections: () => gateway.counters.connections,
      requests: () => gateway.counters.requests,
      protocolErrors: () => gateway.counters.protocolErrors,
      slowClosed: () => gateway.counters.slowClosed,
      unfinishedClosed: () => gateway.input.closed,
      unsupported: () => gateway.counters.unsupported,
      handlerErrors: () => gateway.counters.handlerErrors,
      heldPulls: () => pull.held,
      pendingSends: () => lane.pending,
      coldPulls: () => pull.counters.coldPulls,
      pullsFound: () => pull.counters.pullsFound,
      pullsMissed: () => pull.counters.pullsMissed,
      laneFullRefusals: () => send.laneFullRefusals,
      topics: () => topics.size,
      groups: () => groups.size,
      timersPending: () => wheel.pending,
      timersFirstMs: () => wheel.firstMs,
      timersBehind: () => wheel.behind,
      timersParked: () => wheel.parked,
      timersDelivered: () => wheel.delivered,
      timersRecalled: () => wheel.recalled,
      halfMessages: () => transactions.pending,
      halfMessagesSince: () => transactions.oldestSince,
      transactionsCommitted: () => transactions.committed,
      transactionsRolledBack: () => transactions.rolledBack,
      transactionChecks: () => transactions.checks,
      transactionsGivenUp: () => transactions.givenUp,
    };
    const readers = SHARD_COUNTERS.map((name) => sources[name]);
    this.#thread.addTurnEnd(() => {
      for (let i = 0; i < readers.length; i++) block.set(i, readers[i]!());
    });
  }

  listen(): Promise<void> {
    return this.#front.listen();
  }

  /** @param reason empty: they are taken again */
  refuseSends(reason: string): void {
    this.#send?.refuseFor(reason);
    this.#append?.refuseFor(reason);
  }

  stopSends(reason: string, replyTo: ActorRef<SendsStopped>): void {
    this.#send?.refuseAll(reason);
    this.#append?.refuseAll(reason);
    const settle = (): void => {
      const pending = this.#lane?.pending ?? 0;
      if (pending > 0) {
        this.#thread.requestTurn();
        this.#thread.schedule(5, settle);
        return;
      }
      replyTo.tell({ kind: 'sends-stopped', pending });
      this.#thread.requestTurn();
    };
    settle();
  }

  async #stop(): Promise<void> {
    this.#answers?.poll();
    await this.#front.stop();
  }
}
