/**
 * Pop door: what the pop handlers of one shard share: the way to ask pop actors and to get their answers back, the shard's copies of topics and groups,
 * and where popped messages are read. One a shard; also the actor that pop actors answer to. It knows pops, not their protocol.
 * Fails by answering null: the actor has too many requests waiting, or its shard has died.
 */
import type { Actor, ActorRef } from '../../runtime/actor.ts';
import type { ThreadContext } from '../../runtime/thread/thread-context.ts';
import { Tickets } from '../../runtime/thread/tickets.ts';
import { QUEUE_UNIT_BYTES, sizeOfUnits, unitPhysicalOffset, unitSize } from '../../storage/consume-queue/queue-unit.ts';
import type { LaneReader } from '../commit-log/lane-reader.ts';
import type { GroupTable } from '../consumer-group/group-table.ts';
import type { Place, RecordSource } from '../message/record-source.ts';
import type { TopicTable } from '../topic/topic-table.ts';
import { type PopAnswer, type PopCommand, popPath } from './pop-messages.ts';

export type PopDoorParts = {
  readonly thread: ThreadContext;
  readonly selfPath: string;
  readonly topics: TopicTable;
  readonly groups: GroupTable;
  readonly lanes: LaneReader;
  readonly records: RecordSource;
  readonly brokerName: string;
};

type Asked<A extends PopAnswer> = { readonly onAnswer: (answer: A | null) => void; readonly expiresAt: number };
/** An actor that does not answer so long after what it was allowed has died with its shard. */
const SLACK_MS = 5_000;
const EXPIRE_EVERY_MS = 1_000;

export class PopDoor implements Actor<PopAnswer> {
  readonly thread: ThreadContext;
  readonly topics: TopicTable;
  readonly groups: GroupTable;
  readonly brokerName: string;
  readonly #lanes: LaneReader;
  readonly #records: RecordSource;
  readonly #self: ActorRef<PopAnswer>;
  readonly #asked: Map<number, Asked<PopAnswer>> = new Map();
  readonly #tickets: Tickets;
  #isExpiring = false;

  constructor(parts: PopDoorParts) {
    this.thread = parts.thread;
    this.#tickets = new Tickets(parts.thread.generation);
    this.topics = parts.topics;
    this.groups = parts.groups;
    this.brokerName = parts.brokerName;
    this.#lanes = parts.lanes;
    this.#records = parts.records;
    this.#self = parts.thread.ref<PopAnswer>(parts.selfPath);
  }

  get waiting(): number {
    return this.#asked.size;
  }

  /** @param holdMs the longest that the actor may take by the message's own words; null: no answer, ask again later. */
  ask<A extends PopAnswer>(
    group: string,
    topic: string,
    holdMs: number,
    build: (ticket: number, replyTo: ActorRef<A>) => PopCommand,
    onAnswer: (answer: A | null) => void,
  ): void {
    const ticket = this.#tickets.next();
    const command = build(ticket, this.#self as unknown as ActorRef<A>);
    this.thread.requestTurn();
    if (!this.thread.ref<PopCommand>(popPath(group, topic)).tell(command)) {
      onAnswer(null);
      return;
    }
    const expiresAt = this.thread.monotonicMs() + holdMs + SLACK_MS;
    this.#asked.set(ticket, { onAnswer: onAnswer as Asked<PopAnswer>['onAnswer'], expiresAt });
    this.#expireLater();
  }

  receive(answer: PopAnswer): void {
    const asked = this.#asked.get(answer.ticket);
    if (asked === undefined) return;
    this.#asked.delete(answer.ticket);
    asked.onAnswer(answer);
  }

  #expireLater(): void {
    if (this.#isExpiring) return;
    this.#isExpiring = true;
    this.thread.schedule(EXPIRE_EVERY_MS, () => {
      this.#isExpiring = false;
      const now = this.thread.monotonicMs();
      for (const [ticket, { onAnswer, expiresAt }] of this.#asked) {
        if (now < expiresAt) continue;
        this.#asked.delete(ticket);
        onAnswer(null);
      }
      if (this.#asked.size > 0) this.#expireLater();
    });
  }

  /**
   * The records of units back to back, in the units' order when they all lie in memory, else in the log's; those that are no more are left out; null: ask
   * again. Calls back at once or later.
   */
  read(units: Uint8Array, onRecords: (records: Uint8Array | null) => void): void {
    const count = units.length / QUEUE_UNIT_BYTES;
    const target = new Uint8Array(sizeOfUnits(units, count));
    if (this.#lanes.copyUnits(units, count, target, 0)) {
      onRecords(target);
      return;
    }
    const places: Place[] = [];
    for (let unit = 0; unit < count; unit++) {
      const at = unit * QUEUE_UNIT_BYTES;
      places.push({ physical: unitPhysicalOffset(units, at), size: unitSize(units, at) });
    }
    places.sort((a, b) => a.physical - b.physical);
    this.#records.view(places, onRecords);
  }
}
