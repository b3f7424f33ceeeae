/**
 * Ledger: every message that clients of a world have sent, what they were told of it, and where readers saw it. The checks of messages
 * are here, whoever sends them: nothing that was acknowledged or seen is gone, nothing is there that nobody sent, an offset means one
 * message for ever, a queue is dense and in the order of its senders. After a power cut in asynchronous flush, what was not synced by
 * the broker's own word may be gone, and nothing else.
 */
import type { MessageRecord } from '../model/message-record.ts';
import type { Crash } from './workload.ts';
import type { World } from './world.ts';

export type Sent = {
  readonly id: string;
  readonly topic: string;
  readonly queueId: number;
  readonly bytes: number;
  /** Its offset is not the acknowledged one: it is parked first. */
  readonly isParked: boolean;
  /** Senders keep their order on one connection: its number, and the message's on it. */
  readonly line: string;
  readonly order: number;
  readonly sentAtMs: number;
  /** So often it was sent: it may be there as often. */
  copies: number;
  isAcked: boolean;
  /** Where the acknowledgement, or a reader, says it is. −1: unknown. */
  offset: number;
  physical: number;
  isSeen: boolean;
  /** A power cut may have taken it. */
  mayBeLost: boolean;
  /** It may be there more often: what repeats itself by design. */
  mayRepeat: boolean;
};

type QueueView = Map<number, { readonly id: string; readonly physical: number }>;

export class Ledger {
  readonly #world: World;
  readonly sent: Map<string, Sent> = new Map();
  readonly #queues: Map<string, QueueView> = new Map();
  #next = 0;
  /** A power cut may tear what was not synced: what is whole behind a torn record stays, with a gap before it. */
  mayHaveGaps = false;

  constructor(world: World) {
    this.#world = world;
  }

  /** Notes a message that is about to be sent, and gives its body. */
  begin(fields: Pick<Sent, 'topic' | 'queueId' | 'bytes' | 'line' | 'order'> & { isParked?: boolean }): { sent: Sent; body: Uint8Array } {
    const id = `m${this.#next++}`;
    const sent: Sent = {
      id,
      topic: fields.topic,
      queueId: fields.queueId,
      bytes: fields.bytes,
      line: fields.line,
      order: fields.order,
      isParked: fields.isParked === true,
      sentAtMs: this.#world.time.clock.now(),
      copies: 1,
      isAcked: false,
      offset: -1,
      physical: -1,
      isSeen: false,
      mayBeLost: false,
      mayRepeat: fields.isParked === true,
    };
    this.sent.set(id, sent);
    this.#world.count('sent');
    return { sent, body: bodyOf(id, fields.bytes) };
  }

  acked(sent: Sent, offset: number, physical: number): void {
    this.#world.count('acked');
    sent.isAcked = true;
    sent.physical = physical;
    if (sent.isParked) return;
    this.#place(sent, offset, physical, 'its acknowledgement');
  }

  /** A reader got a record, having asked for one of this queue. */
  seen(topic: string, queueId: number, record: MessageRecord): void {
    const where = `${topic}/${queueId} at ${record.queueOffset}`;
    this.#world.count('seen');
    const text = Buffer.from(record.body.buffer, record.body.byteOffset, record.body.length).toString('latin1');
    const id = text.slice(0, text.indexOf('|'));
    const sent = this.sent.get(id);
    if (sent === undefined) {
      this.#world.problem(`a ghost: ${where} is ${JSON.stringify(text.slice(0, 40))}, which nobody sent`);
      return;
    }
    if (record.topic !== topic || record.queueId !== queueId || sent.topic !== topic || sent.queueId !== queueId)
      this.#world.problem(`${id} was sent to ${sent.topic}/${sent.queueId} and is in ${where} as of ${record.topic}/${record.queueId}`);
    if (record.body.length !== sent.bytes || !Buffer.from(bodyOf(id, sent.bytes)).equals(record.body))
      this.#world.problem(`${id} in ${where} has another body than was sent`);
    sent.isSeen = true;
    this.#place(sent, record.queueOffset, record.physicalOffset, 'a pull');
  }

  #place(sent: Sent, offset: number, physical: number, by: string): void {
    const view = this.view(sent.topic, sent.queueId);
    const there = view.get(offset);
    if (there !== undefined && there.id !== sent.id)
      this.#world.problem(`${sent.topic}/${sent.queueId} at ${offset} is ${sent.id} by ${by}, and was ${there.id}`);
    if (there !== undefined && there.id === sent.id && there.physical !== physical)
      this.#world.problem(
        `${sent.id} in ${sent.topic}/${sent.queueId} at ${offset} has moved in the log from ${there.physical} to ${physical}`,
      );
    view.set(offset, { id: sent.id, physical });
    if (sent.offset < 0) sent.offset = offset;
    else if (sent.offset !== offset && sent.copies === 1 && !this.#repeats(sent))
      this.#world.problem(`${sent.id} is in ${sent.topic}/${sent.queueId} at ${sent.offset} and at ${offset}`);
    if (sent.physical < 0) sent.physical = physical;
  }

  /** What was delivered and not saved as delivered comes again when somebody has died. */
  #repeats(sent: Sent): boolean {
    return sent.mayRepeat && this.#world.ends > 0;
  }

  view(topic: string, queueId: number): QueueView {
    const key = `${topic}/${queueId}`;
    let view = this.#queues.get(key);
    if (view === undefined) {
      view = new Map();
      this.#queues.set(key, view);
    }
    return view;
  }

  crashed(crash: Crash): void {
    if (crash.losesUnsynced) this.mayHaveGaps = true;
    if (!crash.losesUnsynced || this.#world.scenario.syncFlush) return;
    for (const sent of this.sent.values()) {
      if (sent.physical < 0 || sent.physical >= crash.flushedEnd) {
        sent.mayBeLost = true;
        sent.offset = -1;
        sent.isSeen = false;
        if (!sent.isParked) sent.physical = -1;
      }
    }
    for (const view of this.#queues.values()) {
      for (const [offset, { physical }] of view) if (physical >= crash.flushedEnd) view.delete(offset);
    }
  }

  /** The whole queue as it is at the end: every offset of [min, max) with its record. */
  verifyQueue(topic: string, queueId: number, min: number, max: number, records: readonly MessageRecord[]): void {
    const where = `${topic}/${queueId}`;
    if (min !== 0 && !this.mayHaveGaps) this.#world.problem(`${where} begins at ${min}, though nothing was removed`);
    const found = new Map<string, number>();
    let expected = min;
    const lastOrder = new Map<string, { order: number; id: string }>();
    for (const record of records) {
      if (record.queueOffset !== expected && !(this.mayHaveGaps && record.queueOffset > expected))
        this.#world.problem(`${where} has ${record.queueOffset} where ${expected} belongs`);
      expected = record.queueOffset + 1;
      this.seen(topic, queueId, record);
      const there = this.view(topic, queueId).get(record.queueOffset);
      const sent = there === undefined ? undefined : this.sent.get(there.id);
      if (sent === undefined) continue;
      found.set(sent.id, (found.get(sent.id) ?? 0) + 1);
      if (sent.isParked || sent.copies > 1) continue;
      const last = lastOrder.get(sent.line);
      if (last !== undefined && last.order > sent.order)
        this.#world.problem(`${where} has ${sent.id} behind ${last.id}, which was sent after it on the same connection`);
      lastOrder.set(sent.line, { order: sent.order, id: sent.id });
    }
    if (expected < max && !this.mayHaveGaps) this.#world.problem(`${where} ends at ${max}, ${expected} is the last that can be read`);
    for (const sent of this.sent.values()) {
      if (sent.topic !== topic || sent.queueId !== queueId) continue;
      const times = found.get(sent.id) ?? 0;
      if (times > sent.copies && !this.#repeats(sent))
        this.#world.problem(`${sent.id} was sent ${sent.copies} times and is in ${where} ${times} times`);
      if (times > 0 || sent.mayBeLost) continue;
      if (sent.isAcked) this.#world.problem(`${sent.id} was acknowledged (${where} at ${sent.offset}, log ${sent.physical}) and is lost`);
      else if (sent.isSeen) this.#world.problem(`${sent.id} was seen in ${where} at ${sent.offset} and is lost`);
    }
  }
}

/** `id|` and a pattern that follows from it. */
export function bodyOf(id: string, bytes: number): Uint8Array {
  const text = Buffer.from(`${id}|`, 'latin1');
  const body = Buffer.alloc(Math.max(bytes, text.length), `${id}.`);
  body.set(text, 0);
  return body;
}
