/**
 * Retries: consumers of a group that fail, give messages back and are tried again, up to the dead letters; and that crash now and then, so that what
 * they had in hand is consumed again. Each message has its fate from the beginning: the attempt that succeeds, or none. Checked all the time:
 * what comes again was given back, and not before its time; at the end: whatever was acknowledged to its producer has succeeded, or is a dead letter
 * if that is its fate. A power cut in asynchronous flush may take what was not synced.
 */
import { parseProperties, RETRY_TOPIC } from '../../model/message-property.ts';
import type { MessageRecord } from '../../model/message-record.ts';
import { commitOffset, committedOffset, FOUND, pull, send, sendBack } from '../asking.ts';
import { DELAYS_MS } from '../delays.ts';
import { idOf, SeededWorkload } from '../seeded-workload.ts';
import type { SimClient } from '../sim-client.ts';
import type { Crash } from '../workload.ts';
import type { World } from '../world.ts';

const TOPIC = 'Q';
const GROUP = 'GQ';
const RETRY = `%RETRY%${GROUP}`;
const DEAD = `%DLQ%${GROUP}`;
const GAP_MS = 40;
/** Attempts more than the first, as the clients say it. */
const AGAIN_MAX = 2;
const NEVER = 99;
const FATES: readonly number[] = [0, 0, 1, 1, 2, NEVER];
const CRASH_ONE_IN = 40;
const LEVELS = 2;
const SETTLED_WITHIN_MS = 90_000;
/** No message begins there: after a power cut. */
const NOT_THERE = 1;

type Item = {
  readonly id: string;
  /** The attempt that succeeds, counted from 0. */
  readonly fate: number;
  isAcked: boolean;
  isDone: boolean;
  mayBeLost: boolean;
  /** By attempt: when it was given back first, at the level that waits least. */
  readonly back: Map<number, number>;
};

/** `isKnown`: the consumer has asked where its group is. */
type Place = { readonly topic: string; readonly queueId: number; next: number; isKnown: boolean };

export class Retries extends SeededWorkload {
  readonly name = 'retries';
  readonly #items: Map<string, Item> = new Map();
  readonly #places: Place[] = [];
  #isOver = false;

  constructor(world: World) {
    super(world, 0x4cf5ad43);
  }

  start(): void {
    void this.#produce();
    const { queues } = this.world.scenario;
    for (let queueId = 0; queueId < queues; queueId++) this.#places.push({ topic: TOPIC, queueId, next: 0, isKnown: false });
    this.#places.push({ topic: RETRY, queueId: 0, next: 0, isKnown: false });
    for (const place of this.#places) void this.#consume(place);
  }

  onCrash(crash: Crash): void {
    if (!this.isForgetful(crash)) return;
    for (const item of this.#items.values()) if (!item.isDone) item.mayBeLost = true;
    // The queues may end earlier, and go on with other messages: consumers begin anew where the broker has them.
    for (const place of this.#places) place.isKnown = false;
  }

  async #produce(): Promise<void> {
    const client = this.world.client();
    const { queues } = this.world.scenario;
    while (!this.isStopped) {
      await this.world.sleep(this.random.next() * 2 * GAP_MS);
      const id = `q${this.#items.size}`;
      const fate = FATES[this.random.below(FATES.length)]!;
      const item: Item = { id, fate, isAcked: false, isDone: false, mayBeLost: false, back: new Map() };
      this.#items.set(id, item);
      const body = this.bodyOf(id, 200);
      const fields = { topic: TOPIC, queueId: this.random.below(queues), body, bornMs: this.world.time.clock.now(), queues };
      await send(client, fields, (answer) => {
        if (answer?.code !== 0) return;
        item.isAcked = true;
        this.world.count('to be tried');
      });
    }
  }

  async #consume(place: Place): Promise<void> {
    const client = this.world.client();
    while (!this.#isOver) {
      const { topic, queueId } = place;
      if (!place.isKnown) {
        await committedOffset(client, { group: GROUP, topic, queueId }, (offset) => {
          place.next = Math.max(0, offset);
          place.isKnown = true;
        });
        // Some are slow to begin, and messages come meanwhile.
        await this.world.sleep(this.random.next() * 200);
        continue;
      }
      const { next } = place;
      const got = await pull(client, { group: GROUP, topic, queueId, offset: next, max: 8, holdMs: 100 });
      if (got?.code === FOUND) {
        let isDone = true;
        for (const record of got.records) isDone &&= await this.#work(client, record);
        if (isDone && place.next === next) place.next = got.next;
      } else if (got !== null && got.next >= 0 && place.next === next) place.next = got.next;
      if (place.isKnown && this.random.below(4) === 0)
        await commitOffset(client, { group: GROUP, topic, queueId, offset: place.next }, () => {});
      if (!this.isStopped && this.random.below(CRASH_ONE_IN) === 0) {
        this.world.count('crashed consumers');
        client.drop();
        place.isKnown = false;
      }
      await this.world.sleep(this.random.next() * 40);
    }
  }

  /** False: it is to be consumed once more. */
  async #work(client: SimClient, record: MessageRecord): Promise<boolean> {
    const item = this.#check(record);
    if (item === null) return true;
    const attempt = record.reconsumeTimes;
    if (attempt >= item.fate) {
      item.isDone = true;
      return true;
    }
    const level = 1 + this.random.below(LEVELS);
    const dueAt = this.world.time.clock.now() + (attempt < AGAIN_MAX ? DELAYS_MS[level - 1]! : 0);
    item.back.set(attempt, Math.min(dueAt, item.back.get(attempt) ?? Number.POSITIVE_INFINITY));
    const answer = await sendBack(client, { group: GROUP, physicalOffset: record.physicalOffset, level, attemptsMax: AGAIN_MAX });
    this.world.count('given back');
    if (answer?.code === NOT_THERE && !item.mayBeLost && /no message begins there/.test(answer.remark ?? ''))
      this.world.problem(`${item.id} was read at ${record.physicalOffset} and cannot be given back: ${answer.remark}`);
    return answer?.code === 0;
  }

  #check(record: MessageRecord): Item | null {
    const id = idOf(record);
    const item = this.#items.get(id);
    const attempt = record.reconsumeTimes;
    const where = `${record.topic}/${record.queueId} at ${record.queueOffset}`;
    if (item === undefined) {
      this.world.problem(`a ghost: ${where} is ${JSON.stringify(id)}, which nobody sent`);
      return null;
    }
    if (record.topic === TOPIC) {
      if (attempt !== 0) this.world.problem(`${id} in ${where} has had ${attempt} attempts before its first`);
      return item;
    }
    const origin = parseProperties(record.properties).get(RETRY_TOPIC);
    if (origin !== TOPIC) this.world.problem(`${id} in ${where} comes from ${origin}, not from ${TOPIC}`);
    const dueAt = item.back.get(attempt - 1);
    if (dueAt === undefined)
      this.world.problem(`${id} is in ${where} with attempt ${attempt}, and nobody has given attempt ${attempt - 1} back`);
    else if (record.storeTimestamp < dueAt)
      this.world.problem(`${id} in ${where} came ${dueAt - record.storeTimestamp} ms before its time`);
    const isDead = record.topic === DEAD;
    if (isDead !== attempt > AGAIN_MAX) this.world.problem(`${id} is in ${where} with attempt ${attempt}`);
    return item;
  }

  #open(): Item[] {
    return [...this.#items.values()].filter((item) => item.isAcked && !item.isDone && !item.mayBeLost);
  }

  async verify(): Promise<void> {
    const client = this.world.client();
    const until = this.world.time.nowMs + SETTLED_WITHIN_MS;
    do {
      await this.#readDead(client);
      if (this.#open().length > 0) await this.world.sleep(1_000);
    } while (this.#open().length > 0 && this.world.time.nowMs < until);
    this.#isOver = true;
    for (const { id, fate, back } of this.#open())
      this.world.problem(`${id} was acknowledged, is to succeed at attempt ${fate}, was given back at ${[...back.keys()]}, and is nowhere`);
  }

  #readDead(client: SimClient): Promise<void> {
    return this.eachRecord(client, { group: 'VQ', topic: DEAD, queueId: 0 }, (record) => {
      const item = this.#check(record);
      if (item === null) return;
      if (item.fate !== NEVER) this.world.problem(`${item.id} is a dead letter, and was to succeed at attempt ${item.fate}`);
      item.isDone = true;
      this.world.count('dead letters');
    });
  }
}
