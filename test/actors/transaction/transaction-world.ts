/**
 * The transaction actor in a simulation, with the sequencer, the store actor, the reader and the producer groups as they run in production
 * over a disk in memory. The world plays the gateway, and the group CID_RMQ_SYS_TRANS, of which it keeps what was committed.
 * Records come from the files always: the lanes are tried by the tests of a whole broker.
 */
import { InnerAppend } from '../../../actors/commit-log/inner-append.ts';
import { FLUSHED_END, WRITTEN_END } from '../../../actors/commit-log/watermarks.ts';
import { consumerGroupPath } from '../../../actors/consumer-group/group-table-actor.ts';
import type { CommitOffset, QueryOffset } from '../../../actors/consumer-group/offset-keeper.ts';
import type { PushToClient } from '../../../actors/gateway/request.ts';
import { SendAnswers } from '../../../actors/gateway/send-answers.ts';
import {
  ProducerGroupActor,
  type ProducerGroupCommand,
  type ProducerHeartbeatTaken,
} from '../../../actors/producer-group/producer-group-actor.ts';
import type { Arrived } from '../../../actors/queue/queue-actor.ts';
import { ReaderActor } from '../../../actors/store/reader-actor.ts';
import { plainTopic } from '../../../actors/topic/topic-config.ts';
import { TopicTable, topicState } from '../../../actors/topic/topic-table.ts';
import { halfMessage } from '../../../actors/transaction/half-message.ts';
import { TransactionActor } from '../../../actors/transaction/transaction-actor.ts';
import {
  type EndTransaction,
  type HalfMessagesListed,
  type ListHalfMessages,
  newFigures,
  type ResumeCheck,
  type TransactionAnswered,
  type TransactionCommand,
} from '../../../actors/transaction/transaction-messages.ts';
import { TRANS_CONSUMER_GROUP } from '../../../model/group.ts';
import { decodeMessageRecords, type MessageRecord } from '../../../model/message-record.ts';
import { SendResponseWriter } from '../../../protocol/remoting/response-writer.ts';
import type { ActorRef } from '../../../runtime/actor.ts';
import { MemoryDisk } from '../../../storage/memory-disk.ts';
import { storeLayout } from '../../../storage/store-layout.ts';
import { StoreUnderTest } from '../../support/store-under-test.ts';

export const HALF = 'RMQ_SYS_TRANS_HALF_TOPIC';
export const OP = 'RMQ_SYS_TRANS_OP_HALF_TOPIC';
export const GIVEN_UP = 'TRANS_CHECK_MAX_TIME_TOPIC';
export const GROUP = 'PG';
const ROOT = '/store';
const SEGMENT_BYTES = 1 << 20;
const HOST = { address: Uint8Array.of(127, 0, 0, 1), port: 10911 };
const HOST_BYTES = Uint8Array.of(127, 0, 0, 1, 0, 0, 42, 159);
const TOPICS = [HALF, OP, GIVEN_UP, 'T', 'SCHEDULE_TOPIC_XXXX'] as const;

export type Offsets = { readonly half: number; readonly op: number };
export type Place = { readonly halfOffset: number; readonly physical: number };
export type Asked = Place & { readonly body: string; readonly times: number; readonly connection: number };

export class TransactionWorld {
  readonly store: StoreUnderTest;
  readonly append: InnerAppend;
  readonly topics: TopicTable = new TopicTable();
  readonly figures = newFigures();
  readonly settings = { timeoutMs: 1000, checkIntervalMs: 2000, checksMax: 3, keptMs: 3_600_000 };
  /** What was committed of the system group's offsets, each with the log's end at that time. */
  readonly saved: (Offsets & { readonly end: number })[] = [];
  /** Checks that came to clients. */
  readonly asked: Asked[] = [];
  onAsked: (asked: Asked) => void = () => {};
  #transactions!: ActorRef<TransactionCommand>;
  #offsets: { half: number; op: number };
  #isPumping = false;
  readonly #watched: Set<number> = new Set();

  /** @param startMs later than what the disk has seen */
  constructor(disk: MemoryDisk, seed: number, startMs?: number, offsets: Offsets = { half: -1, op: -1 }) {
    this.#offsets = { ...offsets };
    const options = { delayLevelsMs: [1000, 5000], seed, segmentBytes: SEGMENT_BYTES, chunkCount: 256 };
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
    for (const name of TOPICS) {
      const queues = name === 'T' || name === 'SCHEDULE_TOPIC_XXXX' ? 2 : 1;
      this.topics.put(
        topicState(
          plainTopic(name, queues),
          Int32Array.from({ length: queues }, (_, queueId) => store.handle(name, queueId)),
        ),
      );
    }
    this.topics.complete = true;
    simulation.spawn(
      'reader',
      () => new ReaderActor({ reader: store.reader(), marks, syncFlush: false, slots: [], fence: () => {} }) as never,
    );
    simulation.spawn<QueryOffset | CommitOffset>(consumerGroupPath(TRANS_CONSUMER_GROUP), () => ({
      receive: (message) => this.#onOffset(message),
    }));
    simulation.register('producer-group/', { create: () => new ProducerGroupActor() as never });
    simulation.spawn<PushToClient>('gateway/0', () => ({ receive: (message) => this.#onPush(message) }));
    store.onWaiting = (queue) => {
      if (this.#watched.has(queue)) this.#transactions.tell({ kind: 'arrived' } satisfies Arrived);
    };
    this.#spawn();
    this.#poll();
  }

  #spawn(): void {
    const { store } = this;
    const { marks, table } = store;
    const reader = store.reader();
    const view = (physical: number): Uint8Array => reader.viewRecord(physical, marks.read(WRITTEN_END))?.slice() ?? new Uint8Array(0);
    const create = (): TransactionActor =>
      new TransactionActor({
        topics: this.topics,
        table,
        append: this.append,
        visibleEnd: () => marks.read(WRITTEN_END),
        units: (topic, handle, offset, count, onUnits) =>
          void store.simulation.schedule(1, () => onUnits(reader.units(topic, 0, handle, offset, count).slice())),
        view: (places, onRecords) => onRecords(Buffer.concat(places.map(({ physical }) => view(physical)))),
        viewOne: (physical, onRecord) => {
          if (store.simulation.random.next() < 0.5) onRecord(view(physical));
          else store.simulation.schedule(1, () => onRecord(view(physical)));
        },
        writtenEnd: () => marks.read(WRITTEN_END),
        flushedEnd: () => marks.read(FLUSHED_END),
        watch: (handle) => void this.#watched.add(handle),
        delayLevels: 2,
        storeHost: HOST,
        brokerName: 'b',
        settings: this.settings,
        reader: 'reader',
        figures: this.figures,
      });
    this.#transactions = store.simulation.spawn<TransactionCommand>('transaction', () => create() as never, {
      mailboxMax: 65_536,
      intensity: 0,
    });
  }

  #onOffset(message: QueryOffset | CommitOffset): void {
    const queue = message.topic === HALF ? 'half' : 'op';
    if (message.kind === 'query-offset') message.replyTo.tell({ kind: 'offset-found', offset: this.#offsets[queue] });
    else {
      this.#offsets[queue] = message.offset;
      this.saved.push({ ...this.#offsets, end: this.end });
    }
  }

  #onPush({ ext, body, connection }: PushToClient): void {
    const [message] = decodeMessageRecords(body!);
    const times = Number(/TRANSACTION_CHECK_TIMES\x01(\d+)/.exec(message!.properties)?.[1]);
    const place = { halfOffset: Number(ext['tranStateTableOffset']), physical: Number(ext['commitLogOffset']) };
    const asked = { ...place, body: Buffer.from(message!.body).toString(), times, connection };
    this.asked.push(asked);
    this.onAsked(asked);
  }

  /** The store's thread looks once a second; the log is synced as often. */
  #poll(): void {
    this.store.poll();
    this.store.flush();
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

  /** The log's end. */
  get end(): number {
    return this.store.marks.read(WRITTEN_END);
  }

  /** A member of the producer group. */
  join(connection = 1): void {
    const group = this.store.simulation.ref<ProducerGroupCommand>(`producer-group/${GROUP}`);
    const member = { clientId: `c${connection}`, shard: 0, connection, address: 'a', language: 'JAVA', version: 400 };
    this.store.simulation.ask<ProducerHeartbeatTaken, ProducerGroupCommand>(
      group,
      (replyTo) => ({ kind: 'producer-heartbeat', member, replyTo }),
      1_000,
    );
  }

  send(body: string, onStored: (place: Place) => void = () => {}, more: Readonly<Record<string, string>> = {}): void {
    const properties = new Map(Object.entries({ UNIQ_KEY: `U${body}`, TRAN_MSG: 'true', PGROUP: GROUP, TAGS: 'tag', ...more }));
    const message = {
      topic: this.topics.get('T')!,
      queueId: body.length % 2,
      flag: 0,
      sysFlag: 4,
      bornTimestamp: this.now,
      bornHost: HOST,
      reconsumeTimes: 0,
      preparedTransactionOffset: 0,
      body: Buffer.from(body),
      properties,
      delayLevel: 0,
    };
    this.append.append(halfMessage(message, this.topics.get(HALF)!), ({ kind, queueOffset, physicalOffset }) => {
      if (kind === 'stored') onStored({ halfOffset: queueOffset, physical: physicalOffset });
    });
  }

  #end(place: Place, isCommit: boolean, isFromCheck: boolean, replyTo: ActorRef<TransactionAnswered> | null): EndTransaction {
    return { kind: 'end-transaction', group: GROUP, ...place, isCommit, isFromCheck, replyTo };
  }

  /** As clients do: nobody waits for the answer. */
  endOneway(place: Place, isCommit: boolean, isFromCheck = false): void {
    this.#transactions.tell(this.#end(place, isCommit, isFromCheck, null));
  }

  end37(place: Place, isCommit: boolean, isFromCheck = false): TransactionAnswered | undefined {
    return this.store.simulation.ask<TransactionAnswered, TransactionCommand>(
      this.#transactions,
      (replyTo) => this.#end(place, isCommit, isFromCheck, replyTo),
      10_000,
    );
  }

  resume(physical: number): TransactionAnswered | undefined {
    return this.store.simulation.ask<TransactionAnswered, ResumeCheck>(
      this.#transactions,
      (replyTo) => ({ kind: 'resume-check', physical, replyTo }),
      10_000,
    );
  }

  list(from = 0): HalfMessagesListed | undefined {
    return this.store.simulation.ask<HalfMessagesListed, ListHalfMessages>(
      this.#transactions,
      (replyTo) => ({ kind: 'list-half-messages', from, replyTo }),
      10_000,
    );
  }

  advance(ms: number): void {
    this.store.advance(ms);
  }

  /** All records of a topic. */
  records(topic: string, queues = 1): MessageRecord[] {
    const { store } = this;
    const reader = store.reader();
    const target = new Uint8Array(1 << 20);
    const all: MessageRecord[] = [];
    for (let queueId = 0; queueId < queues; queueId++) {
      const handle = store.handle(topic, queueId);
      const visibleMax = store.table.next(handle);
      for (let offset = 0; offset < visibleMax; ) {
        const read = reader.pull({ topic, queueId, handle, offset, max: 32, bytesMax: 1 << 20, codes: [], visibleMax }, target);
        all.push(...decodeMessageRecords(target.slice(0, read.length), 0, read.length));
        if (read.nextOffset <= offset) throw new Error(`no progress at ${offset}: ${read.status}`);
        offset = read.nextOffset;
      }
    }
    reader.close();
    return all;
  }

  /** Bodies of what consumers of `T` see. */
  seen(): string[] {
    return bodiesOf(this.records('T', 2));
  }

  /** The log's bytes. */
  log(): Uint8Array {
    const file = this.store.disk.open(logFile(), 'read');
    const bytes = new Uint8Array(this.end);
    file.read(bytes, 0, bytes.length, 0);
    file.close();
    return bytes;
  }
}

export function bodiesOf(records: readonly MessageRecord[]): string[] {
  return records.map(({ body }) => Buffer.from(body).toString()).sort();
}

function logFile(): string {
  return `${storeLayout(ROOT).commitLog}/${'0'.repeat(20)}`;
}

/** A disk on which a crash has left this part of a log, and nothing else. */
export function diskWith(log: Uint8Array, seed: number): MemoryDisk {
  const disk = new MemoryDisk({ seed });
  disk.makeDirectory(storeLayout(ROOT).commitLog);
  const file = disk.open(logFile(), 'create');
  file.truncate(SEGMENT_BYTES);
  file.write(log, 0, log.length, 0);
  file.sync();
  file.close();
  return disk;
}
