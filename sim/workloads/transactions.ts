/**
 * Transactions: producers that send half messages, end most of them, forget some, and answer when they are asked. Each half message has its
 * outcome from the beginning, so that what consumers see tells right from wrong: what is committed is seen once, whatever died in between;
 * what is rolled back, or nobody decides, never; and nothing before somebody has committed it. A power cut in asynchronous flush may take
 * what was not synced: a half message, or its end, or the one and not the other.
 */
import { parseMessageId } from '../../model/message-id.ts';
import type { MessageRecord } from '../../model/message-record.ts';
import { TRANSACTION_COMMIT, TRANSACTION_PREPARED, TRANSACTION_ROLLBACK } from '../../model/system-flag.ts';
import type { RemotingCommand } from '../../protocol/remoting/command.ts';
import { CHECK_TRANSACTION_STATE } from '../../protocol/remoting/request-code.ts';
import { beatProducer, endFields, endOneway, endTransaction, pull, send } from '../asking.ts';
import { idOf, SeededWorkload } from '../seeded-workload.ts';
import type { SimClient } from '../sim-client.ts';
import type { Crash } from '../workload.ts';
import type { World } from '../world.ts';

const TOPIC = 'X';
const GROUP = 'PGX';
const PRODUCERS = 2;
const BEAT_MS = 300;
const GAP_MS = 60;

type Outcome = 'commit' | 'rollback' | 'unknown';
const OUTCOMES: readonly Outcome[] = ['commit', 'commit', 'commit', 'commit', 'commit', 'rollback', 'rollback', 'unknown'];
const WORDS: Readonly<Record<Outcome, number>> = { commit: TRANSACTION_COMMIT, rollback: TRANSACTION_ROLLBACK, unknown: 0 };

const NEW = { isSettled: false, mayBeLost: false, mayRepeat: false } as const;

type Half = {
  readonly id: string;
  readonly queueId: number;
  readonly outcome: Outcome;
  isAcked: boolean;
  physical: number;
  /** Somebody has said that it is committed. */
  isCommitted: boolean;
  /** Its end is known to last: acknowledged, or seen. */
  isSettled: boolean;
  mayBeLost: boolean;
  mayRepeat: boolean;
};

export class Transactions extends SeededWorkload {
  readonly name = 'transactions';
  readonly #halves: Map<string, Half> = new Map();

  constructor(world: World) {
    super(world, 0x6c8e9cf5);
  }

  start(): void {
    for (let i = 0; i < PRODUCERS; i++) {
      const client = this.world.client();
      client.onPush = (command) => this.#onPush(client, command);
      void this.#beat(client, `producer-${i}`);
      void this.#produce(client);
    }
    void this.#read();
  }

  onCrash(crash: Crash): void {
    if (!this.isForgetful(crash)) return;
    for (const half of this.#halves.values()) {
      half.mayBeLost = true;
      half.mayRepeat = true;
    }
  }

  /** Of a half message that lies in the broker under this id: whether it is to be committed, and nobody has seen it; undefined: there is no such. */
  isWaited(id: string): boolean | undefined {
    const half = this.#halves.get(id);
    return half === undefined ? undefined : half.outcome === 'commit' && !half.isSettled;
  }

  /** Members of the group are asked; it goes on after the load. */
  async #beat(client: SimClient, clientId: string): Promise<void> {
    for (;;) {
      await beatProducer(client, clientId, GROUP);
      await this.world.sleep(BEAT_MS);
    }
  }

  async #produce(client: SimClient): Promise<void> {
    while (!this.isStopped) {
      await this.world.sleep(this.random.next() * 2 * GAP_MS);
      const outcome: Outcome = OUTCOMES[this.random.below(OUTCOMES.length)]!;
      const queueId = this.random.below(this.world.scenario.queues);
      const id = `x${this.#halves.size}`;
      const half: Half = { id, queueId, outcome, isAcked: false, physical: -1, isCommitted: false, ...NEW };
      this.#halves.set(id, half);
      this.world.count('halves');
      const properties = { UNIQ_KEY: id, TRAN_MSG: 'true', PGROUP: GROUP };
      const bornMs = this.world.time.clock.now();
      const body = this.bodyOf(id, 200);
      let halfOffset = -1;
      const fields = {
        topic: TOPIC,
        queueId,
        body,
        bornMs,
        queues: this.world.scenario.queues,
        properties,
        sysFlag: TRANSACTION_PREPARED,
        group: GROUP,
      };
      await send(client, fields, (answer) => {
        if (answer?.code !== 0) return;
        half.isAcked = true;
        half.physical = parseMessageId(String(answer.ext.get('msgId'))).physicalOffset;
        halfOffset = Number(answer.ext.get('queueOffset'));
        this.promised(0);
      });
      // Some are forgotten, and their producer is asked.
      if (halfOffset < 0 || this.random.below(4) === 0) continue;
      await this.world.sleep(this.random.next() * 200);
      this.#say(half);
      const end = endFields({ group: GROUP, halfOffset, physical: half.physical, id }, WORDS[outcome], false);
      const tries = this.random.below(3);
      for (let i = 0; i <= tries && !half.isSettled; i++)
        await endTransaction(client, end, (answer) => {
          if (answer?.code === 0) half.isSettled = true;
        });
    }
  }

  #say(half: Half): void {
    if (half.outcome === 'commit') half.isCommitted = true;
  }

  #onPush(client: SimClient, command: RemotingCommand): void {
    if (command.code !== CHECK_TRANSACTION_STATE) return;
    this.world.count('checks');
    const id = String(command.ext.get('transactionId'));
    const half = this.#halves.get(id);
    if (half === undefined) {
      this.world.problem(`a producer is asked about ${id}, which nobody sent`);
      return;
    }
    // Nobody knows yet, until the broker does not ask any more.
    if (this.world.scenario.resumes && !this.isStopped && this.random.below(3) > 0) return;
    this.#say(half);
    const halfOffset = Number(command.ext.get('tranStateTableOffset'));
    const physical = Number(command.ext.get('commitLogOffset'));
    endOneway(client, endFields({ group: GROUP, halfOffset, physical, id }, WORDS[half.outcome], true));
  }

  async #read(): Promise<void> {
    const client = this.world.client();
    const positions = new Map<number, number>();
    while (!this.isStopped) {
      const queueId = this.random.below(this.world.scenario.queues);
      const offset = positions.get(queueId) ?? 0;
      const got = await pull(client, { group: 'RX', topic: TOPIC, queueId, offset, max: 32, holdMs: 0 }, ({ records }) => {
        for (const record of records) this.#seen(record);
      });
      if (got !== null && got.next >= 0) positions.set(queueId, got.next);
      await this.world.sleep(this.random.next() * 80);
    }
  }

  #seen(record: MessageRecord): Half | null {
    const id = idOf(record);
    const half = this.#halves.get(id);
    const where = `${TOPIC}/${record.queueId} at ${record.queueOffset}`;
    if (half === undefined) this.world.problem(`a ghost: ${where} is ${JSON.stringify(id)}, which nobody sent`);
    else if (half.outcome !== 'commit') this.world.problem(`${id} is seen in ${where}, and was to be ${half.outcome}`);
    else if (!half.isCommitted) this.world.problem(`${id} is seen in ${where} before anybody has committed it`);
    if (half !== undefined) half.isSettled = true;
    return half ?? null;
  }

  async verify(): Promise<void> {
    const client = this.world.client();
    const times = new Map<Half, number>();
    for (let queueId = 0; queueId < this.world.scenario.queues; queueId++) {
      await this.eachRecord(client, { group: 'VX', topic: TOPIC, queueId }, (record) => {
        const half = this.#seen(record);
        if (half !== null) times.set(half, (times.get(half) ?? 0) + 1);
      });
    }
    for (const half of this.#halves.values()) {
      const seen = times.get(half) ?? 0;
      if (seen > 1 && !half.mayRepeat) this.world.problem(`${half.id} was committed once and is there ${seen} times`);
      if (seen === 0 && half.isAcked && half.outcome === 'commit' && !half.mayBeLost)
        this.world.problem(`${half.id} was prepared (log ${half.physical}) and is to be committed, and nobody sees it`);
    }
  }
}
