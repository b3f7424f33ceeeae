/**
 * What every client object stands on: its connections, its name servers, its routes, and the heartbeats that tell brokers of it. One a producer,
 * consumer or admin. Requests fail by ClientError; what fails in the background goes to `onError`. Ends with `close`.
 * Source: RocketMQ 5.3 `MQClientInstance`.
 */

import { type ConsumerData, encodeHeartbeatData } from '../protocol/remoting/bodies/heartbeat-data.ts';
import { decodeTopicRoute, type TopicRouteData } from '../protocol/remoting/bodies/topic-route.ts';
import type { RemotingCommand } from '../protocol/remoting/command.ts';
import { GET_ROUTEINFO_BY_TOPIC, HEART_BEAT } from '../protocol/remoting/request-code.ts';
import { encodeGetRouteinfoByTopicRequest } from '../protocol/remoting/requests/get-routeinfo-by-topic.ts';
import { TOPIC_NOT_EXIST } from '../protocol/remoting/response-code.ts';
import { expectSuccess, readAnswer } from './answers.ts';
import { Connection, type PeerRequest, type Request } from './connection.ts';
import { type ClientEnvironment, systemEnvironment } from './environment.ts';
import { ClientError } from './errors.ts';
import { RouteTable, type TopicRoute } from './route-table.ts';
import { TcpTransport } from './tcp-transport.ts';
import type { Transport } from './transport.ts';

/** What all client objects are told. */
export type ClientOptions = {
  /** `host:port`, several as a list or separated by `;`. They are asked in turn: one that answers is enough. */
  readonly nameServers: string | readonly string[];
  /** How long a request may take that has no time of its own, in milliseconds; 3000 if not given. */
  readonly requestTimeoutMs?: number;
  /** Unique among the members of a group; made of address, process and a number if not given. */
  readonly clientId?: string;
  /** Told what goes wrong in the background; without it such errors are dropped, for they are tried again. */
  readonly onError?: (error: ClientError) => void;
  /** TCP if not given. */
  readonly transport?: Transport;
  /** The machine's time and chance if not given. */
  readonly environment?: ClientEnvironment;
};

/** What a heartbeat says of an object. */
export type Membership = { readonly consumers: readonly ConsumerData[]; readonly producers: readonly string[] };

export type CoreHooks = {
  /** Null: it tells brokers nothing of itself. */
  readonly membership: () => Membership | null;
  readonly onRequest: (request: PeerRequest, connection: Connection) => void;
  readonly onRouteChange: (topic: string, route: TopicRoute | null) => void;
  /** Queues per broker of a topic that its first message creates. */
  readonly defaultTopicQueues: number;
};

const REQUEST_TIMEOUT_MS = 3_000;
const ROUTE_PERIOD_MS = 30_000;
const HEARTBEAT_PERIOD_MS = 30_000;
/** Requests that wait at one connection. */
const IN_FLIGHT_MAX = 16_384;
/** A connection to what no route names any more is closed when it was not used for this long. */
const UNUSED_MS_MAX = 120_000;
const NAME_SERVERS_MAX = 64;

/** For ids of several objects of one process. */
let objects = 0;

/** Reads `a:1;b:2` or a list of such. Throws ClientError. */
export function parseNameServers(given: string | readonly string[]): string[] {
  const all = (typeof given === 'string' ? [given] : [...given]).flatMap((part) => part.split(';')).map((part) => part.trim());
  const addresses = [...new Set(all.filter((address) => address !== ''))];
  if (addresses.length === 0 || addresses.length > NAME_SERVERS_MAX) {
    throw new ClientError(
      'MQ_CLIENT_ARGUMENT',
      `nameServers has ${addresses.length} addresses; give 1 to ${NAME_SERVERS_MAX}, as host:port`,
    );
  }
  return addresses;
}

export class ClientCore {
  readonly clientId: string;
  readonly environment: ClientEnvironment;
  readonly routes: RouteTable;
  readonly requestTimeoutMs: number;
  readonly #hooks: CoreHooks;
  readonly #onError: (error: ClientError) => void;
  readonly #nameServerAddresses: readonly string[];
  readonly #transport: Transport;
  readonly #brokers: Map<string, Connection> = new Map();
  readonly #nameServers: Map<string, Connection> = new Map();
  readonly #cancels: Map<object, () => void> = new Map();
  #nameServerIndex: number;
  #isClosed = false;

  constructor(options: ClientOptions, hooks: CoreHooks) {
    this.#hooks = hooks;
    this.#onError = options.onError ?? (() => {});
    this.environment = options.environment ?? systemEnvironment;
    this.requestTimeoutMs = options.requestTimeoutMs ?? REQUEST_TIMEOUT_MS;
    this.#transport = options.transport ?? new TcpTransport();
    this.#nameServerAddresses = parseNameServers(options.nameServers);
    this.#nameServerIndex = Math.floor(this.environment.random() * this.#nameServerAddresses.length);
    const { hostAddress, processId } = this.environment;
    // Java's form: address, process, and a number that no other object of the process has had.
    const unique = `${processId}#${objects++}${Math.floor(this.environment.random() * 2 ** 40)}`;
    this.clientId = options.clientId ?? `${hostAddress.join('.')}@${unique}`;
    this.routes = new RouteTable({
      ask: (topic) => this.#askRoute(topic),
      monotonicMs: () => this.environment.monotonicMs(),
      defaultTopicQueues: hooks.defaultTopicQueues,
      onChange: hooks.onRouteChange,
    });
  }

  get isClosed(): boolean {
    return this.#isClosed;
  }

  /** Routes and heartbeats are renewed from now on. */
  start(): void {
    this.every(ROUTE_PERIOD_MS, () => this.#pollRoutes());
    this.every(HEARTBEAT_PERIOD_MS, () => this.heartbeat());
  }

  /** The connection to a broker; made when there is none. */
  broker(address: string): Connection {
    return this.#connection(this.#brokers, address);
  }

  /** Connections to brokers that are open now. */
  openBrokers(): Connection[] {
    return [...this.#brokers.values()].filter((connection) => connection.isOpen);
  }

  /** Sends a request to a broker and resolves with its answer, whatever its code. */
  request(address: string, request: Request, timeoutMs: number = this.requestTimeoutMs): Promise<RemotingCommand> {
    return this.broker(address).request(request, timeoutMs);
  }

  /** The address of a broker by its name, from the routes known; undefined when none has it. */
  addressOf(brokerName: string): string | undefined {
    const broker = this.routes.brokers().get(brokerName);
    return broker?.brokerAddrs.get(0) ?? broker?.brokerAddrs.values().next().value;
  }

  /** Asks the name servers in turn, beginning with the one that answered last; each has the whole time limit. Rejects when none answers. */
  async askNameServer(request: Request, timeoutMs: number = this.requestTimeoutMs): Promise<RemotingCommand> {
    const count = this.#nameServerAddresses.length;
    let failure: unknown;
    for (let tries = 0; tries < count; tries++) {
      const index = this.#nameServerIndex;
      const address = this.#nameServerAddresses[index] as string;
      try {
        return await this.nameServer(address).request(request, timeoutMs);
      } catch (error) {
        failure = error;
        // Another request may have moved on already.
        if (this.#nameServerIndex === index) this.#nameServerIndex = (index + 1) % count;
      }
    }
    throw failure;
  }

  get nameServerAddresses(): readonly string[] {
    return this.#nameServerAddresses;
  }

  /** The connection to one name server. */
  nameServer(address: string): Connection {
    return this.#connection(this.#nameServers, address);
  }

  /** Tells all brokers of the routes in use that this object is there; those that do not answer are told again next time. */
  async heartbeat(): Promise<void> {
    const membership = this.#hooks.membership();
    if (membership === null) return;
    const isConsumer = membership.consumers.length > 0;
    const all: Promise<void>[] = [];
    for (const { brokerAddrs } of this.routes.brokers().values()) {
      // Only masters take sends; consumers may read from any.
      for (const [id, address] of brokerAddrs) if (isConsumer || id === 0) all.push(this.#heartbeatTo(this.broker(address), membership));
    }
    await Promise.all(all);
  }

  /** Runs `run` every `periodMs` until the close; one run at a time, and its failure is told and no end. Returns what stops it. */
  every(periodMs: number, run: () => Promise<void> | void): () => void {
    const token = {};
    const arm = (): void => {
      if (this.#isClosed) return;
      const cancel = this.environment.schedule(periodMs, () => void turn());
      this.#cancels.set(token, cancel);
    };
    const turn = async (): Promise<void> => {
      try {
        await run();
      } catch (error) {
        this.report(error);
      }
      if (this.#cancels.has(token)) arm();
    };
    arm();
    return () => {
      this.#cancels.get(token)?.();
      this.#cancels.delete(token);
    };
  }

  /** Resolves after `delayMs`; at once when the client is closed. */
  pause(delayMs: number): Promise<void> {
    if (this.#isClosed) return Promise.resolve();
    return new Promise((resolve) => {
      const token = {};
      const done = (): void => {
        this.#cancels.delete(token);
        resolve();
      };
      const cancel = this.environment.schedule(delayMs, done);
      this.#cancels.set(token, () => {
        cancel();
        resolve();
      });
    });
  }

  /** Tells of what went wrong in the background. What is no ClientError is a bug, and is thrown where it cannot be caught. */
  report(error: unknown): void {
    if (!(error instanceof ClientError)) throw error;
    if (!this.#isClosed) this.#onError(error);
  }

  /** Closes all connections; timers end. */
  close(): void {
    if (this.#isClosed) return;
    this.#isClosed = true;
    const cancels = [...this.#cancels.values()];
    this.#cancels.clear();
    for (const cancel of cancels) cancel();
    for (const connection of [...this.#brokers.values(), ...this.#nameServers.values()]) connection.close();
    this.#brokers.clear();
    this.#nameServers.clear();
  }

  #connection(table: Map<string, Connection>, address: string): Connection {
    let connection = table.get(address);
    if (connection !== undefined) return connection;
    const isBroker = table === this.#brokers;
    connection = new Connection(address, {
      transport: this.#transport,
      environment: this.environment,
      inFlightMax: IN_FLIGHT_MAX,
      onRequest: (request, from) => this.#hooks.onRequest(request, from),
      onOpen: (opened) => {
        const membership = isBroker ? this.#hooks.membership() : null;
        if (membership !== null) void this.#heartbeatTo(opened, membership);
      },
    });
    if (this.#isClosed) connection.close();
    else table.set(address, connection);
    return connection;
  }

  async #askRoute(topic: string): Promise<TopicRouteData | null> {
    const ext = encodeGetRouteinfoByTopicRequest({ topic, acceptStandardJsonOnly: true });
    const answer = await this.askNameServer({ code: GET_ROUTEINFO_BY_TOPIC, ext });
    if (answer.code === TOPIC_NOT_EXIST) return null;
    const what = `the route of ${topic}`;
    expectSuccess(what, 'a name server', answer);
    return readAnswer(what, 'a name server', answer.body, decodeTopicRoute);
  }

  async #pollRoutes(): Promise<void> {
    for (const failure of await this.routes.refreshAll()) this.report(failure);
    this.#closeUnused();
  }

  #closeUnused(): void {
    const named = new Set<string>();
    for (const { brokerAddrs } of this.routes.brokers().values()) for (const address of brokerAddrs.values()) named.add(address);
    const nowMs = this.environment.monotonicMs();
    for (const [address, connection] of this.#brokers) {
      if (named.has(address) || connection.inFlight > 0 || nowMs - connection.usedAtMs < UNUSED_MS_MAX) continue;
      connection.close();
      this.#brokers.delete(address);
    }
  }

  async #heartbeatTo(connection: Connection, membership: Membership): Promise<void> {
    const { consumers, producers } = membership;
    const body = encodeHeartbeatData({ clientId: this.clientId, consumers, producers, fingerprint: 0, isWithoutSubscriptions: false });
    try {
      const answer = await connection.request({ code: HEART_BEAT, body }, this.requestTimeoutMs);
      expectSuccess('a heartbeat', connection.address, answer);
    } catch (error) {
      this.report(error);
    }
  }
}
