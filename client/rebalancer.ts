/**
 * Shares a group's queues out: asks the brokers who the members are and works out which queues are this member's. Runs every 20 s, and at
 * once when members come or go or a route changes; one round at a time. A topic whose members cannot be learnt keeps its queues.
 * Source: RocketMQ 5.3 `RebalanceImpl`, `RebalanceService`.
 */
import { allocateAveragely } from '../model/allocate-queues.ts';
import type { MessageQueue } from '../model/queue-id.ts';
import { decodeConsumerList } from '../protocol/remoting/bodies/consumer-list.ts';
import { GET_CONSUMER_LIST_BY_GROUP } from '../protocol/remoting/request-code.ts';
import { encodeGetConsumerListByGroupRequest } from '../protocol/remoting/requests/get-consumer-list-by-group.ts';
import { expectSuccess, readAnswer } from './answers.ts';
import type { Member } from './consumer-options.ts';
import type { TopicRoute } from './route-table.ts';

/** The queues of one topic that are this member's now. Resolves when those that it loses are given up; those that are new may begin later. */
export type Assign = (topic: string, queues: readonly MessageQueue[]) => Promise<void>;

/** A round that left something undone is followed by another one soon: first after this, then each time after twice as long. */
const RETRY_MS_MIN = 100;

export class Rebalancer {
  readonly #member: Member;
  readonly #assign: Assign;
  #running: Promise<void> | null = null;
  #isAgain = false;
  #isIncomplete = false;
  #isRetryDue = false;
  #retryMs = RETRY_MS_MIN;

  constructor(member: Member, assign: Assign) {
    this.#member = member;
    this.#assign = assign;
  }

  /** Begins the rounds. */
  start(): void {
    this.#member.core.every(this.#member.settings.rebalancePeriodMs, () => this.run());
  }

  /** A round now, or one more after that which is running. Never rejects but for a bug: what fails is told, and tried again in the next round. */
  run(): Promise<void> {
    if (this.#running !== null) {
      this.#isAgain = true;
      return this.#running;
    }
    this.#running = this.#rounds().finally(() => {
      this.#running = null;
      this.#retryIfIncomplete();
    });
    return this.#running;
  }

  /** Something of the last round could not be done: there will be another one soon. */
  incomplete(): void {
    this.#isIncomplete = true;
    if (this.#running === null) this.#retryIfIncomplete();
  }

  async #rounds(): Promise<void> {
    do {
      this.#isAgain = false;
      this.#isIncomplete = false;
      for (const topic of this.#member.subscriptions.keys()) {
        if (this.#member.core.isClosed) return;
        try {
          await this.#share(topic);
        } catch (error) {
          this.#isIncomplete = true;
          this.#member.core.report(error);
        }
      }
    } while (this.#isAgain);
  }

  #retryIfIncomplete(): void {
    const { core, settings } = this.#member;
    if (!this.#isIncomplete) this.#retryMs = RETRY_MS_MIN;
    if (!this.#isIncomplete || this.#isRetryDue || core.isClosed) return;
    this.#isRetryDue = true;
    const delayMs = this.#retryMs;
    this.#retryMs = Math.min(settings.rebalancePeriodMs, 2 * delayMs);
    void core.pause(delayMs).then(() => {
      this.#isRetryDue = false;
      return core.isClosed ? undefined : this.run();
    });
  }

  async #share(topic: string): Promise<void> {
    const { core, settings } = this.#member;
    const route = await core.routes.find(topic);
    // A retry topic is made by the first heartbeat; another one may be made any time.
    if (route === null) {
      this.#isIncomplete = true;
      return;
    }
    if (settings.messageModel === 'broadcasting') {
      await this.#assign(topic, route.readQueues);
      return;
    }
    const members = await this.#members(route);
    // Who is not among them has not been heard yet, or no longer.
    if (!members.includes(core.clientId)) this.#isIncomplete = true;
    if (members.length > 0) await this.#assign(topic, allocateAveragely(route.readQueues, members, core.clientId));
  }

  /** The group's members, by one of the topic's brokers: all members tell all of them. */
  async #members(route: TopicRoute): Promise<readonly string[]> {
    const { core, settings } = this.#member;
    const addresses = route.data.brokerDatas.flatMap(
      (broker) => broker.brokerAddrs.get(0) ?? broker.brokerAddrs.values().next().value ?? [],
    );
    const usable = addresses.filter((address) => core.broker(address).pauseMs === 0);
    const from = usable.length > 0 ? usable : addresses;
    const address = from[Math.floor(core.environment.random() * from.length)];
    if (address === undefined) return [];
    const what = `the members of group ${settings.group}`;
    const ext = encodeGetConsumerListByGroupRequest({ consumerGroup: settings.group });
    const answer = expectSuccess(what, address, await core.request(address, { code: GET_CONSUMER_LIST_BY_GROUP, ext }));
    return readAnswer(what, address, answer.body, decodeConsumerList);
  }
}
