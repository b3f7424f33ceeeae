/**
 * The cluster that a command talks to: its name servers, its brokers by name, and requests to them whose refusals become errors that name the
 * request. Owns the connections; `close` ends them. Fails by ClientError (unreachable, refused) and CommandError (unknown names).
 */

import { Admin } from '../client/admin.ts';
import { refusal } from '../client/answers.ts';
import { type ClientCore, parseNameServers } from '../client/client-core.ts';
import { ClientError } from '../client/errors.ts';
import type { ClusterInfo } from '../protocol/remoting/bodies/cluster-info.ts';
import type { ExtFields, RemotingCommand } from '../protocol/remoting/command.ts';
import * as requestCode from '../protocol/remoting/request-code.ts';
import { REQUEST_CODE_NOT_SUPPORTED, SUCCESS } from '../protocol/remoting/response-code.ts';
import { DEFAULT_NAME_SERVER, DEFAULT_TIMEOUT_MS } from './client-options.ts';
import { type Arguments, UsageError } from './command-line.ts';

import { CommandError } from './errors.ts';
import { didYouMean } from './suggest.ts';

export type BrokerNode = {
  readonly name: string;
  readonly cluster: string;
  /** `host:port` of the master; undefined when only replicas are registered. */
  readonly master: string | undefined;
  /** By broker id; 0 is the master. */
  readonly addresses: ReadonlyMap<number, string>;
};

export type Ask = { readonly ext?: ExtFields; readonly body?: Uint8Array; readonly timeoutMs?: number };

/** Requests that a command has under way at once. */
const PARALLEL_MAX = 16;

export class Cluster {
  readonly admin: Admin;

  constructor(nameServers: readonly string[], timeoutMs: number) {
    this.admin = new Admin({ nameServers, requestTimeoutMs: timeoutMs });
  }

  get core(): ClientCore {
    return this.admin.calls.core;
  }

  static of(args: Arguments, environment: Readonly<Record<string, string | undefined>>): Cluster {
    return new Cluster(nameServersOf(args, environment), args.number('timeout') ?? DEFAULT_TIMEOUT_MS);
  }

  get nameServers(): readonly string[] {
    return this.core.nameServerAddresses;
  }

  close(): void {
    void this.admin.close();
  }

  /** Brokers by name, in order. With `names`, only these; one that is not there is an error. */
  async brokers(names: readonly string[] = []): Promise<BrokerNode[]> {
    const all = brokerNodes(await this.admin.clusterInfo());
    const unknown = names.find((name) => !all.some((broker) => broker.name === name));
    if (unknown !== undefined) {
      const known = all.map(({ name }) => name);
      throw new CommandError(
        'MQ_CLI_NOT_FOUND',
        `No broker "${unknown}"${didYouMean(unknown, known)}; registered: ${known.join(', ') || 'none'}`,
      );
    }
    if (all.length === 0)
      throw new CommandError(
        'MQ_CLI_NOT_FOUND',
        `No broker is registered with ${this.nameServers.join(', ')}: start one, or name its name server with --namesrv-addr`,
      );
    return names.length === 0 ? all : all.filter(({ name }) => names.includes(name));
  }

  /** Brokers that have a master: those that can be asked and changed. */
  async masters(names: readonly string[] = []): Promise<(BrokerNode & { master: string })[]> {
    return (await this.brokers(names)).filter((broker): broker is BrokerNode & { master: string } => broker.master !== undefined);
  }

  /** For a topic that nobody knows: the error, with the nearest there is. */
  async noSuchTopic(topic: string): Promise<CommandError> {
    const known = await this.admin.topics.list();
    return new CommandError('MQ_CLI_NOT_FOUND', `No topic "${topic}"${didYouMean(topic, known)}; \`ringmq topics list --all\` shows all`);
  }

  /** Success, or the refusal as an error. */
  async ask(address: string, code: number, ask: Ask = {}): Promise<RemotingCommand> {
    const answer = await this.try(address, code, ask);
    return expectServed(address, code, answer);
  }

  /** The answer, whatever its code; a code that is not served is an error all the same. */
  async try(address: string, code: number, { ext, body, timeoutMs }: Ask = {}): Promise<RemotingCommand> {
    const answer = await this.core.request(address, { code, ext: ext ?? null, body: body ?? null }, timeoutMs);
    if (answer.code === REQUEST_CODE_NOT_SUPPORTED) throw notServed(address, code);
    return answer;
  }

  async askNameServer(code: number, { ext, body, timeoutMs }: Ask = {}): Promise<RemotingCommand> {
    const answer = await this.core.askNameServer({ code, ext: ext ?? null, body: body ?? null }, timeoutMs);
    if (answer.code === REQUEST_CODE_NOT_SUPPORTED) throw notServed('The name server', code);
    return expectServed('the name server', code, answer);
  }

  /** One name server of several. */
  async askOneNameServer(address: string, code: number, { ext, body, timeoutMs }: Ask = {}): Promise<RemotingCommand> {
    const answer = await this.core
      .nameServer(address)
      .request({ code, ext: ext ?? null, body: body ?? null }, timeoutMs ?? this.core.requestTimeoutMs);
    return expectServed(address, code, answer);
  }
}

/** Brokers by name, in order. */
export function brokerNodes(info: ClusterInfo): BrokerNode[] {
  return [...info.brokers.values()]
    .map(({ brokerName, cluster, brokerAddrs }) => ({
      name: brokerName,
      cluster,
      master: brokerAddrs.get(0),
      addresses: brokerAddrs,
    }))
    .sort((a, b) => (a.name < b.name ? -1 : 1));
}

/** From the option, else the environment, else the default. */
export function nameServersOf(args: Arguments, environment: Readonly<Record<string, string | undefined>>): string[] {
  const text = args.text('namesrv-addr') ?? (environment['NAMESRV_ADDR'] || DEFAULT_NAME_SERVER);
  try {
    const addresses = parseNameServers(text);
    const bad = addresses.find((address) => !/^(\[[0-9a-fA-F:.]+\]|[^\s:[\]]+):[0-9]{1,5}$/.test(address));
    if (bad !== undefined) throw new UsageError(`Name server "${bad}" must be HOST:PORT`, args.command);
    return addresses;
  } catch (error) {
    if (!(error instanceof ClientError)) throw error;
    throw new UsageError(`--namesrv-addr is "${text}": ${error.message}`, args.command);
  }
}

/** Runs `work` for each of `items`, some at once, in order of the results. The first failure ends it. */
export async function forEachOf<T, R>(items: readonly T[], work: (item: T) => Promise<R>): Promise<R[]> {
  const results: R[] = new Array(items.length);
  let next = 0;
  const worker = async (): Promise<void> => {
    for (let index = next++; index < items.length; index = next++) results[index] = await work(items[index] as T);
  };
  await Promise.all(Array.from({ length: Math.min(PARALLEL_MAX, items.length) }, worker));
  return results;
}

const NAMES: ReadonlyMap<number, string> = new Map(
  Object.entries(requestCode).flatMap(([name, value]) => (typeof value === 'number' ? [[value, name] as const] : [])),
);

/** `GET_CONSUME_STATS (208)` */
export function requestName(code: number): string {
  return `${NAMES.get(code) ?? 'request'} (${code})`;
}

function expectServed(address: string, code: number, answer: RemotingCommand): RemotingCommand {
  if (answer.code === REQUEST_CODE_NOT_SUPPORTED) throw notServed(address, code);
  if (answer.code !== SUCCESS) throw refusal(requestName(code), address, answer);
  return answer;
}

function notServed(address: string, code: number): CommandError {
  return new CommandError(
    'MQ_CLI_NOT_SERVED',
    `${address} does not serve ${requestName(code)}: it is older than this command, or of another kind`,
  );
}
