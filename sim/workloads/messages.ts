/**
 * Messages: producers that send singly, in bursts and in batches, some of them again when no answer came, some with a delay level; and
 * readers that follow the queues or begin anew. Checked by the ledger; of delayed messages also that none comes before its time.
 */

import { parseMessageId } from '../../model/message-id.ts';
import type { MessageRecord } from '../../model/message-record.ts';
import type { RemotingCommand } from '../../protocol/remoting/command.ts';
import { FOUND, pull, queueEnd, send } from '../asking.ts';
import { DELAYS_MS } from '../delays.ts';
import { Ledger, type Sent } from '../ledger.ts';
import { SeededWorkload } from '../seeded-workload.ts';
import type { SimClient } from '../sim-client.ts';
import type { Crash } from '../workload.ts';
import type { World } from '../world.ts';

const BURST_MAX = 8;
const BATCH_MAX = 5;
const AGAIN_MAX = 2;
/** Retry sends share a sender's line no more: a copy may come after what was sent later. */
const SMALLEST_BODY_BYTES = 16;
const TIMER_MS_MAX = 2_500;

export class Messages extends SeededWorkload {
  readonly name = 'messages';
  readonly ledger: Ledger;

  constructor(world: World) {
    super(world, 0x27d4eb2f);
    this.ledger = new Ledger(world);
  }

  start(): void {
    const { producers, readers } = this.world.scenario;
    for (let i = 0; i < producers; i++) void this.#produce(i);
    for (let i = 0; i < readers; i++) void this.#read(i);
  }

  onCrash(crash: Crash): void {
    this.ledger.crashed(crash);
  }

  #topic(): string {
    return `T${this.random.below(this.world.scenario.topics)}`;
  }

  // ---- producers

  async #produce(number: number): Promise<void> {
    const { gapMs } = this.world.scenario;
    const client = this.world.client();
    let connection = 0;
    client.onConnected = () => {
      connection++;
    };
    let order = 0;
    while (!this.isStopped) {
      await this.world.sleep(this.random.next() * 2 * gapMs);
      const isBurst = this.random.below(3) === 0;
      const sends = isBurst ? 1 + this.random.below(BURST_MAX) : 1;
      const all: Promise<void>[] = [];
      // Before the first one's line is noted: it counts connections.
      client.connect();
      for (let i = 0; i < sends; i++) all.push(this.#send(client, `${number}.${connection}`, order++));
      await Promise.all(all);
      if (this.random.below(200) === 0) client.drop();
    }
  }

  async #send(client: SimClient, line: string, order: number): Promise<void> {
    const { scenario } = this.world;
    const topic = this.#topic();
    const queueId = this.random.below(scenario.queues);
    if (scenario.batches && this.random.below(6) === 0) {
      await this.#sendBatch(client, line, order, topic, queueId);
      return;
    }
    const level = scenario.delays && this.random.below(5) === 0 ? 1 + this.random.below(DELAYS_MS.length) : 0;
    const timerMs = scenario.timers && level === 0 && this.random.below(5) === 0 ? 1 + this.random.below(TIMER_MS_MAX) : 0;
    const delayMs = level > 0 ? DELAYS_MS[level - 1]! : timerMs;
    const bytes = SMALLEST_BODY_BYTES + this.random.below(scenario.bodyBytesMax);
    const { sent, body } = this.ledger.begin({ topic, queueId, bytes, line, order, isParked: delayMs > 0 });
    if (delayMs > 0) this.#delays.set(sent.id, delayMs);
    for (let again = this.random.below(4) === 0 ? AGAIN_MAX : 0; ; again--) {
      const bornMs = this.world.time.clock.now();
      const properties: Record<string, string> = {};
      if (level > 0) properties['DELAY'] = String(level);
      else if (timerMs > 0) properties['TIMER_DELAY_MS'] = String(timerMs);
      await send(client, { topic, queueId, body, bornMs, queues: scenario.queues, properties }, (answer) => this.#answered(sent, answer));
      if (sent.isAcked || again === 0 || this.isStopped) return;
      // The same once more: there may be two of it.
      sent.copies++;
      await this.world.sleep(this.random.next() * 100);
    }
  }

  async #sendBatch(client: SimClient, line: string, order: number, topic: string, queueId: number): Promise<void> {
    const { scenario } = this.world;
    const items = Array.from({ length: 2 + this.random.below(BATCH_MAX) }, (_, i) => {
      const bytes = SMALLEST_BODY_BYTES + this.random.below(Math.min(1000, scenario.bodyBytesMax));
      return this.ledger.begin({ topic, queueId, bytes, line, order: order + i / 100 });
    });
    const body = Buffer.concat(items.map((item) => batchItem(item.body)));
    const fields = { topic, queueId, body, isBatch: true, bornMs: this.world.time.clock.now(), queues: scenario.queues };
    await send(client, fields, (answer) => {
      if (answer?.code !== 0) return;
      const first = Number(answer.ext.get('queueOffset'));
      const ids = String(answer.ext.get('msgId')).split(',');
      for (const [i, { sent }] of items.entries()) this.ledger.acked(sent, first + i, parseMessageId(ids[i] ?? ids[0]!).physicalOffset);
    });
  }

  #answered(sent: Sent, answer: RemotingCommand | null): void {
    if (answer === null) {
      this.world.count('unanswered');
      return;
    }
    if (answer.code !== 0) {
      this.world.count(`answer ${answer.code}`);
      return;
    }
    if (Number(answer.ext.get('queueId')) !== sent.queueId && !sent.isParked)
      this.world.problem(`${sent.id} was sent to queue ${sent.queueId} and acknowledged in ${answer.ext.get('queueId')}`);
    this.ledger.acked(sent, Number(answer.ext.get('queueOffset')), parseMessageId(String(answer.ext.get('msgId'))).physicalOffset);
    if (sent.isParked) this.promised(this.#delays.get(sent.id)!);
  }

  // ---- readers

  async #read(number: number): Promise<void> {
    const { scenario } = this.world;
    const client = this.world.client();
    const positions = new Map<string, number>();
    const group = `R${number}`;
    while (!this.isStopped) {
      const topic = this.#topic();
      const queueId = this.random.below(scenario.queues);
      const key = `${topic}/${queueId}`;
      const dice = this.random.below(20);
      if (dice === 0) positions.set(key, 0);
      const offset = positions.get(key) ?? 0;
      const max = 1 + this.random.below(32);
      const got = await pull(client, { group, topic, queueId, offset, max, holdMs: this.random.below(3) * 100 }, ({ records }) => {
        this.#checkRun(key, offset, records);
        for (const record of records) this.#seen(topic, queueId, record);
      });
      if (got === null) this.world.count('pulls without answer');
      else if (got.code === FOUND) {
        this.world.count('pulls found');
        positions.set(key, got.next);
      } else if (got.next >= 0) positions.set(key, got.next);
      await this.world.sleep(this.random.next() * 40);
    }
  }

  #checkRun(where: string, offset: number, records: readonly MessageRecord[]): void {
    let expected = offset;
    for (const record of records) {
      if (record.queueOffset !== expected && !(this.ledger.mayHaveGaps && record.queueOffset > expected))
        this.world.problem(`a pull of ${where} at ${offset} got ${record.queueOffset} where ${expected} belongs`);
      expected = record.queueOffset + 1;
    }
  }

  readonly #delays: Map<string, number> = new Map();

  #seen(topic: string, queueId: number, record: MessageRecord): void {
    this.ledger.seen(topic, queueId, record);
    const there = this.ledger.view(topic, queueId).get(record.queueOffset);
    const sent = there === undefined ? undefined : this.ledger.sent.get(there.id);
    if (sent === undefined) return;
    const delayMs = this.#delays.get(sent.id) ?? 0;
    if (delayMs > 0 && record.storeTimestamp < sent.sentAtMs + delayMs)
      this.world.problem(`${sent.id} was to come after ${delayMs} ms and came after ${record.storeTimestamp - sent.sentAtMs}`);
  }

  // ---- the end

  async verify(): Promise<void> {
    const { scenario } = this.world;
    const client = this.world.client();
    for (let topic = 0; topic < scenario.topics; topic++) {
      for (let queueId = 0; queueId < scenario.queues; queueId++) await this.#verifyQueue(client, `T${topic}`, queueId);
    }
  }

  async #verifyQueue(client: SimClient, topic: string, queueId: number): Promise<void> {
    const min = await queueEnd(client, 'min', topic, queueId);
    const max = await queueEnd(client, 'max', topic, queueId);
    if (min === null || max === null) {
      const wasUsed = [...this.ledger.sent.values()].some(
        (sent) => sent.topic === topic && (sent.isAcked || sent.isSeen) && !sent.mayBeLost,
      );
      if (wasUsed) this.world.problem(`${topic}/${queueId} is not there, though messages of it were acknowledged`);
      return;
    }
    const records: MessageRecord[] = [];
    for (let at = min, tries = 0; at < max; ) {
      const got = await pull(client, { group: 'V', topic, queueId, offset: at, max: 32, holdMs: 0 });
      if (got?.code === FOUND && got.records.length > 0) {
        for (const record of got.records) this.#seen(topic, queueId, record);
        records.push(...got.records);
        at = got.next;
        tries = 0;
      } else if (got !== null && got.next > at) {
        // Nothing that can be read: the next offset that may be something.
        at = got.next;
        tries = 0;
      } else if (++tries > 20) {
        this.world.problem(`${topic}/${queueId} cannot be read at ${at} of ${max}: ${got === null ? 'no answer' : `code ${got.code}`}`);
        break;
      } else await this.world.sleep(100);
    }
    this.ledger.verifyQueue(topic, queueId, min, max, records);
  }
}

/** A message in the body of a batch. */
function batchItem(body: Uint8Array): Buffer {
  const item = Buffer.alloc(22 + body.length);
  item.writeInt32BE(item.length, 0);
  item.writeInt32BE(body.length, 16);
  item.set(body, 20);
  return item;
}
