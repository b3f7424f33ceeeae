/**
 * The broker's configuration: read once, checked against the table in broker-options.ts, frozen. A bad value stops the start
 * with its key, value and range; an unknown key is named in a warning, with the nearest key there is. Pure, but for the
 * machine's facts, which are a parameter.
 * Source: RocketMQ 5.4 `BrokerStartup`, `MixAll.properties2Object`.
 */
import assert from 'node:assert/strict';
import { isAbsolute, join } from 'node:path';
import { formatAddress, parseAddress } from './address.ts';
import { brokerOptions, type OptionField, type OptionValue } from './broker-options.ts';
import { ConfigError } from './errors.ts';
import type { Option } from './options/option.ts';
import { parsePropertiesText } from './properties-text.ts';
import { rocketmqKeys } from './rocketmq-keys.ts';

/** What runs: name server and broker, a broker alone, a name server alone. */
export type Role = 'start' | 'broker' | 'namesrv';

/** Every field of the table, and what follows from the machine and the role. Plain data: it may travel to worker threads. */
export type BrokerConfig = { readonly [F in OptionField]: OptionValue<F> } & {
  readonly role: Role;
  /** Runs the own name server. */
  readonly nameServerEnable: boolean;
  /** Runs the broker. */
  readonly brokerEnable: boolean;
  /** The admin port was asked for by name: then another process on it stops the start. */
  readonly adminPortExplicit: boolean;
};

/** One setting and where it came from, for the message of a ConfigError. */
export type ConfigEntry = { readonly key: string; readonly value: string; readonly source: string };

/** What the defaults depend on. */
export type Machine = {
  readonly cores: number;
  /** Outside IPv4 addresses, most likely one first. */
  readonly hosts: readonly string[];
  readonly currentDirectory: string;
};

export type ParsedConfig = { readonly config: BrokerConfig; readonly warnings: readonly string[] };

/** The settings that have a word of their own in the environment and on the command line. */
export const shortcuts = [
  {
    environment: 'NAMESRV_ADDR',
    flag: 'namesrv-addr',
    argument: 'HOST:PORT',
    sentence: 'where the own name server listens; with `ringmq broker` the list (;) to register with',
  },
  { environment: 'BROKER_ADDR', flag: 'broker-addr', argument: 'HOST:PORT', sentence: 'where the broker listens' },
  { environment: 'DATA_DIR', flag: 'data-dir', argument: 'PATH', sentence: 'directory of the store' },
  {
    environment: 'FLUSH',
    flag: 'flush',
    argument: 'async|sync',
    sentence: 'acknowledge when the operating system, or when the disk has a message',
  },
  { environment: 'SHARDS', flag: 'shards', argument: 'N', sentence: 'threads that serve sockets' },
  { environment: 'ADMIN_ADDR', flag: 'admin-addr', argument: 'HOST:PORT|off', sentence: 'where /health and /metrics are served' },
] as const;

type ShortcutName = (typeof shortcuts)[number]['environment'];

/**
 * @param source text of a `broker.conf`, or its entries
 * @param environment the process's; only the names in `shortcuts` are looked at
 * @param flags by the name of the environment variable that they override
 */
export function parseBrokerConfig(
  source: string | readonly ConfigEntry[],
  environment: Readonly<Record<string, string | undefined>>,
  flags: Readonly<Record<string, string | undefined>>,
  options: { readonly role: Role; readonly machine: Machine; readonly file?: string },
): ParsedConfig {
  const { role, machine } = options;
  const entries: ConfigEntry[] = [];
  if (typeof source === 'string') {
    const file = options.file ?? 'text';
    for (const { key, value, line } of parsePropertiesText(source, file)) entries.push({ key, value, source: `${file} line ${line}` });
  } else entries.push(...source);
  for (const { environment: name, flag } of shortcuts) {
    const given = flags[name];
    const inherited = environment[name];
    if (given !== undefined) entries.push(...expandShortcut(name, given, `--${flag}`, role));
    // An empty variable is how shells and compose files say "not set".
    else if (inherited !== undefined && inherited !== '') entries.push(...expandShortcut(name, inherited, `environment ${name}`, role));
  }

  const values: Record<string, unknown> = {};
  const explicit = new Set<string>();
  const warnings: string[] = [];
  for (const [field, option] of Object.entries(brokerOptions)) values[field] = option.default;
  for (const entry of entries) {
    const field = fieldByKey.get(entry.key);
    if (field === undefined) {
      warnings.push(unknownKeyText(entry.key, ` (${entry.source})`));
      continue;
    }
    const value = brokerOptions[field].parse(entry.value);
    if (value === undefined) throw new ConfigError(entry.key, entry.value, rangeText(brokerOptions[field], entry.value), entry.source);
    values[field] = value;
    explicit.add(field);
  }
  return { config: complete(values as { [F in OptionField]: OptionValue<F> }, role, machine, explicit), warnings };
}

/** A setting that changes while the broker runs, by RocketMQ's key; the value is one that the table takes. */
export type ConfigChange = { readonly key: string; readonly value: string };

/** The configuration after changes. Fields that the start has made definite (ports, the number of shards) stay. */
export function changedConfig(config: BrokerConfig, changes: readonly ConfigChange[]): BrokerConfig {
  const values: Record<string, unknown> = {};
  for (const { key, value } of changes) {
    const field = fieldByKey.get(key);
    assert(field !== undefined, `The setting ${key} is in the table`);
    const parsed = brokerOptions[field].parse(value);
    assert(parsed !== undefined, `The value of ${key} was checked: ${value}`);
    values[field] = field === 'registerAddresses' ? withOwnNameServer(parsed as readonly string[], config, config.role) : parsed;
  }
  return Object.freeze({ ...config, ...values });
}

/** One setting's value as text. */
export function formatSetting(config: BrokerConfig, field: OptionField): string {
  const format = brokerOptions[field].format as (value: unknown) => string;
  return format(config[field]);
}

/** What would be right instead of a value that the option refuses, with what is wrong with it where that is not plain. */
export function rangeText(option: Pick<Option<unknown>, 'range' | 'explain'>, value: string): string {
  return option.explain === undefined ? option.range : `${option.range} (${option.explain(value)})`;
}

/** The field of a setting; undefined for a key that is none of the table's. */
export function fieldOfKey(key: string): OptionField | undefined {
  return fieldByKey.get(key);
}

const fieldByKey: ReadonlyMap<string, OptionField> = new Map(
  Object.entries(brokerOptions).map(([field, option]) => [option.key, field as OptionField]),
);

function expandShortcut(name: ShortcutName, value: string, source: string, role: Role): ConfigEntry[] {
  switch (name) {
    case 'NAMESRV_ADDR':
      if (role === 'broker') return [{ key: 'namesrvAddr', value, source }];
      return expandAddress(name, value, source, 'nameServerBindAddress', 'nameServerListenPort');
    case 'BROKER_ADDR':
      return expandAddress(name, value, source, 'bindAddress', 'listenPort');
    case 'ADMIN_ADDR':
      if (value === 'off') return [{ key: 'metricsPromExporterPort', value: '-1', source }];
      return expandAddress(name, value, source, 'metricsPromExporterHost', 'metricsPromExporterPort');
    case 'DATA_DIR':
      return [{ key: 'storePathRootDir', value, source }];
    case 'FLUSH': {
      const type = { async: 'ASYNC_FLUSH', sync: 'SYNC_FLUSH' }[value.toLowerCase()];
      if (type === undefined) throw new ConfigError(name, value, 'async or sync', source);
      return [{ key: 'flushDiskType', value: type, source }];
    }
    case 'SHARDS':
      return [{ key: 'shards', value, source }];
  }
}

function expandAddress(name: string, value: string, source: string, hostKey: string, portKey: string): ConfigEntry[] {
  const address = parseAddress(value);
  if (address === undefined) throw new ConfigError(name, value, 'host:port, such as 127.0.0.1:9876', source);
  return [
    { key: hostKey, value: address.host, source },
    { key: portKey, value: String(address.port), source },
  ];
}

function complete(
  values: { [F in OptionField]: OptionValue<F> },
  role: Role,
  machine: Machine,
  explicit: ReadonlySet<string>,
): BrokerConfig {
  const wildcard = values.bindHost === '0.0.0.0' || values.bindHost === '::';
  const config: BrokerConfig = {
    ...values,
    role,
    nameServerEnable: role !== 'broker',
    brokerEnable: role !== 'namesrv',
    registerAddresses: withOwnNameServer(values.registerAddresses, values, role),
    adminPortExplicit: explicit.has('adminPort'),
    shards: values.shards === 0 ? Math.max(1, machine.cores - 1) : values.shards,
    storePath: isAbsolute(values.storePath) ? values.storePath : join(machine.currentDirectory, values.storePath),
    pluginDir:
      values.pluginDir === '' || isAbsolute(values.pluginDir) ? values.pluginDir : join(machine.currentDirectory, values.pluginDir),
    advertisedHost: values.advertisedHost !== '' ? values.advertisedHost : wildcard ? (machine.hosts[0] ?? '127.0.0.1') : values.bindHost,
  };
  const conflict = conflictOf(config);
  if (conflict !== null) throw conflict;
  return Object.freeze(config);
}

/** Values that are right each for itself and cannot be had together; null: there are none. */
export function conflictOf(config: BrokerConfig): ConfigError | null {
  if (config.nameServerEnable && config.brokerEnable && config.listenPort !== 0 && config.listenPort === config.nameServerPort)
    return new ConfigError(
      'listenPort',
      String(config.listenPort),
      `another port than the name server's (${formatAddress(config.nameServerHost, config.nameServerPort)})`,
      'the whole configuration',
    );
  if (config.role === 'broker' && config.registerAddresses.length === 0)
    return new ConfigError(
      'namesrvAddr',
      '',
      'at least one host:port, from NAMESRV_ADDR, --namesrv-addr or the file, when the broker runs without a name server of its own',
      'nowhere given',
    );
  return null;
}

/**
 * The name servers to register with: the own one first. A port that is still 0 is added when it is known (claimPorts).
 */
export function withOwnNameServer(
  addresses: readonly string[],
  own: { readonly nameServerHost: string; readonly nameServerPort: number },
  role: Role,
): readonly string[] {
  if (role !== 'start' || own.nameServerPort === 0) return addresses;
  const host = { '0.0.0.0': '127.0.0.1', '::': '::1' }[own.nameServerHost] ?? own.nameServerHost;
  return [...new Set([formatAddress(host, own.nameServerPort), ...addresses])];
}

/** Why a key that is none of the table's has no effect. @param where it came from, with a blank before, or nothing */
export function unknownKeyText(key: string, where: string): string {
  if (rocketmqKeys.has(key)) return `${key}${where} is a setting of RocketMQ that has no effect here`;
  const nearest = nearestKey(key);
  const shown = key.length > 100 ? `${key.slice(0, 100)}…` : key;
  return `${shown}${where} is not a known setting${nearest === undefined ? '' : `; did you mean ${nearest}?`}`;
}

function nearestKey(key: string): string | undefined {
  if (key.length > 100) return undefined;
  let best: string | undefined;
  let bestDistance = Math.max(2, Math.floor(key.length / 4)) + 1;
  for (const known of [...fieldByKey.keys(), ...rocketmqKeys]) {
    const distance = editDistance(key.toLowerCase(), known.toLowerCase());
    if (distance < bestDistance) {
      best = known;
      bestDistance = distance;
    }
  }
  return best;
}

/** Levenshtein's distance. */
function editDistance(a: string, b: string): number {
  let row = Array.from({ length: b.length + 1 }, (_, index) => index);
  for (let i = 1; i <= a.length; i++) {
    const next = [i];
    for (let j = 1; j <= b.length; j++) next.push(Math.min(row[j]! + 1, next[j - 1]! + 1, row[j - 1]! + (a[i - 1] === b[j - 1] ? 0 : 1)));
    row = next;
  }
  return row[b.length]!;
}
