/**
 * The timer actor in a simulation, with the sequencer, the store actor and the reader as they run in production over a disk in memory.
 * Records come from the files always: the lanes are tried by the tests of a whole broker.
 */
import { join } from 'node:path';
import { InnerAppend } from '../../../actors/commit-log/inner-append.ts';
import { WRITTEN_END } from '../../../actors/commit-log/watermarks.ts';
import { SendAnswers } from '../../../actors/gateway/send-answers.ts';
import type { Arrived } from '../../../actors/queue/queue-actor.ts';
import { ReaderActor } from '../../../actors/store/reader-actor.ts';
import { DELAY_OFFSETS_FILE } from '../../../actors/timer/delay-offsets-json.ts';
import { parkMessage } from '../../../actors/timer/delayed-message.ts';
import { type DelayOffsetsSaved, type SaveDelayOffsets, TimerActor, type TimerCommand } from '../../../actors/timer/timer-actor.ts';
import { plainTopic } from '../../../actors/topic/topic-config.ts';
import { TopicTable, topicState } from '../../../actors/topic/topic-table.ts';
import { decodeMessageRecords } from '../../../model/message-record.ts';
import { SendResponseWriter } from '../../../protocol/remoting/response-writer.ts';
import type { ActorRef } from '../../../runtime/actor.ts';
import { loadTable } from '../../../storage/json-table.ts';
import type { MemoryDisk } from '../../../storage/memory-disk.ts';
import { storeLayout } from '../../../storage/store-layout.ts';
import { StoreUnderTest } from '../../support/store-under-test.ts';

export const LEVELS_MS = [1000, 5000] as const;
const ROOT = '/store';
const SCHEDULE = 'SCHEDULE_TOPIC_XXXX';
const HOST = { address: Uint8Array.of(127, 0, 0, 1), port: 10911 };
const HOST_BYTES = Uint8Array.of(127, 0, 0, 1, 0, 0, 42, 159);
const NO_PUMP_MS = 1;

export type Delivery = { readonly body: string; readonly queueId: number; readonly storedAt: number };

const SYNC_LOOK_MS = 50;

export class TimerWorld {
  readonly disk: MemoryDisk;
  readonly store: StoreUnderTest;
  readonly append: InnerAppend;
  readonly topics: TopicTable = new TopicTable();
  readonly timer: ActorRef<TimerCommand>;
  /** Reads that the timer's messages took. */
  views = 0;
  #isPumping = false;
  #watched: Set<number> = new Set();

  /** @param startMs later than what the disk has seen */
  constructor(disk: MemoryDisk, seed: number, startMs?: number) {
    this.disk = disk;
    const options = { delayLevelsMs: LEVELS_MS, seed };
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
      [SCHEDULE, LEVELS_MS.length],
      ['T', 2],
    ] as const) {
      const handles = Int32Array.from({ length: queues }, (_, queueId) => store.handle(name, queueId));
      this.topics.put(topicState(plainTopic(name, queues), handles));
    }
    this.topics.complete = true;
    simulation.spawn(
      'reader',
      () => new ReaderActor({ reader: store.reader(), marks, syncFlush: false, slots: [], fence: () => {} }) as never,
    );
    this.timer = simulation.spawn<TimerCommand>('timer', () => this.#create(), { mailboxMax: 65_536 });
    const arrived: Arrived = { kind: 'arrived' };
    store.onWaiting = (queue) => {
      if (this.#watched.has(queue)) this.timer.tell(arrived);
    };
    this.#poll();
  }

  #create(): TimerActor {
    const { store } = this;
    const reader = store.reader();
    return new TimerActor({
      delayLevelsMs: LEVELS_MS,
      topics: this.topics,
      table: store.table,
      append: this.append,
      visibleEnd: () => store.marks.read(WRITTEN_END),
      view: (places, onRecords) => {
        this.views++;
        const records = places.map(({ physical }) => reader.viewRecord(physical, Number.MAX_SAFE_INTEGER)?.slice() ?? new Uint8Array(0));
        onRecords(Buffer.concat(records));
      },
      watch: (handle) => void this.#watched.add(handle),
      load: () => loadTable(this.disk, join(storeLayout(ROOT).config, DELAY_OFFSETS_FILE)).value,
      sync: true,
      saveEveryMs: 1000,
      reader: 'reader',
      store: store.store.path,
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
    this.store.simulation.schedule(NO_PUMP_MS, () => {
      this.#isPumping = false;
      this.store.sequence();
    });
  }

  /** Parks a message for `T`; true in `stored` when the log has it. */
  send(body: string, level: number, stored: Set<string> = new Set(), topic = 'T'): void {
    const message = {
      topic: this.topics.get(topic)!,
      queueId: body.length % 2,
      flag: 0,
      sysFlag: 0,
      bornTimestamp: this.store.simulation.clock.now(),
      bornHost: HOST,
      reconsumeTimes: 0,
      preparedTransactionOffset: 0,
      body: Buffer.from(body),
      properties: new Map([['DELAY', String(level)]]),
      delayLevel: 0,
    };
    this.append.append(parkMessage(message, level, LEVELS_MS.length, this.topics.get(SCHEDULE)!), ({ kind }) => {
      if (kind === 'stored') stored.add(body);
    });
  }

  advance(ms: number): void {
    for (let left = ms; left > 0; left -= SYNC_LOOK_MS) {
      this.store.advance(Math.min(left, SYNC_LOOK_MS));
      // The sync worker does what it is asked for.
      if (this.store.syncWishes > 0) this.store.flush();
    }
  }

  saveNow(): DelayOffsetsSaved | undefined {
    return this.store.simulation.ask<DelayOffsetsSaved, SaveDelayOffsets>(
      this.timer,
      (replyTo) => ({ kind: 'save-delay-offsets', replyTo }),
      10_000,
    );
  }

  /** What has come to `T`. */
  delivered(): Delivery[] {
    const { store } = this;
    const reader = store.reader();
    const target = new Uint8Array(1 << 20);
    const all: Delivery[] = [];
    for (let queueId = 0; queueId < 2; queueId++) {
      const handle = store.handle('T', queueId);
      const visibleMax = store.table.next(handle);
      for (let offset = 0; offset < visibleMax; ) {
        const read = reader.pull({ topic: 'T', queueId, handle, offset, max: 32, bytesMax: 1 << 20, codes: [], visibleMax }, target);
        for (const record of decodeMessageRecords(target, 0, read.length))
          all.push({ body: Buffer.from(record.body).toString(), queueId, storedAt: record.storeTimestamp });
        if (read.nextOffset <= offset) throw new Error(`no progress at ${offset}: ${read.status}`);
        offset = read.nextOffset;
      }
    }
    reader.close();
    return all;
  }
}
