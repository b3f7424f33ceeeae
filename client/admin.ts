/**
 * The administrator's side: topics, groups, queues and brokers of a cluster, over the same connections and routes as the other client objects.
 * One a program; tells brokers nothing of itself. Every call asks anew; a refusal is a ClientError with the broker's code and remark.
 * Source: RocketMQ 5.3 `DefaultMQAdminExt`.
 */
import type { ClusterInfo } from '../protocol/remoting/bodies/cluster-info.ts';
import type { RemotingCommand } from '../protocol/remoting/command.ts';
import { AdminCalls, type BrokerAddress } from './admin-calls.ts';
import { GroupAdmin } from './admin-groups.ts';
import { QueueAdmin } from './admin-queues.ts';
import { TopicAdmin } from './admin-topics.ts';
import { ClientCore, type ClientOptions } from './client-core.ts';
import type { Request } from './connection.ts';

export type AdminOptions = ClientOptions;

export class Admin {
  readonly topics: TopicAdmin;
  readonly groups: GroupAdmin;
  readonly queues: QueueAdmin;
  /** What the calls are made of; for calls that are not here. */
  readonly calls: AdminCalls;
  readonly #core: ClientCore;

  constructor(options: AdminOptions) {
    this.#core = new ClientCore(options, {
      membership: () => null,
      onRequest: () => {},
      onRouteChange: () => {},
      defaultTopicQueues: 0,
    });
    this.calls = new AdminCalls(this.#core);
    this.topics = new TopicAdmin(this.calls);
    this.groups = new GroupAdmin(this.calls);
    this.queues = new QueueAdmin(this.calls);
  }

  /** Clusters and their brokers. */
  clusterInfo(): Promise<ClusterInfo> {
    return this.calls.clusterInfo();
  }

  /** Every broker that the name server knows. */
  brokers(): Promise<BrokerAddress[]> {
    return this.calls.brokers();
  }

  /** What a broker says of itself (code 28), by RocketMQ's names. */
  brokerRuntime(address: string): Promise<Map<string, string>> {
    return this.queues.brokerRuntime(address);
  }

  /** Any request to any broker: its answer, whatever its code. */
  request(address: string, request: Request, timeoutMs?: number): Promise<RemotingCommand> {
    return this.#core.request(address, request, timeoutMs);
  }

  close(): Promise<void> {
    this.#core.close();
    return Promise.resolve();
  }
}
