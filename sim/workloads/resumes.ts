/**
 * Resumes: an operator beside the transactions, who looks where half messages are kept that were given up, and has them checked anew. That they end as they
 * are to, once, the transactions see. Checked here: what was read there is known to the broker as given up; and a half message is taken up again as often as it was
 * given up at most, whatever died in between. A power cut in asynchronous flush may take what was not synced.
 */
import { isResumedMark } from '../../actors/transaction/half-message.ts';
import { formatMessageId } from '../../model/message-id.ts';
import { parseProperties, UNIQ_KEY } from '../../model/message-property.ts';
import type { MessageRecord } from '../../model/message-record.ts';
import { TRANS_CHECK_MAX_TIME_TOPIC } from '../../model/topic.ts';
import { pull, resumeCheck } from '../asking.ts';
import { SeededWorkload } from '../seeded-workload.ts';
import type { SimClient } from '../sim-client.ts';
import type { Crash } from '../workload.ts';
import type { World } from '../world.ts';
import type { Transactions } from './transactions.ts';

const GAP_MS = 150;
/** What nobody decides goes round so often. */
const UNDECIDED_ROUNDS = 2;
const SYSTEM_ERROR = 1;

type Kept = { readonly id: string; readonly messageId: string; readonly physical: number; mayBeLost: boolean };

export class Resumes extends SeededWorkload {
  readonly name = 'resumes';
  readonly #transactions: Transactions;
  readonly #kept: Map<number, Kept> = new Map();
  /** By half message. */
  readonly #resumed: Map<string, number> = new Map();
  #next = 0;
  #isOver = false;
  #wasForgetful = false;

  constructor(world: World, transactions: Transactions) {
    super(world, 0x1d872b41);
    this.#transactions = transactions;
  }

  start(): void {
    void this.#look();
  }

  onCrash(crash: Crash): void {
    if (!this.isForgetful(crash)) return;
    this.#wasForgetful = true;
    for (const kept of this.#kept.values()) kept.mayBeLost = true;
    this.#next = 0;
  }

  /** Goes on after the load: what was given up is to end. */
  async #look(): Promise<void> {
    const client = this.world.client();
    while (!this.#isOver) {
      const offset = this.#next;
      const place = { group: 'OP', topic: TRANS_CHECK_MAX_TIME_TOPIC, queueId: 0 };
      const got = await pull(client, { ...place, offset, max: 32, holdMs: 0 });
      for (const record of got?.records ?? []) this.#found(record);
      if (got !== null && got.next >= 0 && this.#next === offset) this.#next = got.next;
      for (const kept of this.#kept.values()) if (this.#isToResume(kept)) await this.#resume(client, kept);
      await this.world.sleep(this.random.next() * 2 * GAP_MS);
    }
  }

  #found(record: MessageRecord): void {
    const properties = parseProperties(record.properties);
    if (isResumedMark(properties)) return;
    const id = String(properties.get(UNIQ_KEY));
    if (this.#transactions.isWaited(id) === undefined) {
      this.world.problem(`a ghost: ${record.topic} at ${record.queueOffset} is ${id}, which nobody sent`);
      return;
    }
    const { physicalOffset: physical } = record;
    if (!this.#kept.has(physical)) this.world.count('half messages given up');
    this.#kept.set(physical, { id, messageId: formatMessageId(record.storeHost, physical), physical, mayBeLost: false });
  }

  #isToResume({ id }: Kept): boolean {
    return this.#transactions.isWaited(id) === true || (this.#resumed.get(id) ?? 0) < UNDECIDED_ROUNDS;
  }

  async #resume(client: SimClient, { id, messageId, physical, mayBeLost }: Kept): Promise<void> {
    await resumeCheck(client, messageId, (answer) => {
      this.world.count(`resumed ${answer?.code ?? 'without answer'}`);
      if (answer?.code === 0) this.#resumed.set(id, (this.#resumed.get(id) ?? 0) + 1);
      else if (answer?.code === SYSTEM_ERROR && /no half message that was given up/.test(answer.remark ?? '') && !mayBeLost)
        this.world.problem(`${id} was read at ${physical}, where it is kept, and cannot be resumed: ${answer.remark}`);
    });
  }

  async verify(): Promise<void> {
    this.#isOver = true;
    const kept = new Map<string, number>();
    await this.eachRecord(this.world.client(), { group: 'VOP', topic: TRANS_CHECK_MAX_TIME_TOPIC, queueId: 0 }, (record) => {
      const properties = parseProperties(record.properties);
      if (isResumedMark(properties)) return;
      const id = String(properties.get(UNIQ_KEY));
      kept.set(id, (kept.get(id) ?? 0) + 1);
    });
    if (this.#wasForgetful) return;
    for (const [id, times] of this.#resumed) {
      const given = kept.get(id) ?? 0;
      if (times > given) this.world.problem(`${id} was given up ${given} times and resumed ${times} times`);
    }
  }
}
