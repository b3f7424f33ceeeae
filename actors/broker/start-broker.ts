/**
 * Starts a broker, a name server or both in this process: allocates the shared memory, starts the threads under their
 * supervisors (broker-threads.ts), opens the store, and lets the shards listen. Also their end: in order, or at once.
 * Source: RocketMQ 5.3 `BrokerStartup`, `BrokerController`.
 */
import type { ActorRef } from '../../runtime/actor.ts';
import { ActorSystem } from '../../runtime/actor-system.ts';
import { RuntimeError, toError } from '../../runtime/errors.ts';
import type { ThreadEvent } from '../../runtime/supervision/thread-spec.ts';
import { NodeDisk } from '../../storage/node-disk.ts';
import { Watermarks } from '../commit-log/watermarks.ts';
import type { PluginView } from '../filter/plugin-messages.ts';
import type { PluginsRunning } from '../filter/start-plugin-supervisor.ts';
import type { AwaitRegistered, Unregister, Unregistered } from '../registration/registration-actor.ts';
import { ConfigurationActor, type ConfigurationOptions } from '../settings/configuration-actor.ts';
import { readSettingsFile } from '../settings/settings-file.ts';
import { type ListedQueue, QUEUE_LIST_PATH, QueueListActor } from '../shard/queue-list-actor.ts';
import { SHARD_COUNTER_WORDS } from '../shard/shard-counters.ts';
import { StoreError } from '../store/errors.ts';
import { openStoreOf, STORE_PATH, type StoreCommand } from '../store/store-messages.ts';
import type { AwaitTopics, TopicsReady, TopicsRegistered } from '../topic/topic-registry-actor.ts';
import type { HalfMessagesListed, ListHalfMessages } from '../transaction/transaction-messages.ts';
import { CONFIGURATION_PATH, REGISTRATION_PATH, TOPIC_REGISTRY_PATH, TRANSACTION_PATH } from './actor-paths.ts';
import type { BrokerConfig } from './broker-config.ts';
import { allocateBrokerMemory, type BrokerMemory } from './broker-memory.ts';
import { brokerPlacement, brokerTree } from './broker-threads.ts';
import type { GroupMetricsCollector } from './group-metrics.ts';
import type { MetricsSnapshot } from './metrics-snapshot.ts';
import { MetricsSource, RING_BYTES } from './metrics-source.ts';
import type { BrokerFault, BrokerHooks, GuestInvitation, HalfMessagesPage, RunningBroker } from './running-broker.ts';
import { SERVE_MAX_MS, ServeShards } from './serve-shards.ts';

/** An actor that was restarted has forgotten who waits for it: so often it is asked again. Longer than name servers are waited for. */
const ASK_AGAIN_MS = 5_000;
/** A question that found no room is refused at once. */
const FULL_RING_MS = 10;
/** Of the time that a stop may take, what is left to the store for its last writes. */
const SENDS_SHARE = 0.3;
/** A stop does not wait longer for name servers to take routes back. */
const WITHDRAW_MAX_MS = 1_000;
const LIST_MAX_MS = 2_000;
/** The thread of a filter plugin may be in a loop that nothing ends. */
const PLUGINS_END_MS_MAX = 1_000;

export async function startBroker(config: BrokerConfig, hooks: BrokerHooks): Promise<RunningBroker> {
  const starting = new StartingBroker(config, hooks);
  await starting.start();
  return starting;
}

class StartingBroker implements RunningBroker {
  readonly addresses: RunningBroker['addresses'];
  readonly dataDir: string;
  /** As it is now: settings may change while the broker runs, and threads that are replaced begin with it. */
  #config: BrokerConfig;
  readonly #hooks: BrokerHooks;
  readonly #shards: readonly string[];
  readonly #memory: BrokerMemory | null;
  readonly #queues: ListedQueue[] = [];
  readonly #faultListeners: ((fault: BrokerFault) => void)[] = [];
  #fault: BrokerFault | null = null;
  /** Ends a start that is under way; afterwards without effect. */
  #failStart: (error: Error) => void = () => {};
  #system!: ActorSystem;
  #serving!: ServeShards;
  #metrics!: MetricsSource;
  #groups: GroupMetricsCollector | undefined;
  readonly #pluginViews: PluginView[] = [];
  #plugins: PluginsRunning | undefined;
  #isServing = false;
  #stopping: Promise<void> | null = null;

  constructor(config: BrokerConfig, hooks: BrokerHooks) {
    this.#config = config;
    this.#hooks = hooks;
    this.dataDir = config.storePath;
    const host = (name: string, port: number): string => `${name}:${port}`;
    this.addresses = {
      nameServer: config.nameServerEnable ? host(config.nameServerHost, config.nameServerPort) : null,
      broker: config.brokerEnable ? host(config.advertisedHost, config.listenPort) : null,
      vip: config.brokerEnable && config.vipPortEnable ? host(config.advertisedHost, config.listenPort - 2) : null,
    };
    this.#shards = Array.from({ length: config.shards }, (_, shard) => `shard-${shard}`);
    this.#memory = config.brokerEnable
      ? (hooks.world?.allocateMemory ?? allocateBrokerMemory)({
          shards: config.shards,
          guests: hooks.guests?.length ?? 0,
          laneBytes: config.logLaneBytes,
          queueMax: config.queuesMax,
          counterWords: SHARD_COUNTER_WORDS,
          // Plugins are files and threads of this machine: a simulated one has neither.
          plugins: hooks.world === undefined ? config.pluginsMax : 0,
        })
      : null;
  }

  /** Fails as soon as a thread ends or a part gives up: what it was asked would only be missed when its time is up. */
  async start(): Promise<void> {
    const failed = new Promise<never>((_, reject) => {
      this.#failStart = reject;
    });
    // It may come while nobody waits for it yet, or not any more.
    failed.catch(() => {});
    this.#system = ActorSystem.create({
      root: brokerTree({
        config: () => this.#config,
        memory: this.#memory,
        shards: this.#shards,
        ownsFlags: this.#hooks.ownsFlags === true,
        drainLane: (index) => (this.#memory === null ? Promise.resolve() : this.#serving.drainLane(index)),
      }),
      placement: brokerPlacement(this.#shards, this.#memory !== null),
      guests: this.#hooks.guests ?? [],
      ringBytes: this.#hooks.world?.ringBytes ?? RING_BYTES,
      onThreadEvent: (event) => this.#onThreadEvent(event),
      onEscalation: (error) => this.#onFault({ kind: 'escalation', error }),
      log: (level, text, fields) => this.#hooks.log(level, text, fields),
      ownsProcess: this.#hooks.ownsProcess ?? false,
      ...(this.#hooks.world === undefined ? {} : { machine: this.#hooks.world.machine }),
    });
    this.#serving = new ServeShards(this.#system, this.#shards, this.#queues);
    this.#metrics = new MetricsSource(this.#config, this.#system, this.#memory, this.#pluginViews, () => this.#health());
    // The store's thread opens it while others still start.
    const opened = this.#memory === null ? Promise.resolve() : this.#openStore(this.#memory);
    // It may fail before somebody waits for it.
    opened.catch(() => {});
    await this.#system.start();
    try {
      await Promise.race([failed, this.#becomeReady(opened)]);
    } catch (error) {
      this.#stopping ??= Promise.resolve();
      await this.#system.stop();
      await this.#plugins?.end();
      throw error;
    }
  }

  async #becomeReady(storeOpened: Promise<void>): Promise<void> {
    await storeOpened;
    this.#spawnConfiguration();
    if (this.#memory !== null && this.#memory.plugins.length > 0) await this.#startPlugins(this.#memory);
    this.#system.context.spawn(QUEUE_LIST_PATH, () => new QueueListActor(this.#queues), { mailboxMax: this.#config.queuesMax });
    await this.#hooks.serveAfter;
    // The first shard has what the others ask for: before it nobody would hear them.
    const [first, ...others] = this.#shards;
    await this.#serving.one(first!);
    await Promise.all(others.map((name) => this.#serving.one(name)));
    if (this.#memory !== null) await this.#awaitRoutes();
    this.#isServing = true;
  }

  #spawnConfiguration(): void {
    const threads = this.#memory === null ? this.#shards : [...this.#shards, 'sync', 'store'];
    const saved = this.#memory === null ? [] : readSettingsFile(this.#hooks.world?.disk ?? new NodeDisk(), this.#config.storePath).entries;
    const options: ConfigurationOptions = {
      saved,
      current: () => this.#config,
      changed: (next) => {
        this.#config = next;
        this.#hooks.settingsChanged?.(next);
      },
      threads,
      store: this.#memory === null ? null : STORE_PATH,
    };
    this.#system.context.spawn(CONFIGURATION_PATH, () => new ConfigurationActor(options));
  }

  async #startPlugins({ plugins: exchanges }: BrokerMemory): Promise<void> {
    // Not with the others: a broker without plugins has its root started before it is loaded.
    const { startPluginSupervisor } = await import('../filter/start-plugin-supervisor.ts');
    this.#plugins = startPluginSupervisor(this.#system.context, {
      config: this.#config,
      exchanges,
      views: this.#pluginViews,
      log: (level, text, fields) => this.#hooks.log(level, text, fields),
    });
  }

  async #openStore(memory: BrokerMemory): Promise<void> {
    const store: ActorRef<StoreCommand> = this.#system.ref(STORE_PATH);
    const opened = await openStoreOf((target, build, timeoutMs) => this.#system.ask(target, build, timeoutMs), store);
    for (const { topic, queueId, handle } of opened.queues) this.#queues.push({ topic, queueId, handle });
    const { recovered } = opened;
    if (!opened.wasClean && opened.writtenEnd > 0) {
      this.#hooks.log('info', 'The store was not closed in order; it has been recovered', {
        ...recovered,
        damaged: recovered.damaged.length,
      });
      if (recovered.cutOffsets > 0) {
        const places = { offsets: recovered.cutOffsets };
        this.#hooks.log('warn', 'Committed offsets of messages that are lost were set back to the ends of their queues', places);
      }
      for (const damage of recovered.damaged) this.#hooks.log('error', 'Damage in the commit log', { damage });
    }
    new Watermarks(memory.marks).open(opened.lastStoreTimestamp);
    this.#system.context.wake(this.#system.context.threadIndex('log'));
  }

  /** What is said to be ready has its topics, and routes at every name server that answers. */
  async #awaitRoutes(): Promise<void> {
    const topics: ActorRef<AwaitTopics> = this.#system.ref(TOPIC_REGISTRY_PATH);
    await this.#askUntil((timeoutMs) =>
      this.#system.ask<TopicsReady, AwaitTopics>(topics, (replyTo) => ({ kind: 'await-topics', replyTo }), timeoutMs),
    );
    if (this.#config.registerAddresses.length === 0) return;
    const registration: ActorRef<AwaitRegistered> = this.#system.ref(REGISTRATION_PATH);
    await this.#askUntil((timeoutMs) =>
      this.#system.ask<TopicsRegistered, AwaitRegistered>(registration, (replyTo) => ({ kind: 'await-registered', replyTo }), timeoutMs),
    );
  }

  /** For questions that may be asked again and again: fails as the last one does. */
  async #askUntil<R>(ask: (timeoutMs: number) => Promise<R>): Promise<R> {
    const context = this.#system.context;
    const until = context.monotonicMs() + SERVE_MAX_MS;
    for (;;) {
      try {
        return await ask(ASK_AGAIN_MS);
      } catch (error) {
        if (context.monotonicMs() >= until) throw error;
        this.#hooks.log('warn', 'The start waits for an answer and asks again', { error: toError(error).message });
        await this.#serving.pause(FULL_RING_MS);
      }
    }
  }

  #onThreadEvent(event: ThreadEvent): void {
    const { log } = this.#hooks;
    if (event.kind === 'died') {
      const { reason, error } = event.exit;
      log('error', 'A thread has ended', { thread: event.thread, reason, error: error?.message });
      const text = `The thread ${event.thread} ended while the broker started: ${error?.message ?? reason}`;
      this.#failStart(new RuntimeError('MQ_RUNTIME_THREAD_DIED', text, { thread: event.thread, reason }, error));
    } else if (event.kind === 'restarted') {
      log('warn', 'A thread was replaced', { thread: event.thread, tookMs: Math.round(event.tookMs) });
      if (this.#isServing && event.thread.startsWith('shard-')) this.#serveAgain(event.thread);
    } else if (event.kind === 'stuck-in-call') {
      this.#onFault({ kind: 'fence', error: new Error(`The thread ${event.thread} has been in a system call for ${event.callMs} ms`) });
    } else if (event.kind === 'report' && event.event === 'fence') {
      this.#onFault({ kind: 'fence', error: new Error(String(event.detail.error)) });
    } else if (event.kind === 'report') {
      log('warn', `The store reports: ${event.event}`, { thread: event.thread, ...event.detail });
    }
  }

  #serveAgain(name: string): void {
    const generation = this.#system.threadGeneration(name);
    this.#serving.one(name).catch((error: unknown) => {
      // A shard that died once more does not answer; its own successor is served for itself.
      if (this.#system.threadGeneration(name) !== generation) return;
      if (this.#stopping === null) this.#onFault({ kind: 'escalation', error: error instanceof Error ? error : new Error(String(error)) });
    });
  }

  #onFault(fault: BrokerFault): void {
    if (this.#fault !== null) return;
    this.#fault = fault;
    if (fault.kind === 'fence' && this.#memory !== null) new Watermarks(this.#memory.marks).fence();
    this.#failStart(fault.kind === 'fence' ? new StoreError('MQ_STORE_FENCED', fault.error.message, {}) : fault.error);
    for (const listener of this.#faultListeners) listener(fault);
  }

  onFault(run: (fault: BrokerFault) => void): void {
    if (this.#fault !== null) run(this.#fault);
    else this.#faultListeners.push(run);
  }

  #health(): string {
    if (this.#fault !== null) return this.#fault.error.message;
    if (this.#stopping !== null) return 'stopping';
    return this.#isServing ? '' : 'starting';
  }

  metrics(): ReturnType<RunningBroker['metrics']> {
    return this.#metrics.snapshot();
  }

  async groupMetrics(): Promise<MetricsSnapshot> {
    if (this.#memory === null || !this.#isServing || this.#stopping !== null) return this.metrics();
    if (this.#groups === undefined) {
      // Loaded when somebody looks: the root needs none of it before.
      const { GroupMetricsCollector } = await import('./group-metrics.ts');
      this.#groups ??= new GroupMetricsCollector({
        ask: (target, build, timeoutMs) => this.#system.ask(target, build, timeoutMs),
        ref: (path) => this.#system.ref(path),
        shard: this.#shards[0]!,
        now: () => this.#system.context.now(),
      });
    }
    const groups = await this.#groups.collect();
    return { ...this.metrics(), groups };
  }

  async halfMessages(from: number): Promise<HalfMessagesPage> {
    if (this.#memory === null || !this.#isServing) return { open: 0, next: -1, messages: [] };
    const target: ActorRef<ListHalfMessages> = this.#system.ref(TRANSACTION_PATH);
    const listed = await this.#system.ask<HalfMessagesListed, ListHalfMessages>(
      target,
      (replyTo) => ({ kind: 'list-half-messages', from, replyTo }),
      LIST_MAX_MS,
    );
    const now = this.#system.context.now();
    const messages = listed.offsets.map((queueOffset, index) => ({
      queueOffset,
      physicalOffset: listed.physicals[index]!,
      producerGroup: listed.groups[index]!,
      topic: listed.topics[index]!,
      uniqueKey: listed.ids[index]!,
      ageMs: Math.max(0, now - listed.since[index]!),
      checks: listed.checks[index]!,
    }));
    return { open: listed.pending, next: listed.next, messages };
  }

  stop(): Promise<void> {
    this.#stopping ??= this.#stop();
    return this.#stopping;
  }

  /** While the own name server and everything else still work: clients are sent elsewhere before their sends are refused. */
  async #withdrawRoutes(): Promise<void> {
    if (!this.#isServing || this.#config.registerAddresses.length === 0) return;
    const registration: ActorRef<Unregister> = this.#system.ref(REGISTRATION_PATH);
    try {
      await this.#system.ask<Unregistered, Unregister>(registration, (replyTo) => ({ kind: 'unregister', replyTo }), WITHDRAW_MAX_MS);
    } catch (error) {
      this.#hooks.log('warn', 'A name server did not take the broker’s routes back in time; it drops them when the connection closes', {
        error: toError(error).message,
      });
    }
  }

  async #stop(): Promise<void> {
    const reason = 'the broker is stopping; send to another broker';
    try {
      if (this.#memory !== null && this.#fault?.kind !== 'fence') {
        await this.#withdrawRoutes();
        await this.#serving.stopSends(reason, this.#config.stopMs * SENDS_SHARE);
      }
    } finally {
      await this.#system.stop();
      await this.#plugins?.end(PLUGINS_END_MS_MAX);
    }
  }

  inviteGuest(name: string): GuestInvitation {
    const producer = this.#shards.length + (this.#hooks.guests ?? []).indexOf(name);
    return { birth: this.#system.guestBirth(name), producer, config: this.#config, memory: this.#memory, shards: this.#shards };
  }

  async guestLeft(name: string): Promise<void> {
    this.#system.guestLeft(name);
    if (this.#memory !== null) await this.#serving.drainLane(this.#shards.length + (this.#hooks.guests ?? []).indexOf(name));
  }

  endThread(name: string): Promise<void> {
    return this.#system.terminateThread(name);
  }

  async terminate(): Promise<void> {
    this.#stopping ??= Promise.resolve();
    await this.#system.terminate();
    await this.#plugins?.end();
  }
}
