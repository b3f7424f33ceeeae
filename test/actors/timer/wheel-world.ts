/**
 * The timing wheel in a simulation, with its files, the sequencer, the store actor and the reader as they run in production over a disk in
 * memory. Its memory and runs are small here, so that the files are needed.
 */
import { join } from 'node:path';
import { InnerAppend } from '../../../actors/commit-log/inner-append.ts';
import { SendAnswers } from '../../../actors/gateway/send-answers.ts';
import type { Arrived } from '../../../actors/queue/queue-actor.ts';
import { ReaderActor } from '../../../actors/store/reader-actor.ts';
import { recallName } from '../../../actors/timer/recalled-timers.ts';
import { parkTimed } from '../../../actors/timer/timed-message.ts';
import { WheelActor } from '../../../actors/timer/wheel-actor.ts';
import { WHEEL_FILE } from '../../../actors/timer/wheel-checkpoint.ts';
import { WheelCounts } from '../../../actors/timer/wheel-counts.ts';
import { WheelFilesActor } from '../../../actors/timer/wheel-files-actor.ts';
import {
  type QueryWheel,
  type SaveWheel,
  WHEEL_FILES_PATH,
  type WheelCommand,
  type WheelSaved,
  type WheelTold,
} from '../../../actors/timer/wheel-messages.ts';
import { plainTopic } from '../../../actors/topic/topic-config.ts';
import { TopicTable, topicState } from '../../../actors/topic/topic-table.ts';
import { parseProperties } from '../../../model/message-property.ts';
import { decodeMessageRecords } from '../../../model/message-record.ts';
import { SendResponseWriter } from '../../../protocol/remoting/response-writer.ts';
import type { ActorRef } from '../../../runtime/actor.ts';
import { loadTable } from '../../../storage/json-table.ts';
import type { MemoryDisk } from '../../../storage/memory-disk.ts';
import { storeLayout } from '../../../storage/store-layout.ts';
import { StoreUnderTest } from '../../support/store-under-test.ts';

const ROOT = '/store';
const TIMER = 'rmq_sys_wheel_timer';
const HOST = { address: Uint8Array.of(127, 0, 0, 1), port: 10911 };
const HOST_BYTES = Uint8Array.of(127, 0, 0, 1, 0, 0, 42, 159);
export const SMALL = { nearMax: 64, nearLeast: 16, indexLeast: 32 } as const;
const RUN_UNITS = 32;

export type Delivered = {
  readonly body: string;
  readonly queueId: number;
  readonly storedAt: number;
  readonly properties: ReadonlyMap<string, string>;
};

export class WheelWorld {
  readonly disk: MemoryDisk;
  readonly store: StoreUnderTest;
  readonly append: InnerAppend;
  readonly topics: TopicTable = new TopicTable();
  readonly wheel: ActorRef<WheelCommand>;
  rollAfterMs = 1e12;
  readonly #javaCheck: Uint8Array | null;
  #isPumping = false;
  #watched: Set<number> = new Set();

  /** @param startMs later than what the disk has seen. @param other `hasWheel` false: it is the store of a Java broker; `javaCheck`: what that has left */
  constructor(
    disk: MemoryDisk,
    seed: number,
    startMs?: number,
    other: { readonly hasWheel?: boolean; readonly javaCheck?: Uint8Array } = {},
  ) {
    this.disk = disk;
    this.#javaCheck = other.javaCheck ?? null;
    const options = { seed, segmentBytes: 1024 * 1024, chunkCount: 256, unitsPerFile: 2000 };
    const store = new StoreUnderTest(disk, ROOT, startMs === undefined ? options : { ...options, startMs });
    this.store = store;
    store.open();
    const { simulation, marks } = store;
    this.append = new InnerAppend(store.lane, HOST, () => this.#pumpSoon());
    store.answers = new SendAnswers({
      lane: store.lane,
      marks,
      writer: new SendResponseWriter(HOST_BYTES, 'R', true),
      connections: [null],
      syncFlush: false,
      released: () => {},
      inner: this.append,
    });
    for (const [name, queues] of [
      [TIMER, 1],
      ['T', 2],
      ['U', 1],
    ] as const) {
      const handles = Int32Array.from({ length: queues }, (_, queueId) => store.handle(name, queueId));
      this.topics.put(topicState(plainTopic(name, queues), handles));
    }
    this.topics.complete = true;
    const reader = store.reader();
    simulation.spawn('reader', () => new ReaderActor({ reader, marks, syncFlush: false, slots: [], fence: () => {} }) as never);
    const files = { disk, directory: storeLayout(ROOT).timerRuns, reader: store.reader(), runUnits: RUN_UNITS };
    simulation.spawn(WHEEL_FILES_PATH, () => new WheelFilesActor(files) as never);
    this.wheel =
      other.hasWheel !== false
        ? simulation.spawn<WheelCommand>('timer-wheel', () => this.#create(), { mailboxMax: 65_536 })
        : simulation.ref('timer-wheel');
    const arrived: Arrived = { kind: 'arrived' };
    store.onWaiting = (queue) => {
      if (this.#watched.has(queue)) this.wheel.tell(arrived);
    };
    this.#poll();
  }

  #create(): WheelActor {
    const { store } = this;
    const reader = store.reader();
    return new WheelActor({
      topics: this.topics,
      table: store.table,
      append: this.append,
      rollAfterMs: () => this.rollAfterMs,
      visibleEnd: () => Number.MAX_SAFE_INTEGER,
      view: (places, onRecords) => {
        const records = places.map(({ physical }) => reader.viewRecord(physical, Number.MAX_SAFE_INTEGER)?.slice() ?? new Uint8Array(0));
        onRecords(Buffer.concat(records));
      },
      watch: (handle) => void this.#watched.add(handle),
      load: () => loadTable(this.disk, join(storeLayout(ROOT).config, WHEEL_FILE)).value,
      loadJavaCheck: () => this.#javaCheck,
      sync: true,
      saveEveryMs: 1000,
      reader: 'reader',
      files: WHEEL_FILES_PATH,
      store: store.store.path,
      counts: new WheelCounts(),
      limits: SMALL,
    });
  }

  /** The store's thread looks once a second. */
  #poll(): void {
    this.store.poll();
    this.store.simulation.schedule(1000, () => this.#poll());
  }

  /** The log worker's turn. */
  #pumpSoon(): void {
    if (this.#isPumping) return;
    this.#isPumping = true;
    this.store.simulation.schedule(1, () => {
      this.#isPumping = false;
      this.store.sequence();
    });
  }

  get now(): number {
    return this.store.simulation.clock.now();
  }

  /** Parks a message for `T`, or a word that takes one back; called back when the log has it. */
  send(body: string, deliverMs: number, stored: (body: string) => void = () => {}, more: Record<string, string> = {}, topic = 'T'): void {
    const message = {
      topic: this.topics.get(topic)!,
      queueId: body.length % this.topics.get(topic)!.queueHandles.length,
      flag: 0,
      sysFlag: 0,
      bornTimestamp: this.now,
      bornHost: HOST,
      reconsumeTimes: 0,
      preparedTransactionOffset: 0,
      body: Buffer.from(body),
      properties: new Map(Object.entries({ UNIQ_KEY: `U${body}`, ...more })),
      delayLevel: 0,
    };
    const parked = parkTimed(message, deliverMs, this.now, this.rollAfterMs, this.topics.get(TIMER)!);
    this.append.append(parked, ({ kind }) => {
      if (kind === 'stored') stored(body);
    });
  }

  /** Parks a message as a Java broker does: nothing of ours in its record or its unit. */
  sendAsJava(body: string, deliverMs: number): void {
    const outMs = String((Math.ceil(deliverMs / 1000) - 1) * 1000);
    const message = {
      topic: this.topics.get(TIMER)!,
      queueId: 0,
      flag: 0,
      sysFlag: 0,
      bornTimestamp: this.now,
      bornHost: HOST,
      reconsumeTimes: 0,
      preparedTransactionOffset: 0,
      body: Buffer.from(body),
      properties: new Map([
        ['UNIQ_KEY', `U${body}`],
        ['TAGS', 'TagA'],
        ['TIMER_OUT_MS', outMs],
        ['REAL_TOPIC', 'T'],
        ['REAL_QID', '0'],
      ]),
      delayLevel: 0,
    };
    this.append.append(message, () => {});
  }

  /** @param deliverMs of the message that is taken back */
  recall(body: string, deliverMs: number, stored: (body: string) => void = () => {}): void {
    const ms = (Math.ceil(deliverMs / 1000) - 1) * 1000 + 1;
    this.send(body, ms, stored, { TIMER_DEL_UNIQKEY: recallName('T', `U${body}`), TAGS: '_RECALL_TAG_' });
  }

  advance(ms: number): void {
    this.store.advance(ms);
  }

  save(): void {
    this.store.simulation.ask<WheelSaved, SaveWheel>(this.wheel, (replyTo) => ({ kind: 'save-wheel', replyTo }), 10_000);
  }

  told(): WheelTold {
    return this.store.simulation.ask<WheelTold, QueryWheel>(this.wheel, (replyTo) => ({ kind: 'query-wheel', replyTo }), 10_000)!;
  }

  /** Bytes in the directory of the runs. */
  get runs(): string[] {
    return this.disk.list(storeLayout(ROOT).timerRuns);
  }

  /** What has come to a topic. */
  delivered(topic = 'T'): Delivered[] {
    const { store } = this;
    const reader = store.reader();
    const target = new Uint8Array(1 << 20);
    const all: Delivered[] = [];
    for (let queueId = 0; queueId < this.topics.get(topic)!.queueHandles.length; queueId++) {
      const handle = store.handle(topic, queueId);
      const visibleMax = store.table.next(handle);
      for (let offset = 0; offset < visibleMax; ) {
        const read = reader.pull({ topic, queueId, handle, offset, max: 32, bytesMax: 1 << 20, codes: [], visibleMax }, target);
        for (const { body, properties, storeTimestamp } of decodeMessageRecords(target, 0, read.length))
          all.push({ body: Buffer.from(body).toString(), queueId, storedAt: storeTimestamp, properties: parseProperties(properties) });
        if (read.nextOffset <= offset) throw new Error(`no progress at ${offset}: ${read.status}`);
        offset = read.nextOffset;
      }
    }
    reader.close();
    return all;
  }
}
