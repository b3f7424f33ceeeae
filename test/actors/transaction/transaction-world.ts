/**
 * The transaction actor in a simulation, with the producer groups as they run in production and what it needs of a broker to append. The
 * world plays the gateway, and the group CID_RMQ_SYS_TRANS, of which it keeps what was committed.
 */
import { FLUSHED_END, WRITTEN_END } from '../../../actors/commit-log/watermarks.ts';
import { consumerGroupPath } from '../../../actors/consumer-group/group-table-actor.ts';
import type { CommitOffset, QueryOffset } from '../../../actors/consumer-group/offset-keeper.ts';
import type { PushToClient } from '../../../actors/gateway/request.ts';
import {
  ProducerGroupActor,
  type ProducerGroupCommand,
  type ProducerHeartbeatTaken,
} from '../../../actors/producer-group/producer-group-actor.ts';
import { halfMessage } from '../../../actors/transaction/half-message.ts';
import { TransactionActor } from '../../../actors/transaction/transaction-actor.ts';
import {
  END_COMMITS,
  END_FROM_CHECK,
  type EndTransaction,
  type HalfMessagesListed,
  type ListHalfMessages,
  newFigures,
  type ResumeCheck,
  type TransactionAnswered,
  type TransactionCommand,
} from '../../../actors/transaction/transaction-messages.ts';
import { TRANS_CONSUMER_GROUP } from '../../../model/group.ts';
import { javaHash } from '../../../model/java-hash.ts';
import { decodeMessageRecords, type MessageRecord } from '../../../model/message-record.ts';
import type { ActorRef } from '../../../runtime/actor.ts';
import { MemoryDisk } from '../../../storage/memory-disk.ts';
import { storeLayout } from '../../../storage/store-layout.ts';
import { AppendWorld, HOST, ROOT } from '../../support/append-world.ts';

export const HALF = 'RMQ_SYS_TRANS_HALF_TOPIC';
export const OP = 'RMQ_SYS_TRANS_OP_HALF_TOPIC';
export const GIVEN_UP = 'TRANS_CHECK_MAX_TIME_TOPIC';
export const GROUP = 'PG';
const SEGMENT_BYTES = 1 << 20;
const TOPICS = { [HALF]: 1, [OP]: 1, [GIVEN_UP]: 1, T: 2, SCHEDULE_TOPIC_XXXX: 2 } as const;

export type Offsets = { readonly half: number; readonly op: number };
/** `id`: the unique key that an end names; none: it names none. */
export type Place = { readonly halfOffset: number; readonly physical: number; readonly id?: string };
export type Asked = Place & { readonly body: string; readonly times: number; readonly connection: number };

export class TransactionWorld extends AppendWorld {
  readonly figures = newFigures();
  readonly settings = { timeoutMs: 1000, checkIntervalMs: 2000, checksMax: 3, keptMs: 3_600_000 };
  /** What was committed of the system group's offsets, each with the log's end at that time. */
  readonly saved: (Offsets & { readonly end: number })[] = [];
  /** Checks that came to clients. */
  readonly asked: Asked[] = [];
  onAsked: (asked: Asked) => void = () => {};
  #transactions!: ActorRef<TransactionCommand>;
  #offsets: { half: number; op: number };

  /** @param startMs later than what the disk has seen */
  constructor(disk: MemoryDisk, seed: number, startMs?: number, offsets: Offsets = { half: -1, op: -1 }) {
    super(disk, { delayLevelsMs: [1000, 5000], seed, startMs, segmentBytes: SEGMENT_BYTES, chunkCount: 256 }, TOPICS);
    this.#offsets = { ...offsets };
    const { simulation } = this.store;
    simulation.spawn<QueryOffset | CommitOffset>(consumerGroupPath(TRANS_CONSUMER_GROUP), () => ({
      receive: (message) => this.#onOffset(message),
    }));
    simulation.register('producer-group/', { create: () => new ProducerGroupActor() as never });
    simulation.spawn<PushToClient>('gateway/0', () => ({ receive: (message) => this.#onPush(message) }));
    this.#spawn();
  }

  #spawn(): void {
    const { store } = this;
    const { marks, table } = store;
    const reader = store.reader();
    const create = (): TransactionActor =>
      new TransactionActor({
        topics: this.topics,
        table,
        append: this.append,
        visibleEnd: () => marks.read(WRITTEN_END),
        units: (topic, handle, offset, count, onUnits) =>
          void store.simulation.schedule(1, () => onUnits(reader.units(topic, 0, handle, offset, count).slice())),
        view: (places, onRecords) => onRecords(this.recordsAt(places)),
        peek: (physical) => {
          const record = this.recordAt(physical);
          return store.simulation.random.next() < 0.5 || record.length === 0 ? null : record;
        },
        viewOne: (physical, onRecord) => {
          if (store.simulation.random.next() < 0.5) onRecord(this.recordAt(physical));
          else store.simulation.schedule(1, () => onRecord(this.recordAt(physical)));
        },
        writtenEnd: () => marks.read(WRITTEN_END),
        flushedEnd: () => marks.read(FLUSHED_END),
        watch: (handle) => void this.owners.set(handle, store.simulation.ref('transaction')),
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

  /** The log is synced as often as the store's thread looks. */
  protected override eachSecond(): void {
    super.eachSecond();
    this.store.flush();
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
    const message = this.message('T', body, { UNIQ_KEY: `U${body}`, TRAN_MSG: 'true', PGROUP: GROUP, TAGS: 'tag', ...more }, 4);
    this.append.append(halfMessage(message, this.topics.get(HALF)!), ({ kind, queueOffset, physicalOffset }) => {
      if (kind === 'stored') onStored({ halfOffset: queueOffset, physical: physicalOffset });
    });
  }

  #end(place: Place, isCommit: boolean, isFromCheck: boolean, replyTo: ActorRef<TransactionAnswered> | null): EndTransaction {
    const hash = javaHash(place.id ?? '');
    return {
      kind: 'end-transaction',
      group: GROUP,
      halfOffset: place.halfOffset,
      physical: place.physical,
      isCommit,
      isFromCheck,
      transactionIdHash: hash,
      messageIdHash: hash,
      replyTo,
    };
  }

  /** As clients do: nobody waits for the answer. */
  endOneway(place: Place, isCommit: boolean, isFromCheck = false): void {
    // As a gateway tells it that takes it out of its frame, or as a handler does.
    if (this.store.simulation.random.next() < 0.5) this.#transactions.tell(this.#end(place, isCommit, isFromCheck, null));
    else {
      const word = (isCommit ? END_COMMITS : 0) | (isFromCheck ? END_FROM_CHECK : 0);
      const hash = javaHash(place.id ?? '');
      const numbers = [place.halfOffset, place.physical, word, hash, hash];
      this.#transactions.tell({ kind: 'end-transactions', groups: [GROUP], numbers });
    }
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

  /** Bodies of what consumers of `T` see. */
  seen(): string[] {
    return bodiesOf(this.records('T'));
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
