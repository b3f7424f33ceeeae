/**
 * What all admin calls have in common: brokers by cluster, by name and by topic, and calls that succeed or throw. Owns nothing but the core it is
 * given. Admin calls change many things on many brokers one after another: the first refusal ends a call and names the broker.
 */
import { type ClusterInfo, decodeClusterInfo } from '../protocol/remoting/bodies/cluster-info.ts';
import type { RemotingCommand } from '../protocol/remoting/command.ts';
import { GET_BROKER_CLUSTER_INFO } from '../protocol/remoting/request-code.ts';
import { expectSuccess, readAnswer } from './answers.ts';
import type { ClientCore } from './client-core.ts';
import type { Request } from './connection.ts';
import { ClientError } from './errors.ts';

/** One broker process. */
export type BrokerAddress = {
  readonly cluster: string;
  readonly brokerName: string;
  /** 0: the master. */
  readonly brokerId: number;
  /** host:port */
  readonly address: string;
};

/** Which brokers a call concerns: one by address or by name, those of a cluster, or (nothing given) all masters. */
export type BrokerChoice = { readonly address?: string; readonly brokerName?: string; readonly cluster?: string };

/** Changes wait for the broker's disk and for the name servers. */
export const CHANGE_TIMEOUT_MS = 15_000;

export class AdminCalls {
  readonly core: ClientCore;

  constructor(core: ClientCore) {
    this.core = core;
  }

  /** A broker's answer, if it is a success. */
  async broker(address: string, what: string, request: Request, timeoutMs: number = this.core.requestTimeoutMs): Promise<RemotingCommand> {
    return expectSuccess(what, address, await this.core.request(address, request, timeoutMs));
  }

  /** A name server's answer, if it is a success. */
  async nameServer(what: string, request: Request): Promise<RemotingCommand> {
    return expectSuccess(what, 'the name server', await this.core.askNameServer(request));
  }

  /** What `read` makes of a broker's answer. */
  async read<T>(address: string, what: string, request: Request, read: (answer: RemotingCommand) => T): Promise<T> {
    return readAnswer(what, address, await this.broker(address, what, request), read);
  }

  async clusterInfo(): Promise<ClusterInfo> {
    const answer = await this.nameServer('the cluster information', { code: GET_BROKER_CLUSTER_INFO });
    return readAnswer('the cluster information', 'the name server', answer.body, decodeClusterInfo);
  }

  /** Every broker that the name server knows, sorted by cluster, name and id. */
  async brokers(): Promise<BrokerAddress[]> {
    const info = await this.clusterInfo();
    const all: BrokerAddress[] = [];
    for (const { brokerAddrs, brokerName, cluster } of info.brokers.values()) {
      for (const [brokerId, address] of brokerAddrs) all.push({ cluster, brokerName, brokerId, address });
    }
    const text = ({ cluster, brokerName }: BrokerAddress): string => `${cluster}\u0000${brokerName}`;
    return all.sort((a, b) => (text(a) < text(b) ? -1 : text(a) > text(b) ? 1 : a.brokerId - b.brokerId));
  }

  /** The masters that a choice means. Throws when there is none: a call that changes nothing anywhere would look like a success. */
  async masters(choice: BrokerChoice = {}): Promise<BrokerAddress[]> {
    if (choice.address !== undefined) return [{ cluster: '', brokerName: '', brokerId: 0, address: choice.address }];
    const { brokerName, cluster } = choice;
    const chosen = (await this.brokers()).filter(
      (broker) =>
        broker.brokerId === 0 &&
        (brokerName === undefined || broker.brokerName === brokerName) &&
        (cluster === undefined || broker.cluster === cluster),
    );
    if (chosen.length > 0) return chosen;
    const which = brokerName === undefined ? (cluster === undefined ? 'any' : `of cluster ${cluster}`) : `named ${brokerName}`;
    throw new ClientError('MQ_CLIENT_NO_ROUTE', `The name server knows no master ${which === 'any' ? 'at all' : which}`);
  }

  /** The masters that have a topic. Throws when the topic is unknown. */
  async mastersOf(topic: string): Promise<BrokerAddress[]> {
    const route = await this.core.routes.refresh(topic);
    if (route === null) throw new ClientError('MQ_CLIENT_NO_ROUTE', `The name server knows no topic ${topic}`);
    const masters: BrokerAddress[] = [];
    for (const { brokerAddrs, brokerName, cluster } of route.data.brokerDatas) {
      const address = brokerAddrs.get(0);
      if (address !== undefined) masters.push({ cluster, brokerName, brokerId: 0, address });
    }
    return masters.sort((a, b) => (a.brokerName < b.brokerName ? -1 : 1));
  }

  /** The address of the broker that has a queue. */
  async addressOf(topic: string, brokerName: string): Promise<string> {
    const masters = await this.mastersOf(topic);
    const master = masters.find((broker) => broker.brokerName === brokerName);
    if (master === undefined) throw new ClientError('MQ_CLIENT_NO_ROUTE', `Topic ${topic} has no broker ${brokerName}`);
    return master.address;
  }
}
