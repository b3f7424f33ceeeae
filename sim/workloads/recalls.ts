/**
 * Recalls: producers of timed messages that take some of them back, early, at the last moment, too late, and more than once. Checked at the end,
 * in all that was stored: a message that was taken back, by the broker's own word, is not there; any other that was acknowledged is, not before
 * its time, and once while nobody dies. A word means its topic alone: each message has a twin of the same unique key in another one, which stays.
 * After a power cut in asynchronous flush a word that was not synced is forgotten, as a message is.
 */

import { parseMessageId } from '../../model/message-id.ts';
import type { MessageRecord } from '../../model/message-record.ts';
import { recall, send } from '../asking.ts';
import { idOf, SeededWorkload } from '../seeded-workload.ts';
import type { SimClient } from '../sim-client.ts';
import type { Crash } from '../workload.ts';
import type { World } from '../world.ts';

const TOPIC = 'C';
const TWIN_TOPIC = 'CT';
const PRODUCERS = 2;
const GAP_MS = 50;
const DELAY_MS_MAX = 3_500;

type Item = {
  readonly id: string;
  readonly topic: string;
  readonly dueMs: number;
  isAcked: boolean;
  /** Where it waits; −1: unknown. */
  physical: number;
  mayBeLost: boolean;
  /** The broker said that it is taken back. */
  isRecalled: boolean;
  /** A word for it was sent, and nobody knows what became of it. */
  mayBeRecalled: boolean;
  /** The word lies before this place of the log; +∞: nobody knows. */
  wordBefore: number;
};

export class Recalls extends SeededWorkload {
  readonly name = 'recalls';
  readonly #items: Map<string, Item> = new Map();

  constructor(world: World) {
    super(world, 0x4cf5ad43);
  }

  start(): void {
    for (let i = 0; i < PRODUCERS; i++) void this.#produce(i);
  }

  onCrash(crash: Crash): void {
    if (!this.isForgetful(crash)) return;
    for (const item of this.#items.values()) {
      if (item.physical < 0 || item.physical >= crash.flushedEnd) item.mayBeLost = true;
      if (item.isRecalled && item.wordBefore > crash.flushedEnd) {
        item.isRecalled = false;
        item.mayBeRecalled = true;
      }
    }
  }

  async #produce(number: number): Promise<void> {
    const client = this.world.client();
    while (!this.isStopped) {
      await this.world.sleep(this.random.next() * 2 * GAP_MS);
      const uniqueKey = `U${number}-${this.#items.size}`;
      // Many of one second, so that words and messages meet.
      const delayMs = 1 + this.random.below(this.random.below(3) === 0 ? 1_200 : DELAY_MS_MAX);
      void this.#send(this.world.client(), TWIN_TOPIC, uniqueKey, delayMs);
      const { item, handle } = await this.#send(client, TOPIC, uniqueKey, delayMs);
      if (handle !== null && this.random.below(2) === 0) void this.#takeBack(this.world.client(), item, handle);
    }
  }

  async #send(client: SimClient, topic: string, uniqueKey: string, delayMs: number): Promise<{ item: Item; handle: string | null }> {
    const { queues } = this.world.scenario;
    const now = this.world.time.clock.now();
    const id = `c${this.#items.size}`;
    const fate = { isAcked: false, physical: -1, mayBeLost: false, isRecalled: false, mayBeRecalled: false };
    const item: Item = { id, topic, dueMs: now + delayMs, ...fate, wordBefore: Number.POSITIVE_INFINITY };
    this.#items.set(id, item);
    const words = [...this.#items.values()].filter((one) => one.isRecalled && one.wordBefore === Number.POSITIVE_INFINITY);
    const body = this.bodyOf(id, 200);
    const properties = { UNIQ_KEY: uniqueKey, TIMER_DELIVER_MS: String(item.dueMs) };
    let handle: string | null = null;
    await send(client, { topic, queueId: this.random.below(queues), body, properties, bornMs: now, queues }, (answer) => {
      if (answer?.code !== 0) return;
      item.isAcked = true;
      item.physical = parseMessageId(String(answer.ext.get('msgId'))).physicalOffset;
      for (const one of words) one.wordBefore = Math.min(one.wordBefore, item.physical);
      // Without one it was due when it came.
      handle = answer.ext.get('recallHandle') ?? null;
      this.world.count('to be taken back, or not');
      this.promised(delayMs);
    });
    return { item, handle };
  }

  async #takeBack(client: SimClient, item: Item, recallHandle: string): Promise<void> {
    const leftMs = Math.max(0, item.dueMs - this.world.time.clock.now());
    // Half of them at the last moment: a word counts up to the second before the message's.
    const lastMs = Math.max(0, leftMs - (item.dueMs % 1000 || 1000));
    await this.world.sleep(this.random.below(2) === 0 ? this.random.next() * leftMs : Math.max(0, lastMs - this.random.next() * 60));
    for (let again = this.random.below(3); ; again--) {
      if (this.isStopped) return;
      await recall(client, { topic: item.topic, recallHandle }, (answer) => {
        this.world.count(`taken back ${answer?.code ?? 'without answer'}`);
        this.world.time.tell(
          () => `  recall of ${item.id}, due at ${item.dueMs}: ${answer?.code} ${answer?.remark} now ${this.world.time.clock.now()}`,
        );
        if (answer?.code === 0) item.isRecalled = true;
        else if (answer?.code !== 604) item.mayBeRecalled = true;
      });
      if (again === 0) return;
      await this.world.sleep(this.random.next() * 50);
    }
  }

  // ---- the end

  async verify(): Promise<void> {
    const client = this.world.client();
    const came = new Map<string, number>();
    for (const topic of [TOPIC, TWIN_TOPIC]) {
      for (let queueId = 0; queueId < this.world.scenario.queues; queueId++)
        await this.eachRecord(client, { group: 'VC', topic, queueId }, (record) => this.#came(record, came));
    }
    for (const item of this.#items.values()) {
      const { id, topic, isAcked, isRecalled, mayBeRecalled, mayBeLost } = item;
      const times = came.get(id) ?? 0;
      if (times > 0 && isRecalled) this.world.problem(`${id} of ${topic}, due at ${item.dueMs}, was taken back and came ${times} times`);
      if (times > 1 && this.world.ends === 0) this.world.problem(`${id} of ${topic} came ${times} times, and nobody has died`);
      if (times === 0 && isAcked && !isRecalled && !mayBeRecalled && !mayBeLost)
        this.world.problem(`${id} of ${topic}, due at ${item.dueMs}, was acknowledged, taken back by nobody, and did not come`);
      if (times > 0) this.world.count('came, since nobody took them back');
    }
  }

  #came(record: MessageRecord, came: Map<string, number>): void {
    const id = idOf(record);
    const where = `${record.topic}/${record.queueId} at ${record.queueOffset}`;
    this.world.time.tell(() => `  ${id} came, stored at ${record.storeTimestamp} physical ${record.physicalOffset}`);
    const item = this.#items.get(id);
    if (item === undefined || item.topic !== record.topic) {
      this.world.problem(`a ghost: ${where} is ${JSON.stringify(id)}, which nobody sent there`);
      return;
    }
    if (record.storeTimestamp < item.dueMs)
      this.world.problem(`${id} in ${where} came ${item.dueMs - record.storeTimestamp} ms before its time`);
    came.set(id, (came.get(id) ?? 0) + 1);
  }
}
