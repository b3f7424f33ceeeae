/**
 * A broker's own appends in a simulation: the sequencer, the store actor and the reader as they run in production over a disk in memory, a
 * topic table, and the turns of the threads that are not there. The worlds of the actors that append records (timers, transactions, pops)
 * begin with it. Records come from the files always: the lanes are tried by the tests of a whole broker.
 */
import { InnerAppend, type InnerMessage } from '../../actors/commit-log/inner-append.ts';
import { WRITTEN_END } from '../../actors/commit-log/watermarks.ts';
import { SendAnswers } from '../../actors/gateway/send-answers.ts';
import type { Arrived } from '../../actors/queue/queue-actor.ts';
import type { ColdReader } from '../../actors/store/cold-read.ts';
import { ReaderActor } from '../../actors/store/reader-actor.ts';
import { plainTopic } from '../../actors/topic/topic-config.ts';
import { TopicTable, topicState } from '../../actors/topic/topic-table.ts';
import { decodeMessageRecords, type MessageRecord } from '../../model/message-record.ts';
import { SendResponseWriter } from '../../protocol/remoting/response-writer.ts';
import type { ActorRef } from '../../runtime/actor.ts';
import type { MemoryDisk } from '../../storage/memory-disk.ts';
import { type StoreTestOptions, StoreUnderTest } from './store-under-test.ts';

export const ROOT = '/store';
export const HOST = { address: Uint8Array.of(127, 0, 0, 1), port: 10911 };
const HOST_BYTES = Uint8Array.of(127, 0, 0, 1, 0, 0, 42, 159);
const PUMP_MS = 1;
/** As often as the store's thread looks. */
const POLL_MS = 1000;

export class AppendWorld {
  readonly disk: MemoryDisk;
  readonly store: StoreUnderTest;
  readonly append: InnerAppend;
  readonly topics: TopicTable = new TopicTable();
  /** Who is told that a queue has got messages, by handle. */
  protected readonly owners: Map<number, ActorRef<Arrived>> = new Map();
  readonly #reader: ColdReader;
  #isPumping = false;

  /** @param topics their numbers of queues */
  constructor(disk: MemoryDisk, options: StoreTestOptions, topics: Readonly<Record<string, number>>) {
    this.disk = disk;
    const store = new StoreUnderTest(disk, ROOT, options);
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
      brokerName: 'broker-a',
    });
    for (const [name, queues] of Object.entries(topics)) this.putTopic(name, queues);
    this.topics.complete = true;
    simulation.spawn(
      'reader',
      () => new ReaderActor({ reader: store.reader(), marks, syncFlush: false, slots: [], fence: () => {} }) as never,
    );
    this.#reader = store.reader();
    store.onWaiting = (handle) => void this.owners.get(handle)?.tell({ kind: 'arrived' });
    this.#poll();
  }

  protected putTopic(name: string, queues: number): void {
    const handles = Int32Array.from({ length: queues }, (_, queueId) => this.store.handle(name, queueId));
    this.topics.put(topicState(plainTopic(name, queues), handles));
  }

  #poll(): void {
    this.eachSecond();
    this.store.simulation.schedule(POLL_MS, () => this.#poll());
  }

  /** What the other threads do. */
  protected eachSecond(): void {
    this.store.poll();
  }

  /** The log worker's turn. */
  #pumpSoon(): void {
    if (this.#isPumping) return;
    this.#isPumping = true;
    this.store.simulation.schedule(PUMP_MS, () => {
      this.#isPumping = false;
      this.store.sequence();
    });
  }

  get now(): number {
    return this.store.simulation.clock.now();
  }

  advance(ms: number): void {
    this.store.advance(ms);
  }

  /** A message as a client's comes to the actors, to a queue that its body's length chooses. */
  protected message(topic: string, body: string, properties: Readonly<Record<string, string>>, sysFlag = 0): InnerMessage {
    const state = this.topics.get(topic)!;
    return {
      topic: state,
      queueId: body.length % state.queueHandles.length,
      flag: 0,
      sysFlag,
      bornTimestamp: this.now,
      bornHost: HOST,
      reconsumeTimes: 0,
      preparedTransactionOffset: 0,
      body: Buffer.from(body),
      properties: new Map(Object.entries(properties)),
      delayLevel: 0,
    };
  }

  /** What the log has at a place; empty: nothing whole. */
  protected recordAt(physical: number): Uint8Array {
    return this.#reader.views.viewRecord(physical, this.store.marks.read(WRITTEN_END))?.slice() ?? new Uint8Array(0);
  }

  protected recordsAt(places: readonly { readonly physical: number }[]): Uint8Array {
    return Buffer.concat(places.map(({ physical }) => this.recordAt(physical)));
  }

  /** All records of a topic, queue after queue; none of one that is not there. */
  records(topic: string): MessageRecord[] {
    const { store } = this;
    const reader = store.reader();
    const target = new Uint8Array(1 << 20);
    const all: MessageRecord[] = [];
    for (const [queueId, handle] of (this.topics.get(topic)?.queueHandles ?? []).entries()) {
      const visibleMax = store.table.next(handle);
      for (let offset = 0; offset < visibleMax; ) {
        const read = reader.pull({ topic, queueId, handle, offset, max: 32, bytesMax: 1 << 20, codes: [], visibleMax }, target);
        all.push(...decodeMessageRecords(target.slice(0, read.length)));
        if (read.nextOffset <= offset) throw new Error(`no progress at ${offset}: ${read.status}`);
        offset = read.nextOffset;
      }
    }
    reader.close();
    return all;
  }
}
