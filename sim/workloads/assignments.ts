/**
 * Assignments: two brokers that are registered at the name server beside the broker with a topic whose queues become more, members of a group that come and go and ask which
 * of them are theirs, and a tool that says how groups read. Checked all the time: an answer names queues that are there, each once; who broadcasts gets all that one
 * broker has; and the mode is the one that was set last, by the broker's word (0), over every end. At the end: the shares of the members are all queues, each once.
 * A power cut in asynchronous flush may take a mode.
 */
import type { BrokerIdentity } from '../../actors/registration/register-command.ts';
import { plainTopic } from '../../actors/topic/topic-config.ts';
import { type AssignedQueues, beatConsumer, queryAssignment, register, send, setRequestMode } from '../asking.ts';
import { SeededWorkload } from '../seeded-workload.ts';
import type { SimClient } from '../sim-client.ts';
import type { Crash } from '../workload.ts';
import type { World } from '../world.ts';

const TOPIC = 'A';
/** A name server takes one topic alone for a change sent ahead. */
const TWIN_TOPIC = 'AT';
const GROUP = 'GA';
const BROKERS = ['broker-x', 'broker-y'] as const;
const MEMBERS = 3;
const QUEUES_LEAST = 2;
const QUEUES_MOST = 6;
const BEAT_MS = 300;
const GAP_MS = 120;
const TOOLS = 2;
const DIVIDED_WITHIN_MS = 30_000;
const LOOK_AGAIN_MS = 500;

type Member = { readonly client: SimClient; readonly id: string };
type Reading = {
  readonly group: string;
  mode: string;
  /** What became of a word is not known, or it may be lost: nothing is checked any more. */
  isDoubtful: boolean;
};

export class Assignments extends SeededWorkload {
  readonly name = 'assignments';
  readonly #members: Member[] = [];
  readonly #readings: Reading[] = [];
  /** Queues of the topic, on each of the brokers. */
  #queues = QUEUES_LEAST;
  #isOver = false;

  constructor(world: World) {
    super(world, 0x5851f42d);
  }

  start(): void {
    for (const brokerName of BROKERS) void this.#register(brokerName);
    for (let i = 0; i < MEMBERS; i++) {
      const member: Member = { client: this.world.client(), id: `member-${i}` };
      this.#members.push(member);
      void this.#beat(member);
    }
    void this.#grow();
    void this.#ask();
    for (let i = 0; i < TOOLS; i++) void this.#set(i);
  }

  onCrash(crash: Crash): void {
    if (this.isForgetful(crash)) for (const reading of this.#readings) reading.isDoubtful = true;
  }

  /** A broker says what it has again and again; a name server that began anew has forgotten it. */
  async #register(brokerName: string): Promise<void> {
    const client = this.world.client();
    const broker: BrokerIdentity = {
      clusterName: 'DefaultCluster',
      brokerName,
      brokerId: 0,
      brokerAddr: `${brokerName}:10911`,
      haServerAddr: `${brokerName}:10912`,
    };
    for (let counter = 1; !this.#isOver; counter++) {
      const version = { stateVersion: 0, timestamp: Math.floor(this.world.time.clock.now()), counter };
      await register(client, broker, [plainTopic(TOPIC, this.#queues), plainTopic(TWIN_TOPIC, 1)], version);
      await this.world.sleep(BEAT_MS);
    }
  }

  async #grow(): Promise<void> {
    while (!this.isStopped) {
      await this.world.sleep(this.random.next() * 2_000);
      if (!this.isStopped && this.#queues < QUEUES_MOST) this.#queues++;
    }
  }

  async #beat({ client, id }: Member): Promise<void> {
    while (!this.#isOver) {
      const isAway = !this.isStopped && this.random.below(10) === 0;
      if (isAway) {
        client.drop();
        await this.world.sleep(this.random.next() * 1_000);
      } else await beatConsumer(client, id, GROUP, TOPIC);
      await this.world.sleep(BEAT_MS);
    }
  }

  async #ask(): Promise<void> {
    const client = this.world.client();
    while (!this.isStopped) {
      await this.world.sleep(this.random.next() * 2 * GAP_MS);
      const { id } = this.#members[this.random.below(MEMBERS)]!;
      this.#check(await queryAssignment(client, { topic: TOPIC, group: GROUP, clientId: id, isBroadcast: false }), id);
    }
  }

  /** What is given is there, and given once. */
  #check(assigned: readonly AssignedQueues[] | null, who: string): void {
    this.world.count(assigned === null ? 'no assignment' : 'assignments');
    const given = new Set<string>();
    for (const { brokerName, queueId } of assigned ?? []) {
      const queue = `${brokerName}/${queueId}`;
      if (given.has(queue)) this.world.problem(`${who} is given ${queue} twice`);
      given.add(queue);
      if (!BROKERS.some((one) => one === brokerName) || queueId < 0 || queueId >= this.#queues)
        this.world.problem(`${who} is given ${queue}, and ${BROKERS} have ${this.#queues} queues each`);
    }
  }

  // ---- how groups read

  async #set(number: number): Promise<void> {
    const client = this.world.client();
    const own: Reading[] = [];
    while (!this.isStopped) {
      await this.world.sleep(this.random.next() * 2 * GAP_MS);
      const usable = own.filter(({ isDoubtful }) => !isDoubtful);
      const isNew = usable.length === 0 || this.random.below(4) === 0;
      const reading: Reading = isNew
        ? { group: `GM${number}-${own.length}`, mode: 'PULL', isDoubtful: false }
        : usable[this.random.below(usable.length)]!;
      if (isNew) {
        own.push(reading);
        this.#readings.push(reading);
      }
      if (this.random.below(3) > 0) await this.#setMode(client, reading);
      await this.#look(client, reading);
    }
  }

  async #setMode(client: SimClient, reading: Reading): Promise<void> {
    const wanted = this.random.below(2) === 0 ? 'POP' : 'PULL';
    const before = this.world.ends;
    await setRequestMode(client, { topic: TOPIC, consumerGroup: reading.group, mode: wanted, popShareQueueNum: 0 }, (code) => {
      this.world.count(`modes set ${code ?? 'without answer'}`);
      if (code === 0) reading.mode = wanted;
      // The broker knows the topic by its first message.
      else if (code !== 17) reading.isDoubtful = true;
      if (before !== this.world.ends && this.world.scenario.syncFlush === false) reading.isDoubtful = true;
      if (code === 17) void this.#makeTopic(client);
    });
  }

  async #makeTopic(client: SimClient): Promise<void> {
    const { queues } = this.world.scenario;
    const bornMs = this.world.time.clock.now();
    await send(client, { topic: TOPIC, queueId: 0, body: this.bodyOf('a', 10), bornMs, queues }, () => {});
  }

  /** Who broadcasts is told how to read as everybody is, and gets all queues. False: it was told nothing. */
  async #look(client: SimClient, reading: Reading): Promise<boolean> {
    const { group } = reading;
    const all = await queryAssignment(client, { topic: TOPIC, group, clientId: 'c', isBroadcast: true });
    if (all === null || all.length === 0) return false;
    this.#check(all, `${group}, which broadcasts,`);
    const known = new Set(all.map(({ brokerName }) => brokerName)).size * QUEUES_LEAST;
    if (all.length < known) this.world.problem(`${group} broadcasts and is given ${all.length} queues; there are ${known} at least`);
    const other = all.find(({ mode }) => mode !== reading.mode);
    if (other !== undefined && !reading.isDoubtful)
      this.world.problem(`${group} was set to ${reading.mode}, by the broker's word, and is told to ${other.mode}`);
    return true;
  }

  // ---- the end

  async verify(): Promise<void> {
    const client = this.world.client();
    const until = this.world.time.nowMs + DIVIDED_WITHIN_MS;
    let shares = '';
    for (let isWhole = false; !isWhole; await this.world.sleep(LOOK_AGAIN_MS)) {
      if (this.world.time.nowMs > until) {
        this.world.problem(`${BROKERS} have ${this.#queues} queues each, which the members do not share: ${shares}`);
        break;
      }
      const given: string[] = [];
      for (const { id } of this.#members) {
        const assigned = await queryAssignment(client, { topic: TOPIC, group: GROUP, clientId: id, isBroadcast: false });
        this.#check(assigned, id);
        given.push(...(assigned ?? []).map(({ brokerName, queueId }) => `${brokerName}/${queueId}`));
      }
      shares = given.join(' ');
      isWhole = given.length === BROKERS.length * this.#queues && new Set(given).size === given.length;
    }
    for (const reading of this.#readings) {
      if (!(await this.#look(client, reading))) this.world.problem(`${reading.group} is told of no queues`);
    }
    this.#isOver = true;
  }
}
