/**
 * Filters: readers that follow a topic by a tag, whose hash is another tag's too, and by SQL92. Checked all the time: what a filter does not let through
 * is not given out; at the end: each reader has had all that its filter lets through, wherever the broker went on behind what it passed over.
 */
import type { MessageRecord } from '../../model/message-record.ts';
import { FOUND, type PullFilter, pull, queueEnd, send } from '../asking.ts';
import { idOf, SeededWorkload } from '../seeded-workload.ts';
import type { Crash } from '../workload.ts';
import type { World } from '../world.ts';

const TOPIC = 'F';
const GAP_MS = 15;
/** The first two have one hash. */
const TAGS = ['Aa', 'BB', 'C'] as const;
const NUMBERS = 10;
const CAUGHT_UP_WITHIN_MS = 60_000;

type Item = { readonly id: string; readonly tag: string; readonly n: number; isAcked: boolean; mayBeLost: boolean };
type Reader = {
  readonly group: string;
  readonly filter: PullFilter;
  readonly wants: (item: Item) => boolean;
  readonly seen: Set<Item>;
  /** By queue. */
  readonly next: number[];
};

export class Filters extends SeededWorkload {
  readonly name = 'filters';
  readonly #items: Map<string, Item> = new Map();
  readonly #readers: readonly Reader[];
  #isOver = false;

  constructor(world: World) {
    super(world, 0x61c88647);
    const queues = world.scenario.queues;
    const reader = (group: string, type: PullFilter['type'], expression: string, wants: Reader['wants']): Reader => ({
      group,
      filter: { type, expression },
      wants,
      seen: new Set(),
      next: new Array<number>(queues).fill(0),
    });
    this.#readers = [
      reader('FT', 'TAG', 'Aa', ({ tag }) => tag === 'Aa'),
      reader('FS', 'SQL92', "n BETWEEN 3 AND 4 AND TAGS <> 'C'", ({ n, tag }) => n >= 3 && n <= 4 && tag !== 'C'),
    ];
  }

  start(): void {
    void this.#produce();
    for (const reader of this.#readers) for (const queueId of reader.next.keys()) void this.#read(reader, queueId);
  }

  onCrash(crash: Crash): void {
    if (!this.isForgetful(crash)) return;
    for (const item of this.#items.values()) item.mayBeLost = true;
    // The queues may end earlier, and go on with other messages.
    for (const { next } of this.#readers) next.fill(0);
  }

  async #produce(): Promise<void> {
    const client = this.world.client();
    const { queues } = this.world.scenario;
    while (!this.isStopped) {
      await this.world.sleep(this.random.next() * 2 * GAP_MS);
      const id = `f${this.#items.size}`;
      // In runs, so that a filter passes over many at once.
      const tag = TAGS[Math.floor(this.#items.size / 20) % TAGS.length]!;
      const item: Item = { id, tag, n: this.random.below(NUMBERS), isAcked: false, mayBeLost: false };
      this.#items.set(id, item);
      const body = this.bodyOf(id, 100);
      const properties = { TAGS: tag, n: String(item.n) };
      const fields = { topic: TOPIC, queueId: this.random.below(queues), body, properties, bornMs: this.world.time.clock.now(), queues };
      await send(client, fields, (answer) => {
        if (answer?.code !== 0) return;
        item.isAcked = true;
        this.world.count('to be filtered');
      });
    }
  }

  async #read(reader: Reader, queueId: number): Promise<void> {
    const client = this.world.client();
    const { group, filter } = reader;
    while (!this.#isOver) {
      const offset = reader.next[queueId]!;
      const got = await pull(client, { group, topic: TOPIC, queueId, offset, max: 4, holdMs: 200, filter });
      if (got?.code === FOUND) for (const record of got.records) this.#seen(reader, record);
      // A crash meanwhile may have put it back.
      if (got !== null && got.next >= 0 && reader.next[queueId] === offset) reader.next[queueId] = got.next;
      await this.world.sleep(this.random.next() * 40);
    }
  }

  #seen(reader: Reader, record: MessageRecord): void {
    const item = this.#items.get(idOf(record));
    const where = `${TOPIC}/${record.queueId} at ${record.queueOffset}`;
    if (item === undefined) this.world.problem(`a ghost: ${where} is nothing that anybody sent`);
    else if (!reader.wants(item)) this.world.problem(`${item.id} (${item.tag}, ${item.n}) of ${where} passed ${reader.filter.expression}`);
    else {
      reader.seen.add(item);
      this.world.count('filtered');
    }
  }

  #missing(reader: Reader): Item[] {
    const wanted = [...this.#items.values()].filter((item) => item.isAcked && !item.mayBeLost && reader.wants(item));
    return wanted.filter((item) => !reader.seen.has(item));
  }

  async verify(): Promise<void> {
    const client = this.world.client();
    const until = this.world.time.nowMs + CAUGHT_UP_WITHIN_MS;
    while (this.#readers.some((reader) => this.#missing(reader).length > 0) && this.world.time.nowMs < until) await this.world.sleep(200);
    this.#isOver = true;
    for (const reader of this.#readers) {
      const missing = this.#missing(reader);
      if (missing.length === 0) continue;
      const ends: (number | null)[] = [];
      for (const queueId of reader.next.keys()) ends.push(await queueEnd(client, 'max', TOPIC, queueId));
      const ids = missing.map(({ id }) => id).slice(0, 8);
      this.world.problem(`${reader.filter.expression} has not had ${ids} (${missing.length}); it is at ${reader.next} of ${ends}`);
    }
  }
}
