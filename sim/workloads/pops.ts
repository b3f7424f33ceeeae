/**
 * Pops: consumers that pop one topic, acknowledge most of what they get and forget the rest. Checked all the time: a message that is with one of them
 * is given to nobody before its time is over, and one whose acknowledgement was answered does not come again; at the end all are acknowledged. What the log
 * could not take is promised to nobody: where the disk fails or is full, the end of a life brings back what was given out; so does a power cut.
 */
import { ackPopped, type Popped, pop, send } from '../asking.ts';
import { idOf, SeededWorkload } from '../seeded-workload.ts';
import type { SimClient } from '../sim-client.ts';
import type { Crash } from '../workload.ts';
import type { World } from '../world.ts';

const TOPIC = 'P';
const GROUP = 'GP';
const BROKER = 'broker-a';
const CONSUMERS = 2;
const GAP_MS = 30;
const INVISIBLE_MS = [500, 2_000, 6_000] as const;
const SETTLED_WITHIN_MS = 60_000;
/** So long before its time a message may be on its way to where it comes again from. */
const COMING_AGAIN_MS = 100;

type Item = {
  readonly id: string;
  isSent: boolean;
  /** Its acknowledgement was answered. */
  isDone: boolean;
  /** An acknowledgement was not answered, or answered as not stored: it is done, or comes again. */
  mayBeDone: boolean;
  /** When it was given out last, by the broker's clock, and until when it is with that client. */
  popTime: number;
  heldUntil: number;
  /** Its being given out, stored once more, or done, may have been forgotten: it may come more than once. */
  isDoubtful: boolean;
  /** A power cut has taken what was not synced. */
  mayBeLost: boolean;
};

export class Pops extends SeededWorkload {
  readonly name = 'pops';
  readonly #items: Map<string, Item> = new Map();
  #isOver = false;

  constructor(world: World) {
    super(world, 0x2c1b3c6d);
  }

  start(): void {
    void this.#produce();
    for (let i = 0; i < CONSUMERS; i++) void this.#consume();
  }

  onCrash(crash: Crash): void {
    this.#failed(crash.losesUnsynced);
    if (crash.losesUnsynced && !this.world.scenario.syncFlush) for (const item of this.#items.values()) item.mayBeLost = true;
  }

  onThreadEnd(name: string): void {
    if (name.startsWith('shard')) this.#failed(false);
  }

  /** What the log could not take is forgotten now; what was being stored once more may come from both places. */
  #failed(isPower: boolean): void {
    const { fullMs, diskErrorsPer10000, failedSync, threadDeathsPer10000 } = this.world.scenario;
    const all = isPower || fullMs > 0 || diskErrorsPer10000 > 0 || failedSync !== null || threadDeathsPer10000 > 0;
    const soon = this.world.time.clock.now() + COMING_AGAIN_MS;
    for (const item of this.#items.values()) if (all || item.heldUntil < soon) item.isDoubtful = true;
  }

  async #produce(): Promise<void> {
    const client = this.world.client();
    const { queues } = this.world.scenario;
    while (!this.isStopped) {
      await this.world.sleep(this.random.next() * 2 * GAP_MS);
      const id = `p${this.#items.size}`;
      const item: Item = {
        id,
        isSent: false,
        isDone: false,
        mayBeDone: false,
        popTime: 0,
        heldUntil: 0,
        isDoubtful: false,
        mayBeLost: false,
      };
      this.#items.set(id, item);
      const body = this.bodyOf(id, 200);
      const fields = { topic: TOPIC, queueId: this.random.below(queues), body, bornMs: this.world.time.clock.now(), queues };
      await send(client, fields, (answer) => {
        if (answer?.code !== 0) return;
        item.isSent = true;
        this.world.count('to be popped');
      });
    }
  }

  async #consume(): Promise<void> {
    const client = this.world.client();
    while (!this.#isOver) {
      const mine: (readonly [Item, Popped])[] = [];
      const options = {
        group: GROUP,
        topic: TOPIC,
        max: 1 + this.random.below(8),
        invisibleMs: INVISIBLE_MS[this.random.below(INVISIBLE_MS.length)]!,
        holdMs: this.random.below(3) * 200,
        nowMs: this.world.time.clock.now(),
        brokerName: BROKER,
      };
      await pop(client, options, (popped) => {
        for (const one of popped) {
          const item = this.#taken(one);
          if (item !== null) mine.push([item, one]);
        }
      });
      for (const [item, one] of mine) {
        // Some are forgotten while there is load.
        if (!this.isStopped && this.random.below(4) === 0) continue;
        await this.#ack(client, item, one);
      }
      await this.world.sleep(this.random.next() * 100);
    }
  }

  async #ack(client: SimClient, item: Item, { receipt }: Popped): Promise<void> {
    await ackPopped(client, receipt, (answer) => {
      if (answer?.code === 0) {
        item.isDone = true;
        this.world.count('acknowledged pops');
      } else {
        item.mayBeDone = true;
        this.world.count(`pops not acknowledged ${answer?.code ?? ''}`);
      }
    });
  }

  #taken({ record, popTime, invisibleMs }: Popped): Item | null {
    const item = this.#items.get(idOf(record));
    const where = `${record.topic}/${record.queueId} at ${record.queueOffset}`;
    if (item === undefined) {
      this.world.problem(`a ghost: ${where} is popped, which nobody sent`);
      return null;
    }
    this.world.count('popped');
    // Its answer was longer on its way than the message was invisible.
    if (popTime < item.popTime) return null;
    if (!item.isDoubtful) {
      if (item.isDone) this.world.problem(`${item.id} was acknowledged and is popped again at ${popTime} (${where})`);
      else if (popTime < item.heldUntil)
        this.world.problem(`${item.id} is with a client until ${item.heldUntil} and is popped again at ${popTime} (${where})`);
    }
    item.popTime = popTime;
    item.heldUntil = popTime + invisibleMs;
    item.isDone = item.mayBeDone = false;
    return item;
  }

  #open(): Item[] {
    return [...this.#items.values()].filter((item) => item.isSent && !item.isDone && !item.mayBeDone && !item.mayBeLost);
  }

  async verify(): Promise<void> {
    const until = this.world.time.nowMs + SETTLED_WITHIN_MS;
    while (this.#open().length > 0 && this.world.time.nowMs < until) await this.world.sleep(500);
    this.#isOver = true;
    for (const { id, heldUntil } of this.#open())
      this.world.problem(`${id} was sent and is never acknowledged; it was given out last until ${heldUntil}`);
  }
}
