/**
 * Pop actors in a simulation, with the queue actors as they run in production and what they need of a broker to append. The world plays the
 * clients, the consumer group (whose committed offsets may be lost) and the topic registry.
 */
import { join } from 'node:path';
import { defaultGroupConfig } from '../../../actors/consumer-group/group-config.ts';
import { GroupTable } from '../../../actors/consumer-group/group-table.ts';
import type { CommitOffset, QueryOffset } from '../../../actors/consumer-group/offset-keeper.ts';
import { PopActor } from '../../../actors/pop/pop-actor.ts';
import type { PopEvent } from '../../../actors/pop/pop-events.ts';
import { PopJournal } from '../../../actors/pop/pop-journal.ts';
import { POP_JOURNAL_FILE, PopJournalKeeper, parseJournalStarts } from '../../../actors/pop/pop-journal-keeper.ts';
import { type PopCommand, type PopReply, popPath } from '../../../actors/pop/pop-messages.ts';
import { encodePopRecord, POP_RECORD_TAG } from '../../../actors/pop/pop-record.ts';
import type { PopLimits, PopSurroundings } from '../../../actors/pop/pop-surroundings.ts';
import { QueueActor } from '../../../actors/queue/queue-actor.ts';
import { TAGS } from '../../../model/message-property.ts';
import { decodeMessageRecord } from '../../../model/message-record.ts';
import type { PopRetry } from '../../../model/pop-topic.ts';
import type { ActorMessage, ActorRef } from '../../../runtime/actor.ts';
import { QUEUE_UNIT_BYTES, unitPhysicalOffset } from '../../../storage/consume-queue/queue-unit.ts';
import { loadTable } from '../../../storage/json-table.ts';
import type { MemoryDisk } from '../../../storage/memory-disk.ts';
import { storeLayout } from '../../../storage/store-layout.ts';
import { AppendWorld, ROOT } from '../../support/append-world.ts';

const JOURNAL = 'rmq_sys_REVIVE_LOG_C';
export const GROUP = 'G';
export const TOPIC = 'T';
export const QUEUES = 2;

/** A message as a client has it. */
export type Held = {
  readonly body: string;
  readonly retry: PopRetry;
  readonly queueId: number;
  readonly offset: number;
  readonly popTime: number;
  readonly invisibleMs: number;
  /** Deliveries before, of a message that was stored again, or of an ordered pop. */
  readonly attempts: number;
  readonly storedAt: number;
};

export type PopTerms = Partial<
  Pick<Extract<PopCommand, { kind: 'pop' }>, 'queueId' | 'max' | 'invisibleMs' | 'holdMs' | 'codes' | 'isOrdered' | 'attemptId'>
>;

export class PopWorld extends AppendWorld {
  readonly groups: GroupTable = new GroupTable();
  readonly limits: PopLimits = { inflightMax: 1000, heldMax: 16, retryV2: false };
  /** By topic and queue. */
  readonly committed: Map<string, number>;
  /** A topic that is not there is made so late. */
  topicAfterMs = 0;
  readonly #journal: PopJournal;
  #ticket = 0;

  /** @param committed what the group has saved, @param startMs later than what the disk has seen */
  constructor(disk: MemoryDisk, seed: number, committed: ReadonlyMap<string, number> = new Map(), startMs?: number) {
    super(disk, { seed, startMs }, { [TOPIC]: QUEUES, [JOURNAL]: 2 });
    this.committed = new Map(committed);
    const { store, append } = this;
    const { simulation, marks, table } = store;
    // What the log knows of them is a topic again after a crash.
    for (const name of [`%RETRY%${GROUP}_${TOPIC}`, `%DLQ%${GROUP}`]) if (store.handles.has(`${name}/0`)) this.putTopic(name, 1);
    this.groups.putConfig({ ...defaultGroupConfig(GROUP), retryMaxTimes: 3 });
    this.groups.complete = true;
    const reader = store.reader();
    simulation.register('queue/', {
      create: () =>
        new QueueActor({
          table,
          marks,
          syncFlush: false,
          own: (handle, queue) => void this.owners.set(handle, queue),
          tellAfterFlush: () => {},
        }) as never,
      mailboxMax: 65_536,
    });
    simulation.register('consumer-group/', {
      create: () => ({ receive: (message: QueryOffset | CommitOffset) => this.#asGroup(message) }) as never,
    });
    const records: PopSurroundings['records'] = {
      view: (places, onRecords) => onRecords(this.recordsAt(places)),
    };
    const readUnits: PopSurroundings['readUnits'] = (topic, queueId, handle, offset, count, onUnits) => {
      const units = reader.units(topic, queueId, handle, offset, count).slice();
      simulation.schedule(1, () => onUnits(units));
    };
    this.#journal = new PopJournal({
      shard: 's',
      topicName: JOURNAL,
      topics: this.topics,
      table,
      records,
      readUnits,
      loadStarts: () => parseJournalStarts(loadTable(disk, join(storeLayout(ROOT).config, POP_JOURNAL_FILE)).value),
      isMine: () => true,
      keeper: 'keeper',
    });
    const journal = this.#journal;
    simulation.spawn('journal', () => journal as never, { mailboxMax: 65_536 });
    simulation.spawn('keeper', () => new PopJournalKeeper(['s'], true, store.store.path) as never);
    const around: PopSurroundings = {
      topics: this.topics,
      groups: this.groups,
      table,
      append,
      records,
      visibleEnd: () => Number.MAX_SAFE_INTEGER,
      journal,
      limits: this.limits,
      readUnits,
      ensureTopic: (name, onTopic) => {
        const made = (): void => {
          if (this.topics.get(name) === undefined) this.putTopic(name, 1);
          onTopic(this.topics.get(name)!);
        };
        if (this.topicAfterMs > 0 && this.topics.get(name) === undefined) simulation.schedule(this.topicAfterMs, made);
        else made();
      },
    };
    simulation.register('pop/', { create: () => new PopActor(GROUP, TOPIC, around) as never, mailboxMax: 65_536 });
  }

  #asGroup(message: QueryOffset | CommitOffset): void {
    const key = `${message.topic}/${message.queueId}`;
    if (message.kind === 'commit-offset') this.committed.set(key, message.offset);
    else message.replyTo.tell({ kind: 'offset-found', offset: this.committed.get(key) ?? 0 });
  }

  /** Puts a record into the journal that the actor does not know of. */
  tellJournal(events: readonly PopEvent[]): void {
    const record = { group: GROUP, topic: TOPIC, number: this.now * 1000 + 999, isWhole: false };
    const body = encodePopRecord({ ...record, events: events.map((event) => ({ retry: 0, queueId: 0, event })) });
    const message = this.message(JOURNAL, '', { [TAGS]: POP_RECORD_TAG });
    this.append.append({ ...message, queueId: this.#journal.queueOf(GROUP, TOPIC), body }, () => {});
    this.advance(10);
  }

  get actor(): ActorRef<PopCommand> {
    return this.store.simulation.ref<PopCommand>(popPath(GROUP, TOPIC));
  }

  /** False: the log has refused it. */
  send(body: string, queueId: number, tag = 'a'): boolean {
    const handle = this.store.handle(TOPIC, queueId);
    const before = this.store.table.next(handle);
    this.store.send({ topic: TOPIC, queueId, body, tag, key: body });
    return this.store.table.next(handle) > before;
  }

  /** Asks the pop actor, and advances until it has answered; undefined: not within a minute. */
  ask<R extends ActorMessage>(build: (ticket: number, replyTo: ActorRef<R>) => PopCommand): R | undefined {
    const ticket = this.#ticket++;
    return this.store.simulation.ask<R, PopCommand>(this.actor, (replyTo) => build(ticket, replyTo), 60_000);
  }

  pop(terms: PopTerms = {}): { reply: PopReply; held: Held[] } {
    const reply = this.ask<PopReply>((ticket, replyTo) => ({
      kind: 'pop',
      ticket,
      queueId: -1,
      max: 32,
      bytesMax: 1 << 20,
      invisibleMs: 1000,
      holdMs: 0,
      isFromEnd: false,
      codes: [],
      isOrdered: false,
      attemptId: '',
      ...terms,
      replyTo,
    }));
    if (reply === undefined) throw new Error('a pop was not answered');
    return { reply, held: this.held(reply) };
  }

  held(reply: PopReply): Held[] {
    const held: Held[] = [];
    let message = 0;
    reply.counts.forEach((count, index) => {
      for (const end = message + count; message < end; message++) {
        const record = decodeMessageRecord(this.recordAt(unitPhysicalOffset(reply.units, message * QUEUE_UNIT_BYTES)), 0);
        held.push({
          body: Buffer.from(record.body).toString(),
          retry: reply.retries[index] as PopRetry,
          queueId: reply.queueIds[index]!,
          offset: reply.offsets[message]!,
          popTime: reply.popTime,
          invisibleMs: reply.invisibleMs,
          attempts: reply.attempts[message] ?? record.reconsumeTimes,
          storedAt: record.storeTimestamp,
        });
      }
    });
    return held;
  }

  ack({ retry, queueId, offset, popTime, invisibleMs }: Held): string {
    const answer = this.ask<{ kind: 'popped-acked'; ticket: number; outcome: string; offset: number }>((ticket, replyTo) => ({
      kind: 'ack-popped',
      ticket,
      retry,
      queueId,
      popTime,
      invisibleMs,
      offsets: [offset],
      replyTo: replyTo as never,
    }));
    return answer?.outcome ?? 'none';
  }

  change(held: Held, nextMs: number): Held | string {
    const { retry, queueId, offset, popTime, invisibleMs } = held;
    const answer = this.ask<{ kind: 'invisible-changed'; ticket: number; outcome: string; popTime: number; invisibleMs: number }>(
      (ticket, replyTo) => ({
        kind: 'change-invisible',
        ticket,
        retry,
        queueId,
        offset,
        popTime,
        invisibleMs,
        nextMs,
        replyTo: replyTo as never,
      }),
    );
    // Refused: taken all the same, though a crash would forget it.
    if (answer?.outcome !== 'done' && answer?.outcome !== 'refused') return answer?.outcome ?? 'none';
    return { ...held, popTime: answer.popTime, invisibleMs: answer.invisibleMs };
  }

  /** The process is killed; another one opens the store `afterMs` later. `committed`: what the group has saved. */
  reborn(seed: number, afterMs: number, committed: ReadonlyMap<string, number>): PopWorld {
    const startMs = this.now + afterMs;
    this.store.kill();
    return new PopWorld(this.disk, seed, committed, startMs);
  }
}
