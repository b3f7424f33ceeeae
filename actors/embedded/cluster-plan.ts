/**
 * What an embedded cluster is made of: the options of `startCluster` checked and brought into one configuration a node. Pure, but for
 * the machine's facts, which are a parameter. Fails with ClusterOptionError, or ConfigError for a setting.
 */
import { join, resolve } from 'node:path';
import { type BrokerConfig, type ConfigEntry, type Machine, parseBrokerConfig } from '../broker/broker-config.ts';
import { ClusterOptionError } from './errors.ts';

/** Settings by RocketMQ's keys (docs/configuration.md). */
export type ClusterSettings = Readonly<Record<string, string | number | boolean>>;

export type ClusterLayout = {
  /** Name servers of the cluster's own, 0 to 8; default 1. With 0 the brokers register with `config.namesrvAddr`. */
  readonly nameServers?: number;
  /** Brokers (masters), 0 to 8; default 1. The first is called `broker-a`. */
  readonly brokers?: number;
  /** Threads that serve sockets, of each broker; default 1. */
  readonly shards?: number;
  /** Directory of the stores, one below it for each broker by its name; default: a temporary one, which the stop removes. */
  readonly store?: string;
  /** Ports of the name servers, in order; default: free ones. */
  readonly nameServerPorts?: readonly number[];
  /** Ports of the brokers, in order; default: free ones. */
  readonly brokerPorts?: readonly number[];
  /** Settings of every node. Ports, names and directories are given by the options above. */
  readonly config?: ClusterSettings;
};

export type NodeKind = 'name-server' | 'broker';
export type NodePlan = { readonly name: string; readonly kind: NodeKind; readonly config: BrokerConfig };
/** Name servers first. Plain data: it travels to the cluster's thread. */
export type ClusterPlan = { readonly nodes: readonly NodePlan[]; readonly warnings: readonly string[] };

const NODES_MAX = 8;
const SHARDS_MAX = 64;
const PORT_MAX = 65_535;
const SOURCE = 'startCluster config';
/** What the options give: a setting beside them would be silently without effect. */
const GIVEN_BY_OPTIONS: Readonly<Record<string, string>> = {
  storePathRootDir: 'store',
  listenPort: 'brokerPorts',
  nameServerListenPort: 'nameServerPorts',
  shards: 'shards',
};
const KNOWN: ReadonlySet<string> = new Set([
  'nameServers',
  'brokers',
  'shards',
  'store',
  'nameServerPorts',
  'brokerPorts',
  'config',
  'log',
  'onFault',
]);

/** @param directory where stores lie: `options.store`, or the temporary directory that was made for this cluster */
export function planCluster(options: ClusterLayout, directory: string, machine: Machine): ClusterPlan {
  for (const name of Object.keys(options)) if (!KNOWN.has(name)) throw new ClusterOptionError(name, '…', `one of ${[...KNOWN].join(', ')}`);
  const nameServers = count('nameServers', options.nameServers ?? 1, 0, NODES_MAX);
  const brokers = count('brokers', options.brokers ?? 1, 0, NODES_MAX);
  if (nameServers + brokers === 0) throw new ClusterOptionError('brokers', 0, 'at least 1 where there is no name server');
  const shards = count('shards', options.shards ?? 1, 1, SHARDS_MAX);
  const nameServerPorts = ports('nameServerPorts', options.nameServerPorts, nameServers);
  const brokerPorts = ports('brokerPorts', options.brokerPorts, brokers);
  if (options.store !== undefined && (typeof options.store !== 'string' || options.store === ''))
    throw new ClusterOptionError('store', options.store, 'the path of a directory');
  const settings = entriesOf(options.config ?? {});
  const given = settings.find(({ key }) => key === 'namesrvAddr');
  if (nameServers === 0 && given === undefined)
    throw new ClusterOptionError('nameServers', 0, 'at least 1, or config.namesrvAddr must name those to register with');
  const name = settings.find(({ key }) => key === 'brokerName');
  if (name !== undefined && brokers > 1)
    throw new ClusterOptionError('config.brokerName', name.value, 'left out with more than one broker');
  const warnings = new Set<string>();
  const parse = (role: 'namesrv' | 'broker', own: Readonly<Record<string, string>>): BrokerConfig => {
    // Settings come later than what is only a default here, and earlier than what the options say.
    const defaults: ConfigEntry[] = [entry('vipPortEnable', 'false'), entry('metricsPromExporterPort', '-1')];
    if (role === 'broker') defaults.push(entry('brokerName', own['brokerName']!), entry('namesrvAddr', PLACEHOLDER));
    const options_ = Object.entries(own)
      .filter(([key]) => key !== 'brokerName')
      .map(([key, value]) => entry(key, value));
    const parsed = parseBrokerConfig([...defaults, ...settings, ...options_], {}, {}, { role, machine });
    for (const warning of parsed.warnings) warnings.add(warning);
    return given === undefined && role === 'broker' ? { ...parsed.config, registerAddresses: [] } : parsed.config;
  };
  const nodes: NodePlan[] = [];
  for (let i = 0; i < nameServers; i++) {
    const config = parse('namesrv', { nameServerListenPort: String(nameServerPorts[i] ?? 0), shards: '1', storePathRootDir: directory });
    nodes.push({ name: `name-server-${i}`, kind: 'name-server', config });
  }
  for (let i = 0; i < brokers; i++) {
    const brokerName = name?.value ?? `broker-${String.fromCharCode(97 + i)}`;
    const own = {
      brokerName,
      listenPort: String(brokerPorts[i] ?? 0),
      shards: String(shards),
      storePathRootDir: join(resolve(machine.currentDirectory, directory), brokerName),
    };
    nodes.push({ name: brokerName, kind: 'broker', config: parse('broker', own) });
  }
  return { nodes, warnings: [...warnings] };
}

/** A broker must have a name server to be parsed; the cluster's own are known when their ports are. */
const PLACEHOLDER = '127.0.0.1:9876';

function entry(key: string, value: string): ConfigEntry {
  return { key, value, source: SOURCE };
}

function entriesOf(settings: ClusterSettings): ConfigEntry[] {
  return Object.entries(settings).map(([key, value]) => {
    const option = GIVEN_BY_OPTIONS[key];
    if (Object.hasOwn(GIVEN_BY_OPTIONS, key)) throw new ClusterOptionError(`config.${key}`, value, `given as the option ${option}`);
    if (!['string', 'number', 'boolean'].includes(typeof value))
      throw new ClusterOptionError(`config.${key}`, value, 'a string, a number or a boolean');
    return entry(key, String(value));
  });
}

function count(option: string, value: number, min: number, max: number): number {
  if (!Number.isInteger(value) || value < min || value > max)
    throw new ClusterOptionError(option, value, `an integer from ${min} to ${max}`);
  return value;
}

function ports(option: string, given: readonly number[] | undefined, nodes: number): readonly number[] {
  if (given === undefined) return [];
  if (given.length !== nodes) throw new ClusterOptionError(option, `${given.length} ports`, `as many ports as there are nodes, ${nodes}`);
  return given.map((port) => count(option, port, 0, PORT_MAX));
}
