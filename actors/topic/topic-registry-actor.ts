/**
 * Topic registry: owns the broker's topics, that is topics.json and its version. One a broker, at `topic-registry`.
 *
 * A change goes through four steps, and its creators are answered after the last: decided against the table with all changes
 * under way; saved (renamed into place, with synchronous flush synced too), many changes in one save; told to the topic table of
 * every shard; registered with the name servers, so that the route is there before the first send is answered (change-publisher.ts). Creators of one
 * topic share its creation. A deletion is answered when the topic's queues are gone too; who wants the topic meanwhile waits for that.
 * A save that fails refuses its changes and leaves the table as it was.
 *
 * Restarted from the file. A file that cannot be read is a fault that its supervisor escalates: an empty table would lose topics.
 * Source: RocketMQ `TopicConfigManager`.
 */
import { AUTO_CREATE_TOPIC } from '../../model/topic.ts';
import { SYSTEM_BUSY, SYSTEM_ERROR } from '../../protocol/remoting/response-code.ts';
import type { Actor, ActorContext, ActorRef } from '../../runtime/actor.ts';
import type { SaveTable, TableSaved } from '../store/store-messages.ts';
import { TableCourierActor } from '../store/table-courier-actor.ts';
import { ChangePublisher, type PublisherWord } from './change-publisher.ts';
import { type SavedTopics, ShardOutboxes } from './shard-outboxes.ts';
import { TopicChanges } from './topic-changes.ts';
import { nextVersion, plainTopic, queueCount, sameConfig, type TableVersion, type TopicConfig } from './topic-config.ts';
import type {
  CreateOnSend,
  DeleteTopic,
  DropUnused,
  EnsureTopic,
  ListTopics,
  TopicRegistryCommand,
  TopicReply,
  TopicSettingsChanged,
  TopicsReady,
  TopicsReset,
  UpdateTopicCommand,
} from './topic-messages.ts';
import type { TopicDecision, TopicSettings } from './topic-rules.ts';
import { decideCreateOnSend, decideEnsure, decideUpdate, deleteRefusal, lackingTopics, systemTopics } from './topic-rules.ts';
import { type TopicTableCommand, topicTablePath } from './topic-table-actor.ts';
import type { TopicsFile } from './topics-json.ts';
import { TOPICS_FILE, topicsText } from './topics-json.ts';

export type * from './topic-messages.ts';
/** What the store actor hears and says of a table. */
export type { SaveTable, TableSaved };

type ReplyTo = ActorRef<TopicReply>;

type Saved = { kind: 'saved'; upTo: number; ok: boolean; error: string };
type Private = Saved | PublisherWord;

/** Gives every queue its number in shared memory. */
export interface QueueHandles {
  /** The same at each call. Throws when there is no room for one more, with a text that says so. `mayWait`: a full ring is no reason. */
  intern(topic: string, queueId: number, mayWait: boolean): number;
  /** Names of all topics that have queues, in the table or not. */
  topics(): Iterable<string>;
}

export type TopicRegistryOptions = {
  readonly settings: TopicSettings;
  readonly queueHandles: QueueHandles;
  /** The table as it was saved last; null: there is none yet. Throws when it cannot be read. */
  readonly load: () => TopicsFile | null;
  /** Names of the shard threads, in order. */
  readonly shards: readonly string[];
  /** Saves are synced to the disk before anybody is answered (synchronous flush). */
  readonly sync: boolean;
  /** Path of the registration actor; null: there is no name server to tell. */
  readonly registration: string | null;
  /** Path of the actor that removes a deleted topic's queues; default none: they stay. */
  readonly dropper?: string;
  /** Path of the store actor; default 'store'. */
  readonly store?: string;
};

const SAVE_MAX_MS = 30_000;
const SHARDS_START_MS = 1_000;
const PAGE_TOPICS = 64;
const PENDING_MAX = 10_000;

type Changing = CreateOnSend | UpdateTopicCommand | EnsureTopic | DeleteTopic;

export class TopicRegistryActor implements Actor<TopicRegistryCommand | Private> {
  readonly #options: TopicRegistryOptions;
  readonly #topics = new TopicChanges();
  #version: TableVersion = { stateVersion: 0, timestamp: 0, counter: 0 };
  #saving = false;
  #courier: ActorRef<SaveTable> | null = null;
  #publisher!: ChangePublisher;
  /** Topics that are being deleted, until their queues are gone; who wants one of them meanwhile waits here. */
  readonly #deleting: Map<string, Changing[]> = new Map();
  /** In `started`: its topics come all at once. */
  #isStarting = true;
  /** The table of the start is saved. */
  #loaded = false;
  /** And told to every shard. */
  #ready = false;
  #awaiting: ActorRef<TopicsReady>[] = [];
  #awaitingPages: ListTopics[] = [];
  #page: { readonly version: TableVersion; readonly topics: TopicConfig[] } | null = null;

  constructor(options: TopicRegistryOptions) {
    this.#options = options;
  }

  started(context: ActorContext): void {
    const { settings, shards, load } = this.#options;
    const self = this;
    const saved: SavedTopics = {
      get version(): TableVersion {
        return self.#version;
      },
      names: () => self.#topics.saved.keys(),
      get: (topic) => self.#topics.saved.get(topic),
    };
    const targets = shards.map((name) => context.ref<TopicTableCommand>(topicTablePath(name)));
    this.#publisher = new ChangePublisher({
      outboxes: new ShardOutboxes(targets, saved),
      registration: this.#options.registration,
      dropper: this.#options.dropper,
      told: (context) => this.#told(context),
    });
    this.#courier = context.spawn({ id: 'table-courier', create: () => new TableCourierActor(this.#options.store), mailboxMax: 64 });
    const file = load();
    if (file !== null) {
      this.#version = file.version;
      for (const config of file.topics) this.#topics.load(config, this.#loadedHandles(config, context));
    }
    for (const config of lackingTopics(this.#topics, settings)) this.#change(config.topicName, config, null, context);
    this.#isStarting = false;
    context.schedule(SHARDS_START_MS, { kind: 'tell-silent-shards' });
    this.#loaded = this.#topics.waiting === 0;
    this.#publisher.flush(context);
    this.#save(context);
  }

  receive(message: TopicRegistryCommand | Private, context: ActorContext): void {
    switch (message.kind) {
      case 'create-on-send': {
        if (this.#waits(message)) return;
        const { topic, defaultTopic, queueNums, clientAddress, sysFlag } = message;
        const request = { topic, defaultTopic, queueNums, clientAddress, topicSysFlag: sysFlag };
        const decision = decideCreateOnSend(this.#topics, request, this.#options.settings);
        if (decision.kind === 'put')
          context.log('info', 'topic made by a send', { topic, queues: decision.config.writeQueueNums, clientAddress });
        this.#perform(topic, decision, message.replyTo, context);
        return;
      }
      case 'update-topic':
        if (this.#waits(message)) return;
        this.#perform(message.topic, decideUpdate(this.#topics, message, this.#options.settings), message.replyTo, context);
        return;
      case 'ensure-topic': {
        if (this.#waits(message)) return;
        const { topic, writeQueues, readQueues, perm, sysFlag = 0 } = message;
        const config = { ...plainTopic(topic, writeQueues, perm), readQueueNums: readQueues, topicSysFlag: sysFlag };
        this.#perform(message.topic, decideEnsure(this.#topics, config, this.#options.settings), message.replyTo, context);
        return;
      }
      case 'delete-topic':
        if (this.#waits(message)) return;
        this.#delete(message, context);
        return;
      case 'topic-table-started':
        this.#publisher.shardStarted(message.shard, message.token, context);
        return;
      case 'drop-unused':
        this.#dropUnused(message, context);
        return;
      case 'topic-settings-changed':
        this.#settingsChanged(message, context);
        return;
      case 'await-topics':
        if (this.#ready) message.replyTo.tell({ kind: 'topics-ready', topics: this.#topics.saved.size });
        else if (this.#awaiting.length < PENDING_MAX) this.#awaiting.push(message.replyTo);
        return;
      case 'list-topics':
        if (this.#ready) this.#listTopics(message);
        else if (this.#awaitingPages.length < PENDING_MAX) this.#awaitingPages.push(message);
        return;
      case 'saved':
        this.#saved(message, context);
        return;
      case 'dropped':
        this.#publisher.receive(message, context);
        this.#goOn(message.topic, context);
        return;
      default:
        this.#publisher.receive(message, context);
    }
  }

  #perform(topic: string, decision: TopicDecision, replyTo: ReplyTo, context: ActorContext): void {
    if (decision.kind === 'refuse') {
      replyTo.tell({ kind: 'topic-refused', topic, code: decision.code, remark: decision.remark });
      return;
    }
    if (decision.kind === 'unchanged') {
      this.#join(topic, replyTo, context);
      return;
    }
    if (this.#topics.waiting >= PENDING_MAX) {
      const remark = `[topics] ${PENDING_MAX} topic changes wait for the disk already: try again later`;
      replyTo.tell({ kind: 'topic-refused', topic, code: SYSTEM_BUSY, remark });
      return;
    }
    this.#change(topic, decision.config, replyTo, context);
    this.#save(context);
  }

  /** Puts a change on its way; refuses it when shared memory has no room for its queues. */
  #change(topic: string, config: TopicConfig, replyTo: ReplyTo | null, context: ActorContext): void {
    const handles = this.#intern(config);
    if (!(handles instanceof Int32Array)) {
      const remark = `Cannot give topic ${topic} its ${queueCount(config)} queues: ${handles.error}`;
      context.log('warn', 'no room for the queues of a topic', { topic, queues: queueCount(config), error: handles.error });
      replyTo?.tell({ kind: 'topic-refused', topic, code: SYSTEM_ERROR, remark });
      return;
    }
    this.#enqueue(topic, config, handles, replyTo, context);
  }

  #enqueue(topic: string, config: TopicConfig | null, handles: Int32Array, replyTo: ReplyTo | null, context: ActorContext): void {
    this.#topics.add(topic, config, handles, replyTo);
    this.#version = nextVersion(this.#version, context.now());
  }

  #delete(message: DeleteTopic, context: ActorContext): void {
    const { topic, replyTo } = message;
    const bad = deleteRefusal(topic, this.#options.settings);
    if (bad !== null) {
      replyTo.tell({ kind: 'topic-refused', topic, code: bad.code, remark: bad.remark });
      return;
    }
    if (this.#topics.get(topic) === undefined) {
      this.#join(topic, replyTo, context);
      return;
    }
    context.log('info', 'topic deleted', { topic });
    if (this.#options.dropper !== undefined) this.#deleting.set(topic, []);
    this.#enqueue(topic, null, new Int32Array(0), replyTo, context);
    this.#save(context);
  }

  /** Nothing is decided about a topic whose queues are just going: made now, it would be given them. */
  #waits(message: Changing): boolean {
    const waiting = this.#deleting.get(message.topic);
    if (waiting === undefined) return false;
    if (waiting.length < PENDING_MAX) waiting.push(message);
    else {
      const remark = `[topics] topic ${message.topic} is being deleted, and ${PENDING_MAX} requests wait for that: try again later`;
      message.replyTo.tell({ kind: 'topic-refused', topic: message.topic, code: SYSTEM_BUSY, remark });
    }
    return true;
  }

  /** What waited for the end of a deletion is decided now, in the order in which it came. */
  #goOn(topic: string, context: ActorContext): void {
    const waiting = this.#deleting.get(topic);
    this.#deleting.delete(topic);
    for (const message of waiting ?? []) this.receive(message, context);
  }

  #settingsChanged({ announce, replyTo }: TopicSettingsChanged, context: ActorContext): void {
    const topic = AUTO_CREATE_TOPIC;
    const wanted = systemTopics(this.#options.settings).find((config) => config.topicName === topic);
    const present = this.#topics.get(topic);
    if (announce) {
      // All topics of the registration are told, so that one reply is enough.
      this.#version = nextVersion(this.#version, context.now());
      this.#publisher.announceAll(topic, this.#version, replyTo, context);
      return;
    }
    if (wanted === undefined || (present !== undefined && sameConfig(present, wanted))) this.#join(topic, replyTo, context);
    else {
      this.#change(topic, wanted, replyTo, context);
      this.#save(context);
    }
  }

  /** A topic of the file for which there is no room any more is kept, and served by nobody: its handles are −1. */
  #loadedHandles(config: TopicConfig, context: ActorContext): Int32Array {
    const handles = this.#intern(config);
    if (handles instanceof Int32Array) return handles;
    context.log('error', 'no room for the queues of a topic that is in the table', { topic: config.topicName, error: handles.error });
    return new Int32Array(queueCount(config)).fill(-1);
  }

  /** The queues' handles, or why there is no room for all of them. */
  #intern(config: TopicConfig): Int32Array | { readonly error: string } {
    const handles = new Int32Array(queueCount(config));
    try {
      for (let queueId = 0; queueId < handles.length; queueId++) {
        handles[queueId] = this.#options.queueHandles.intern(config.topicName, queueId, this.#isStarting);
      }
    } catch (error) {
      return { error: error instanceof Error ? error.message : String(error) };
    }
    return handles;
  }

  /** One save at a time; what is decided meanwhile goes with the next. */
  #save(context: ActorContext): void {
    const upTo = this.#topics.lastSeq;
    if (this.#saving || upTo === 0) return;
    this.#saving = true;
    const text = topicsText(this.#version, this.#topics.lines());
    context.ask<TableSaved, SaveTable>(
      this.#courier!,
      (replyTo) => ({ kind: 'save-table', name: TOPICS_FILE, text, sync: this.#options.sync, replyTo }),
      SAVE_MAX_MS,
      (reply): Saved => ({
        kind: 'saved',
        upTo,
        ok: reply?.ok === true,
        error: reply === undefined ? `the store gave no answer within ${SAVE_MAX_MS} ms` : (reply.error ?? ''),
      }),
    );
  }

  #saved(message: Saved, context: ActorContext): void {
    this.#saving = false;
    if (!message.ok) {
      this.#refuseAll(message.error, context);
      return;
    }
    const done = this.#topics.landed(message.upTo);
    this.#loaded = true;
    // What a start finds is registered as a whole by the first registration.
    this.#publisher.publish(done, this.#ready ? this.#version : null, context);
    this.#save(context);
  }

  #refuseAll(error: string, context: ActorContext): void {
    const changes = this.#topics.drop();
    context.log('error', 'the topic table could not be saved', { error, changes: changes.length });
    for (const change of changes) {
      const remark = `The topic table could not be saved, so topic ${change.topic} is as it was: ${error}`;
      for (const waiter of change.waiters) {
        waiter.tell({ kind: 'topic-refused', topic: change.topic, code: SYSTEM_ERROR, remark });
      }
    }
    for (const change of changes) if (change.config === null) this.#goOn(change.topic, context);
    // The system topics of the start have nobody who asks again.
    if (!this.#ready) throw new Error(`The topic table could not be saved at the start: ${error}`);
  }

  #dropUnused({ replyTo }: DropUnused, context: ActorContext): void {
    const unused = [...this.#options.queueHandles.topics()].filter(
      (topic) => this.#topics.get(topic) === undefined && !this.#deleting.has(topic),
    );
    if (unused.length === 0 || this.#options.dropper === undefined) {
      replyTo.tell({ kind: 'unused-dropped', topics: 0 });
      return;
    }
    for (const topic of unused) {
      context.log('info', 'queues without a topic are removed', { topic });
      this.#deleting.set(topic, []);
    }
    this.#publisher.dropUnused(unused, replyTo, context);
  }

  /**
   * Waits for a change of the topic that is under way. When there is none the topic is there, yet somebody asks: a shard may have
   * missed it, so it is told again before the answer.
   */
  #join(topic: string, replyTo: ReplyTo, context: ActorContext): void {
    if (!this.#topics.join(topic, replyTo)) this.#publisher.join(topic, replyTo, context);
  }

  /** The shards have been told all there is. */
  #told(context: ActorContext): void {
    if (this.#loaded && !this.#ready && this.#publisher.areShardsThere) this.#becomeReady(context);
  }

  #becomeReady(context: ActorContext): void {
    this.#ready = true;
    for (const replyTo of this.#awaiting) replyTo.tell({ kind: 'topics-ready', topics: this.#topics.saved.size });
    this.#awaiting = [];
    for (const message of this.#awaitingPages) this.#listTopics(message);
    this.#awaitingPages = [];
    const path = this.#options.registration;
    if (path !== null) context.ref<TopicsReset>(path).tell({ kind: 'topics-reset', version: this.#version });
  }

  #listTopics(message: ListTopics): void {
    if (this.#page === null || message.cursor === 0) {
      this.#page = { version: this.#version, topics: [...this.#topics.saved.values()].map((entry) => entry.config) };
    }
    const { topics, version } = this.#page;
    const end = message.cursor + PAGE_TOPICS;
    message.replyTo.tell({
      kind: 'topic-page',
      topics: topics.slice(message.cursor, end),
      next: end < topics.length ? end : -1,
      version,
    });
  }
}
