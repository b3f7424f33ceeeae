/**
 * A member of a consumer group: what push and pull consumers have in common: subscriptions, heartbeats, the sharing out of queues, offsets, and the
 * farewell. Owns the core. Source: RocketMQ 5.3 `DefaultMQPushConsumerImpl.start`, `MQClientInstance.registerConsumer`.
 */
import type { MessageQueue } from '../model/queue-id.ts';
import type { SubscriptionData } from '../model/subscription.ts';
import { UNREGISTER_CLIENT } from '../protocol/remoting/request-code.ts';
import { encodeUnregisterClientRequest } from '../protocol/remoting/requests/unregister-client.ts';
import { ClientCore } from './client-core.ts';
import type { Connection, PeerRequest } from './connection.ts';
import {
  type ConsumerOptions,
  type ConsumerSettings,
  consumeFromWhere,
  consumerSettings,
  type Member,
  modelWord,
  type Selector,
  subscriptionOf,
} from './consumer-options.ts';
import { ClientError } from './errors.ts';
import { GroupOffsets } from './group-offsets.ts';
import type { QueueProgress } from './queue-progress.ts';
import { Rebalancer } from './rebalancer.ts';

/** Topics of one consumer. */
const SUBSCRIPTIONS_MAX = 1024;

export type GroupMemberHooks = {
  /** CONSUME_PASSIVELY or CONSUME_ACTIVELY. */
  readonly consumeType: string;
  readonly onAssigned: (topic: string, queues: readonly MessageQueue[]) => Promise<void>;
  readonly onRequest: (request: PeerRequest, connection: Connection) => void;
};

export class GroupMember implements Member {
  readonly core: ClientCore;
  readonly settings: ConsumerSettings;
  readonly offsets: GroupOffsets;
  readonly #subscriptions: Map<string, SubscriptionData> = new Map();
  readonly #rebalancer: Rebalancer;
  #isStarted = false;
  #startedAt = 0;

  constructor(options: ConsumerOptions, hooks: GroupMemberHooks) {
    this.settings = consumerSettings(options);
    this.core = new ClientCore(options, {
      membership: () => (this.#isStarted ? this.#membership(hooks.consumeType) : null),
      onRequest: hooks.onRequest,
      onRouteChange: (topic) => {
        if (this.#isStarted && this.#subscriptions.has(topic)) void this.#rebalancer.run();
      },
      defaultTopicQueues: 4,
    });
    this.offsets = new GroupOffsets(this);
    this.#rebalancer = new Rebalancer(this, hooks.onAssigned);
  }

  get subscriptions(): ReadonlyMap<string, SubscriptionData> {
    return this.#subscriptions;
  }

  get isStarted(): boolean {
    return this.#isStarted;
  }

  /** Adds a topic, or replaces what is wanted of it; brokers are told at once when the member is on line. */
  async subscribe(topic: string, selector: Selector): Promise<void> {
    if (this.#subscriptions.size >= SUBSCRIPTIONS_MAX && !this.#subscriptions.has(topic))
      throw new ClientError('MQ_CLIENT_LIMIT', `A consumer has at most ${SUBSCRIPTIONS_MAX} subscriptions`);
    this.#subscriptions.set(topic, subscriptionOf(topic, selector, this.core.environment.now()));
    if (!this.#isStarted) return;
    await this.core.routes.find(topic);
    await this.core.heartbeat();
    await this.#rebalancer.run();
  }

  /** Ends the subscription; its queues are given up. */
  async unsubscribe(topic: string, assign: (topic: string, queues: readonly MessageQueue[]) => Promise<void>): Promise<void> {
    if (!this.#subscriptions.delete(topic) || !this.#isStarted) return;
    await assign(topic, []);
    await this.core.heartbeat();
  }

  /**
   * Routes, then heartbeats, then the first share: resolves when this member has taken what is its. Rejects when no name server answers at all; a
   * topic that does not exist yet is looked for again and again. @param sharesQueues false: its queues are assigned by the program.
   */
  async start(sharesQueues: boolean): Promise<void> {
    for (const topic of this.#subscriptions.keys()) await this.core.routes.find(topic);
    this.#isStarted = true;
    this.#startedAt = this.core.environment.now();
    this.core.start();
    await this.core.heartbeat();
    if (!sharesQueues) return;
    this.#rebalancer.start();
    await this.#rebalancer.run();
  }

  /** What every running info says of a member. */
  infoProperties(isOrderly: boolean, consumeType: string): Map<string, string> {
    return new Map([
      ['PROP_NAMESERVER_ADDR', this.core.nameServerAddresses.join(';')],
      ['PROP_CONSUME_TYPE', consumeType],
      ['PROP_CONSUMEORDERLY', String(isOrderly)],
      ['PROP_CLIENT_VERSION', 'RINGMQ'],
      ['PROP_CONSUMER_START_TIMESTAMP', String(this.#startedAt)],
    ]);
  }

  rebalance(): void {
    if (this.#isStarted) void this.#rebalancer.run();
  }

  /** Something could not be taken now: another round will come soon. */
  retryShare(): void {
    this.#rebalancer.incomplete();
  }

  /** Commits what is new in a queue. */
  async commit(queue: MessageQueue, progress: QueueProgress): Promise<void> {
    const offset = progress.uncommitted;
    if (offset === null) return;
    try {
      await this.offsets.commit(queue, offset);
      progress.committed(offset);
    } catch (error) {
      this.core.report(error);
    }
  }

  /** Says farewell, so that the others need not wait until this member is missed, and closes the connections. */
  async leave(): Promise<void> {
    const ext = encodeUnregisterClientRequest({ clientID: this.core.clientId, producerGroup: null, consumerGroup: this.settings.group });
    for (const connection of this.core.openBrokers()) {
      await connection
        .request({ code: UNREGISTER_CLIENT, ext }, this.core.requestTimeoutMs)
        .catch((error: unknown) => this.core.report(error));
    }
    this.core.close();
  }

  #membership(consumeType: string): ReturnType<ConstructorParameters<typeof ClientCore>[1]['membership']> {
    const { consumeFrom, group, messageModel } = this.settings;
    const consumer = {
      groupName: group,
      consumeType,
      messageModel: modelWord(messageModel),
      consumeFromWhere: consumeFromWhere(consumeFrom),
      subscriptions: [...this.#subscriptions.values()],
      unitMode: false,
    };
    return { consumers: [consumer], producers: [] };
  }
}
