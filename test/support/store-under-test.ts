/**
 * The store's writing and reading side without threads: the sequencer, the store actor and the cold reader as they run in
 * production, over one disk and the simulation's clock. The test plays the shard, the sync worker and the root.
 */

import { allocateIndexFeed, IndexFeed, type IndexFeedMemory } from '../../actors/commit-log/index-feed.ts';
import {
  allocateLane,
  D_FLAGS,
  D_KEY_HASH,
  D_QUEUE,
  D_TAG,
  D_UNIQUE_HASH,
  FLAG_KEY,
  FLAG_UNIQUE,
  FLAG_WAIT_SYNC,
  LaneProducer,
  LaneView,
} from '../../actors/commit-log/log-lane.ts';
import { allocateRunTable, RunTable } from '../../actors/commit-log/run-table.ts';
import { Sequencer } from '../../actors/commit-log/sequencer.ts';
import type { DiskVerdict } from '../../actors/commit-log/sequencer-parts.ts';
import { allocateWatermarks, FLUSHED_END, Watermarks, WRITTEN_END } from '../../actors/commit-log/watermarks.ts';
import { allocateQueues } from '../../actors/queue/queue-layout.ts';
import { QueueTable } from '../../actors/queue/queue-table.ts';
import { TailFiler } from '../../actors/queue/tail-filer.ts';
import { TailWriter } from '../../actors/queue/tail-writer.ts';
import { ColdReader } from '../../actors/store/cold-read.ts';
import type { RetentionRules } from '../../actors/store/decide-retention.ts';
import type { OpenedStore, StoreConfig } from '../../actors/store/open-store.ts';
import { StoreActor } from '../../actors/store/store-actor.ts';
import type {
  FetchOpenedPage,
  OpenedPage,
  QueueMended,
  StoreCommand,
  StoreOpened,
  StoreStopped,
  TopicDropped,
} from '../../actors/store/store-messages.ts';
import { type WasmMemory, webAssembly } from '../../actors/store/web-assembly.ts';
import { javaHash } from '../../model/java-hash.ts';
import { encodeMessageRecord } from '../../model/message-record.ts';
import type { Actor, ActorRef } from '../../runtime/actor.ts';
import { Simulation } from '../../runtime/simulation.ts';
import type { PollSource } from '../../runtime/thread/thread-context.ts';
import { CommitLog } from '../../storage/commit-log/commit-log.ts';
import { decideThrown } from '../../storage/disk-error-policy.ts';
import type { Disk } from '../../storage/file.ts';
import { indexKeyHash } from '../../storage/index/key-hash.ts';
import { storeLayout } from '../../storage/store-layout.ts';

export const START_MS = 1_700_000_000_000;

export type StoreTestOptions = Partial<Omit<StoreConfig, 'directory'>> & {
  readonly retention?: RetentionRules;
  readonly chunkCount?: number;
  readonly seed?: number;
  readonly startMs?: number | undefined;
  readonly hour?: number;
  readonly feedEntries?: number;
};

export type Sent = { readonly topic: string; readonly queueId: number; readonly body: string; readonly tag: string; readonly key: string };

/** Memory that a cold reader may move many records to at once; other memory gets them one by one. */
export const readSlots: WasmMemory = new webAssembly.Memory({ initial: 1, maximum: 1, shared: true });

export class StoreUnderTest {
  readonly simulation: Simulation;
  readonly disk: Disk;
  readonly config: StoreConfig & { readonly retention?: RetentionRules };
  readonly memory: { queues: ReturnType<typeof allocateQueues>; marks: SharedArrayBuffer; feed: IndexFeedMemory };
  readonly marks: Watermarks;
  readonly table: QueueTable;
  readonly reports: { event: string; detail: Record<string, unknown> }[] = [];
  readonly diskLevels: string[] = [];
  readonly badRecords: string[] = [];
  logWakes = 0;
  syncWishes = 0;
  store: ActorRef<StoreCommand>;
  opened!: OpenedStore;
  readonly handles: Map<string, number> = new Map();
  #actors = 0;
  #actor!: StoreActor;
  #lane!: LaneProducer;
  #sequencer!: Sequencer;
  #log!: CommitLog;
  readonly #hour: number;

  constructor(disk: Disk, directory: string, options: StoreTestOptions = {}) {
    const { seed, chunkCount, startMs, hour, feedEntries, ...config } = options;
    this.simulation = new Simulation({ seed: seed ?? 1, startMs: startMs ?? START_MS });
    this.disk = disk;
    const lock = disk.lock.bind(disk);
    disk.lock = (path) => {
      this.#unlock = lock(path);
      return this.#unlock;
    };
    this.config = {
      directory,
      segmentBytes: 64 * 1024,
      syncFlush: false,
      indexEnable: true,
      indexShape: { slots: 500, entries: 20_000 },
      unitsPerFile: 300,
      ...config,
    };
    this.#hour = hour ?? 0;
    this.memory = {
      queues: allocateQueues(256, chunkCount ?? 64),
      marks: allocateWatermarks(),
      feed: allocateIndexFeed(feedEntries ?? 4096),
    };
    this.marks = new Watermarks(this.memory.marks);
    this.table = new QueueTable(this.memory.queues);
    this.store = this.spawnStore();
  }

  /** A store actor, the first one or one that replaces a dead one. */
  spawnStore(): ActorRef<StoreCommand> {
    const clock = this.simulation.clock;
    this.#actor = new StoreActor({
      config: this.config,
      disk: this.disk,
      filer: new TailFiler(this.memory.queues),
      feed: new IndexFeed(this.memory.feed),
      marks: this.marks,
      now: () => clock.now(),
      monotonicMs: () => clock.monotonicMs(),
      processId: 4711,
      onProgress: () => {},
      hourOf: () => this.#hour,
      takesOver: this.marks.isOpen,
      hooks: {
        wakeLog: () => void this.logWakes++,
        wantSync: () => void this.syncWishes++,
        inCall: (run) => run(),
        report: (event, detail) => void this.reports.push({ event, detail }),
        diskLevel: (reason) => void this.diskLevels.push(reason),
      },
    });
    const actor = this.#actor;
    const isAlive = (): boolean => actor === this.#actor && !this.#isKilled;
    this.#isKilled = false;
    const mortal: Actor<StoreCommand> = {
      started: (context) => actor.started(context),
      receive: (message, context) => {
        if (isAlive()) actor.receive(message, context);
      },
    };
    this.store = this.simulation.spawn<StoreCommand>(`store-${this.#actors++}`, () => mortal, { intensity: 0 });
    return this.store;
  }

  #isKilled = false;
  #unlock: () => void = () => {};

  /** The store's thread or process dies: the kernel gives its lock back, everything else stays as it is. */
  kill(): void {
    this.#isKilled = true;
    this.#unlock();
  }

  /** Opens the store and starts the writing side on it. */
  open(): OpenedStore {
    const answer = this.ask<StoreOpened>((replyTo) => ({ kind: 'open-store', replyTo }));
    if (answer.error !== '') throw Object.assign(new Error(answer.error), { code: answer.code });
    const bytes = new Uint8Array(answer.bytes);
    for (let at = 0; at < bytes.length; ) {
      const page = this.ask<OpenedPage>((replyTo): FetchOpenedPage => ({ kind: 'fetch-opened-page', at, replyTo }));
      bytes.set(page.bytes, at);
      at += page.bytes.length;
    }
    this.opened = JSON.parse(Buffer.from(bytes).toString()) as OpenedStore;
    for (const { topic, queueId, handle } of this.opened.queues) this.handles.set(`${topic}/${queueId}`, handle);
    this.#nextHandle = this.opened.queues.length;
    this.marks.open(this.opened.lastStoreTimestamp);
    const lane = allocateLane(1 << 20, 4096);
    this.#lane = new LaneProducer(lane);
    this.#log = CommitLog.open(this.disk, storeLayout(this.config.directory).commitLog, this.config.segmentBytes);
    this.#log.setMaxOffset(this.marks.read(WRITTEN_END));
    this.#sequencer = new Sequencer({
      lanes: [new LaneView(lane)],
      queues: new TailWriter(this.memory.queues),
      runs: new RunTable(allocateRunTable(64)),
      feed: new IndexFeed(this.memory.feed),
      marks: this.marks,
      files: this.#log,
      classify: (error): DiskVerdict => (decideThrown(error) === 'cut-back' ? 'cut-back' : 'fence'),
      hooks: {
        waiting: (queue) => this.onWaiting(queue),
        written: () => {},
        syncWanted: () => {},
        storeHurry: () => void this.hurries++,
        failed: () => {},
      },
      now: () => this.simulation.clock.now(),
      syncFlush: this.config.syncFlush,
      delayLevelsMs: [1000, 5000],
      lastStoreTimestamp: this.opened.lastStoreTimestamp,
    });
    return this.opened;
  }

  hurries = 0;
  /** As if a former run had written the log up to here. */
  checkedEnd = 0;
  /** A queue of which somebody waits to hear has got messages. */
  onWaiting: (queue: number) => void = () => {};
  /** Who answers for the lane's records and releases them; null: nobody has to be answered. */
  answers: PollSource | null = null;
  /** False: the shard has not looked what the log says. */
  isAnswering = true;

  get lane(): LaneProducer {
    return this.#lane;
  }
  #nextHandle = 0;

  /** Deletes a topic: what the topic-drop actor does. Gives the position that the log worker named. */
  drop(topic: string): { position: number; error: string } {
    for (const [name, handle] of this.handles) {
      if (!name.startsWith(`${topic}/`)) continue;
      this.table.retire(handle);
      this.handles.delete(name);
    }
    const position = this.#sequencer.forgetRetired();
    return { position, error: this.ask<TopicDropped>((replyTo) => ({ kind: 'drop-topic', topic, position, replyTo })).error };
  }

  ask<R extends { kind: string }>(build: (replyTo: ActorRef<R>) => StoreCommand): R {
    const answer = this.simulation.ask<R, StoreCommand>(this.store, build, 60_000);
    if (answer === undefined) throw new Error('the store gave no answer');
    return answer;
  }

  handle(topic: string, queueId: number, isTold = true): number {
    const name = `${topic}/${queueId}`;
    const known = this.handles.get(name);
    if (known !== undefined) return known;
    const handle = this.#nextHandle++;
    this.handles.set(name, handle);
    this.table.create(handle, 0, 0, -1);
    if (isTold) this.store.tell({ kind: 'queue-interned', handle, topic, queueId });
    return handle;
  }

  /** Puts a message into the lane and has it sequenced. */
  send({ topic, queueId, body, tag, key }: Sent): void {
    this.put({ topic, queueId, body, tag, key });
    this.sequence();
  }

  put({ topic, queueId, body, tag, key }: Sent): void {
    const record = encodeMessageRecord({
      topic,
      queueId,
      queueOffset: -1,
      physicalOffset: -1,
      body: Buffer.from(body),
      bornTimestamp: this.simulation.clock.now(),
      properties: `KEYS\x01${key}\x02TAGS\x01${tag}\x02UNIQ_KEY\x01U${key}\x02`,
    });
    const lane = this.#lane;
    const at = lane.reserve(record.length);
    if (at < 0) throw new Error('the lane is full');
    lane.lane.bytes.set(record, at);
    const descriptor = lane.commit(record.length);
    const words = lane.lane.descriptors;
    words[descriptor + D_QUEUE] = this.handle(topic, queueId);
    words[descriptor + D_FLAGS] = FLAG_UNIQUE | FLAG_KEY | FLAG_WAIT_SYNC;
    words[descriptor + D_TAG] = javaHash(tag);
    words[descriptor + D_UNIQUE_HASH] = indexKeyHash(topic, `U${key}`);
    words[descriptor + D_KEY_HASH] = indexKeyHash(topic, key);
  }

  /** True: all that was put is written. */
  sequence(): boolean {
    this.#lane.publish();
    while (this.#sequencer.poll());
    if (this.answers === null) this.#lane.release(this.#lane.lane.written());
    else while (this.isAnswering && this.answers.poll());
    return this.#lane.pending === 0;
  }

  /** What the sync worker does. */
  flush(): void {
    const to = this.marks.read(WRITTEN_END);
    if (to === this.marks.read(FLUSHED_END)) return;
    this.#log.sync(this.marks.read(FLUSHED_END), to);
    this.marks.move(FLUSHED_END, to);
  }

  /** What a wake-up of the store's thread does. */
  poll(): boolean {
    return this.#actor.poll();
  }

  advance(ms: number): void {
    this.simulation.advance(ms);
  }

  /** Polls every second as the thread does, and flushes in between. */
  run(seconds: number): void {
    for (let second = 0; second < seconds; second++) {
      this.poll();
      this.advance(500);
      this.flush();
      this.advance(500);
    }
  }

  stop(): StoreStopped {
    this.#log.close();
    return this.ask<StoreStopped>((replyTo) => ({ kind: 'store-stop', replyTo }));
  }

  reader(): ColdReader {
    const mended = this.simulation.probe<QueueMended>();
    const reader: ColdReader = new ColdReader({
      onDamage: (damage) => {
        this.store.tell({ kind: 'mend-queue', ...damage, replyTo: mended.ref });
        for (let step = 0; step < 20; step++) this.advance(1);
        for (const one of mended.received.splice(0)) reader.mended(one);
      },
      disk: this.disk,
      layout: storeLayout(this.config.directory),
      segmentBytes: this.config.segmentBytes,
      ...(this.config.unitsPerFile === undefined ? {} : { unitsPerFile: this.config.unitsPerFile }),
      table: this.table,
      slots: [readSlots],
      monotonicMs: () => this.simulation.clock.monotonicMs(),
      writtenEnd: () => this.marks.read(WRITTEN_END),
      openedEnd: () => this.checkedEnd,
      onBadRecord: (topic, queueId, physical, reason) => void this.badRecords.push(`${topic}/${queueId} ${physical}: ${reason}`),
    });
    return reader;
  }
}
