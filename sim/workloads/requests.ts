/**
 * Requests: clients that ask over a topic, others that read it and reply. Checked all the time: a reply comes to the client that asked and to no other, whole,
 * and as often as it was sent at most; one who is told that the asker took his reply is told the truth. At the end: the stored replies are those that
 * were sent, and each that was acknowledged as stored; and every asker gets a reply once more. A crash may cost a reply, never bring another's.
 */
import { parseMessageId } from '../../model/message-id.ts';
import { CORRELATION_ID, MESSAGE_TTL, MESSAGE_TYPE, parseProperties, REPLY_TO_CLIENT, UNIQ_KEY } from '../../model/message-property.ts';
import type { MessageRecord } from '../../model/message-record.ts';
import type { RemotingCommand } from '../../protocol/remoting/command.ts';
import { PUSH_REPLY_MESSAGE_TO_CLIENT, SEND_REPLY_MESSAGE_V2 } from '../../protocol/remoting/request-code.ts';
import { beatProducer, FOUND, pull, send } from '../asking.ts';
import { idOf, SeededWorkload } from '../seeded-workload.ts';
import type { SimClient } from '../sim-client.ts';
import type { Crash } from '../workload.ts';
import type { World } from '../world.ts';

const TOPIC = 'R';
const REPLIES = 'DefaultCluster_REPLY_TOPIC';
const GROUP = 'PGR';
const ASKERS = 3;
const REPLIERS = 2;
const BEAT_MS = 300;
const GAP_MS = 80;
const ANSWERED_WITHIN_MS = 60_000;
const ASK_AGAIN_MS = 1_000;
/** Said to be stored later than this, a reply may not be on the disk yet. */
const STORED_SURELY_MS = 4_000;

type Item = {
  readonly id: string;
  readonly asker: string;
  readonly body: Uint8Array;
  /** Replies that were sent; those that came to the asker, and of them those that it took; what the senders were told of. */
  sent: number;
  came: number;
  taken: number;
  told: number;
};
type Stored = { readonly item: Item; readonly physical: number; readonly queueOffset: number; mayBeLost: boolean };

export class Requests extends SeededWorkload {
  readonly name = 'requests';
  readonly #items: Map<string, Item> = new Map();
  readonly #stored: Stored[] = [];
  readonly #next: number[];
  readonly #askers: { readonly client: SimClient; readonly id: string }[] = [];
  readonly #repliers: SimClient[] = [];
  #isOver = false;

  constructor(world: World) {
    super(world, 0x2f0b4c47);
    this.#next = new Array<number>(world.scenario.queues).fill(0);
  }

  start(): void {
    for (let i = 0; i < ASKERS; i++) {
      const client = this.world.client();
      const id = `asker-${i}`;
      this.#askers.push({ client, id });
      client.onPush = (command) => this.#onPush(client, id, command);
      void this.#beat(client, id);
      void this.#askOn(client, id);
    }
    for (let i = 0; i < REPLIERS; i++) this.#repliers.push(this.world.client());
    for (const queueId of this.#next.keys()) void this.#serve(queueId);
  }

  onCrash(crash: Crash): void {
    if (!this.isForgetful(crash)) return;
    for (const stored of this.#stored) if (stored.physical >= crash.flushedEnd) stored.mayBeLost = true;
    // The queues may end earlier, and go on with other requests.
    this.#next.fill(0);
  }

  async #beat(client: SimClient, id: string): Promise<void> {
    while (!this.#isOver) {
      await beatProducer(client, id, GROUP);
      await this.world.sleep(BEAT_MS);
    }
  }

  async #askOn(client: SimClient, asker: string): Promise<void> {
    while (!this.isStopped) {
      await this.world.sleep(this.random.next() * 2 * GAP_MS);
      await this.#ask(client, asker);
    }
  }

  async #ask(client: SimClient, asker: string): Promise<Item> {
    const { queues } = this.world.scenario;
    const id = `r${this.#items.size}`;
    const item: Item = { id, asker, body: this.bodyOf(id, 3_000), sent: 0, came: 0, taken: 0, told: 0 };
    this.#items.set(id, item);
    this.world.count('requests');
    const properties = { UNIQ_KEY: id, [CORRELATION_ID]: id, [REPLY_TO_CLIENT]: asker, [MESSAGE_TTL]: '3000' };
    const body = Buffer.from(`${id}|`);
    const bornMs = this.world.time.clock.now();
    await send(client, { topic: TOPIC, queueId: this.random.below(queues), body, properties, bornMs, queues, group: GROUP }, () => {});
    return item;
  }

  async #serve(queueId: number): Promise<void> {
    const client = this.world.client();
    while (!this.#isOver) {
      const offset = this.#next[queueId]!;
      const got = await pull(client, { group: 'GR', topic: TOPIC, queueId, offset, max: 8, holdMs: 200 });
      if (got?.code === FOUND) for (const record of got.records) void this.#reply(record);
      // A crash meanwhile may have put it back.
      if (got !== null && got.next >= 0 && this.#next[queueId] === offset) this.#next[queueId] = got.next;
      await this.world.sleep(this.random.next() * 40);
    }
  }

  async #reply(request: MessageRecord): Promise<void> {
    const asked = parseProperties(request.properties);
    const item = this.#items.get(idOf(request));
    if (item === undefined || asked.get(CORRELATION_ID) !== item.id || asked.get(REPLY_TO_CLIENT) !== item.asker) {
      this.world.problem(`a ghost: ${TOPIC}/${request.queueId} at ${request.queueOffset} is no request that anybody sent`);
      return;
    }
    item.sent++;
    const properties = {
      [CORRELATION_ID]: item.id,
      [REPLY_TO_CLIENT]: item.asker,
      [MESSAGE_TYPE]: 'reply',
      [UNIQ_KEY]: `${item.id}.${item.sent}`,
    };
    const sentMs = this.world.time.nowMs;
    const bornMs = this.world.time.clock.now();
    const fields = { topic: REPLIES, queueId: 0, body: item.body, properties, bornMs, queues: 1, code: SEND_REPLY_MESSAGE_V2 };
    await send(this.#repliers[this.random.below(REPLIERS)]!, fields, (answer) => {
      this.world.count(`replies answered ${answer?.code ?? 'not'}`);
      if (answer === null) return;
      const id = String(answer.ext.get('msgId') ?? '0');
      if (id !== '0' && this.world.time.nowMs - sentMs < STORED_SURELY_MS) {
        const physical = parseMessageId(id).physicalOffset;
        this.#stored.push({ item, physical, queueOffset: Number(answer.ext.get('queueOffset')), mayBeLost: false });
      }
      if (answer.code === 0 && ++item.told > item.taken)
        this.world.problem(`of ${item.told} replies to ${item.id} it is said that the client took them; it took ${item.taken}`);
    });
  }

  #onPush(client: SimClient, own: string, command: RemotingCommand): void {
    if (command.code !== PUSH_REPLY_MESSAGE_TO_CLIENT) return;
    const properties = parseProperties(String(command.ext.get('properties') ?? ''));
    const item = this.#items.get(String(properties.get(CORRELATION_ID)));
    this.world.count('replies that came');
    if (item === undefined) {
      this.world.problem(`${own} gets a reply to ${properties.get(CORRELATION_ID)}, which nobody asked`);
      return;
    }
    if (item.asker !== own || properties.get(REPLY_TO_CLIENT) !== own)
      this.world.problem(`${own} gets the reply to ${item.id}, which ${item.asker} asked`);
    if (!item.body.every((byte, at) => command.body[at] === byte) || command.body.length !== item.body.length)
      this.world.problem(`the reply to ${item.id} came with another body: ${command.body.length} bytes of ${item.body.length}`);
    if (++item.came > item.sent) this.world.problem(`${item.came} replies to ${item.id} came, and ${item.sent} were sent`);
    // Some are not wanted any more.
    const isTaken = this.isStopped || this.random.below(8) > 0;
    if (isTaken) item.taken++;
    client.answer(command, isTaken ? 0 : 1);
  }

  // ---- the end

  async verify(): Promise<void> {
    await Promise.all(this.#askers.map(({ client, id }) => this.#untilReplied(client, id)));
    this.#isOver = true;
    const client = this.world.client();
    const there = new Map<number, MessageRecord>();
    const copies = new Map<Item, number>();
    await this.eachRecord(client, { group: 'VR', topic: REPLIES, queueId: 0 }, (record) => {
      there.set(record.queueOffset, record);
      const item = this.#items.get(idOf(record));
      const where = `${REPLIES}/0 at ${record.queueOffset}`;
      if (item === undefined) this.world.problem(`a ghost: ${where} is no reply that anybody sent`);
      else {
        const count = (copies.get(item) ?? 0) + 1;
        copies.set(item, count);
        if (count > item.sent) this.world.problem(`${where} is reply ${count} to ${item.id}, and ${item.sent} were sent`);
      }
    });
    for (const { item, physical, queueOffset, mayBeLost } of this.#stored) {
      const record = there.get(queueOffset);
      if (mayBeLost || (record?.physicalOffset === physical && idOf(record) === item.id)) continue;
      this.world.problem(`a reply to ${item.id} is said to be stored at ${queueOffset} (log ${physical}), and is not there`);
    }
  }

  /** A reply may be lost still with what was under way when everything was healed; one that is asked for again comes. */
  async #untilReplied(client: SimClient, asker: string): Promise<void> {
    const until = this.world.time.nowMs + ANSWERED_WITHIN_MS;
    while (this.world.time.nowMs < until) {
      const item = await this.#ask(client, asker);
      await this.world.sleep(ASK_AGAIN_MS);
      if (item.taken > 0) return;
    }
    this.world.problem(`${asker} asked for ${ANSWERED_WITHIN_MS} ms after everything was healed, and got no reply`);
  }
}
