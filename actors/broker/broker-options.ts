/**
 * The one table of settings: RocketMQ's key (or ours, where RocketMQ has none), type, default, range, unit and a sentence.
 * The parser, the type of BrokerConfig and docs/configuration.md all come from it. A field's name carries its unit. Pure.
 * Source: RocketMQ 5.4 `BrokerConfig`, `MessageStoreConfig`, `NettyServerConfig`, `NamesrvConfig`.
 */

import { LISTENERS_MAX, parseListeners } from './listener-map.ts';

/** One setting. `parse` gives undefined for a text outside `range`. */
export type Option<T> = {
  readonly key: string;
  /** RocketMQ's own key, or one that only this broker knows. */
  readonly origin: 'rocketmq' | 'ringmq';
  readonly group: OptionGroup;
  /** What a change by a tool does (updateBrokerConfig): works at once, at the next start, or is refused. */
  readonly change: OptionChange;
  readonly type: string;
  readonly default: T;
  readonly range: string;
  readonly unit: string;
  readonly sentence: string;
  readonly parse: (text: string) => T | undefined;
  /** What is wrong with a text that `parse` refuses, where `range` alone would leave one searching. */
  readonly explain?: (text: string) => string;
  readonly format: (value: T) => string;
};

/** `file`: names a path or what a store is made with: only whoever has the files may change it. */
export type OptionChange = 'live' | 'restart' | 'file';

export type OptionGroup =
  | 'Identity and addresses'
  | 'Name server'
  | 'Threads and memory'
  | 'Storage'
  | 'Topics and messages'
  | 'Consuming'
  | 'Transactions'
  | 'Limits'
  | 'Operation';

type Row<T> = Omit<Option<T>, 'type' | 'range' | 'parse' | 'format' | 'origin' | 'unit' | 'change'> & {
  readonly unit?: string;
  readonly change?: OptionChange;
  readonly origin?: 'rocketmq' | 'ringmq';
};

const KIB = 1024;
const MIB = 1024 * KIB;
const GIB = 1024 * MIB;
const DAY_MS = 86_400_000;
const HOST = /^(?:\[[0-9a-fA-F:.]{2,45}\]|[0-9a-fA-F:]*:[0-9a-fA-F:.]*|[A-Za-z0-9](?:[A-Za-z0-9._-]{0,253}[A-Za-z0-9])?)$/;

function integer(row: Row<number> & { readonly min: number; readonly max: number }): Option<number> {
  const { min, max, ...rest } = row;
  const parse = (text: string): number | undefined => {
    if (!/^-?\d{1,16}$/.test(text)) return undefined;
    const value = Number(text);
    return value >= min && value <= max ? value : undefined;
  };
  return {
    origin: 'rocketmq',
    unit: '',
    change: 'restart',
    ...rest,
    type: 'integer',
    range: `an integer from ${min} to ${max}`,
    parse,
    format: String,
  };
}

function powerOfTwo(row: Row<number> & { readonly min: number; readonly max: number }): Option<number> {
  const inner = integer(row);
  const parse = (text: string): number | undefined => {
    const value = inner.parse(text);
    return value !== undefined && Number.isInteger(Math.log2(value)) ? value : undefined;
  };
  return { ...inner, range: `a power of two from ${row.min} to ${row.max}`, parse };
}

function boolean(row: Row<boolean>): Option<boolean> {
  const words: Readonly<Record<string, boolean>> = { true: true, false: false };
  const parse = (text: string): boolean | undefined => words[text.toLowerCase()];
  return { origin: 'rocketmq', unit: '', change: 'restart', ...row, type: 'boolean', range: 'true or false', parse, format: String };
}

function choice<const T extends string>(
  row: Omit<Row<string>, 'default'> & { readonly default: T; readonly choices: readonly T[]; readonly why?: string },
): Option<T> {
  const { choices, why, ...rest } = row;
  const parse = (text: string): T | undefined => choices.find((each) => each.toLowerCase() === text.toLowerCase());
  const range = choices.join(' or ') + (why === undefined ? '' : ` (${why})`);
  return { origin: 'rocketmq', unit: '', change: 'restart', ...rest, type: 'word', range, parse, format: (value) => value };
}

function text(row: Row<string> & { readonly pattern: RegExp; readonly charsMax: number; readonly range: string }): Option<string> {
  const { pattern, charsMax, range, ...rest } = row;
  const parse = (value: string): string | undefined => (value.length <= charsMax && pattern.test(value) ? value : undefined);
  return { origin: 'rocketmq', unit: '', change: 'restart', ...rest, type: 'text', range, parse, format: (value) => value };
}

/** `host:port`, `[v6]:port`; also the form without a port's brackets that Java prints. Undefined when it is neither. */
export function parseAddress(value: string): { readonly host: string; readonly port: number } | undefined {
  const colon = value.lastIndexOf(':');
  if (colon <= 0) return undefined;
  const host = value.slice(0, colon);
  const port = value.slice(colon + 1);
  if (!/^\d{1,5}$/.test(port) || Number(port) > 65_535 || !HOST.test(host)) return undefined;
  return { host: host.startsWith('[') ? host.slice(1, -1) : host, port: Number(port) };
}

/** The form that goes into routes and ready lines. */
export function formatAddress(host: string, port: number): string {
  return host.includes(':') ? `[${host}]:${port}` : `${host}:${port}`;
}

const ADDRESSES_MAX = 16;

function parseAddressList(value: string): readonly string[] | undefined {
  const parts = value
    .split(';')
    .map((part) => part.trim())
    .filter((part) => part !== '');
  if (parts.length > ADDRESSES_MAX) return undefined;
  return parts.every((part) => (parseAddress(part)?.port ?? 0) > 0) ? [...new Set(parts)] : undefined;
}

const DELAY_UNIT_MS: Readonly<Record<string, number>> = { s: 1000, m: 60_000, h: 3_600_000, d: DAY_MS };
const DELAY_LEVELS_MAX = 64;

function parseDelayLevels(value: string): readonly number[] | undefined {
  const levels = value.trim().split(/\s+/);
  if (levels.length > DELAY_LEVELS_MAX) return undefined;
  const delays: number[] = [];
  for (const level of levels) {
    const match = /^(\d{1,9})([smhd])$/.exec(level);
    if (match === null) return undefined;
    delays.push(Number(match[1]) * DELAY_UNIT_MS[match[2]!]!);
  }
  return delays;
}

function formatDelayLevels(delays: readonly number[]): string {
  return delays
    .map((ms) => (ms % 3_600_000 === 0 ? `${ms / 3_600_000}h` : ms % 60_000 === 0 ? `${ms / 60_000}m` : `${ms / 1000}s`))
    .join(' ');
}

function parseHours(value: string): readonly number[] | undefined {
  const hours = value.split(';').map((hour) => hour.trim());
  return hours.every((hour) => /^\d{1,2}$/.test(hour) && Number(hour) < 24) ? [...new Set(hours.map(Number))] : undefined;
}

function formatHours(hours: readonly number[]): string {
  return hours.map((hour) => String(hour).padStart(2, '0')).join(';');
}

const NAME = /^[%|a-zA-Z0-9_-]+$/;

export const brokerOptions = {
  // Identity and addresses
  brokerClusterName: text({
    key: 'brokerClusterName',
    group: 'Identity and addresses',
    default: 'DefaultCluster',
    pattern: NAME,
    charsMax: 127,
    range: '1 to 127 of the characters a-z A-Z 0-9 _ - % |',
    sentence: 'Cluster that the broker says it belongs to.',
  }),
  brokerName: text({
    key: 'brokerName',
    group: 'Identity and addresses',
    default: 'broker-a',
    pattern: NAME,
    charsMax: 127,
    range: '1 to 127 of the characters a-z A-Z 0-9 _ - % |',
    sentence: 'Name of the broker in routes and message queues.',
  }),
  brokerId: integer({
    key: 'brokerId',
    group: 'Identity and addresses',
    default: 0,
    min: 0,
    max: 0,
    sentence: '0 is a master; there are no slaves yet, so no other id is accepted.',
  }),
  bindHost: text({
    key: 'bindAddress',
    group: 'Identity and addresses',
    default: '127.0.0.1',
    pattern: HOST,
    charsMax: 255,
    range: 'a host name or an IP address',
    sentence: 'Address that the broker listens on: loopback unless you say otherwise, where RocketMQ takes every interface.',
  }),
  listenPort: integer({
    key: 'listenPort',
    group: 'Identity and addresses',
    default: 10911,
    min: 0,
    max: 65_535,
    unit: 'port',
    sentence: 'Port of the broker; 0 takes a free one.',
  }),
  vipPortEnable: boolean({
    key: 'vipPortEnable',
    origin: 'ringmq',
    group: 'Identity and addresses',
    default: true,
    sentence: 'Listens on the port two below the broker\'s as well, when it is free: older clients send there (the "VIP channel").',
  }),
  advertisedHost: text({
    key: 'brokerIP1',
    group: 'Identity and addresses',
    default: '',
    pattern: /^$|^[A-Za-z0-9.:_-]+$/,
    charsMax: 255,
    range: 'a host name or an IP address',
    sentence:
      'Address that clients are told to use; empty means the address listened on or, when that is a wildcard, the first outside address of the machine.',
  }),
  advertisedListeners: {
    key: 'advertisedListeners',
    origin: 'ringmq',
    group: 'Identity and addresses',
    change: 'live',
    type: 'listeners',
    default: '',
    range: `up to ${LISTENERS_MAX} network=host:port with ; between, such as 10.0.0.0/8=10.1.2.3:10911;fd00::/8=[fd00::3]:10911`,
    unit: '',
    sentence:
      'Where clients of each network reach the broker: the routes of ringmq name servers give the address of the most specific network that the asker is in, by its own address or else by the one that it reached; all others get `brokerIP1` and the port.',
    parse: (value) => (typeof parseListeners(value) === 'string' ? undefined : value.trim()),
    explain: (value) => String(parseListeners(value)),
    format: (value) => value,
  } as Option<string>,
  registerAddresses: {
    key: 'namesrvAddr',
    change: 'live',
    origin: 'rocketmq',
    group: 'Identity and addresses',
    type: 'addresses',
    default: [],
    range: `up to ${ADDRESSES_MAX} host:port with ; between`,
    unit: '',
    sentence: 'Name servers to register with; `ringmq start` adds its own.',
    parse: parseAddressList,
    format: (value) => value.join(';'),
  } as Option<readonly string[]>,
  registerEveryMs: integer({
    key: 'registerNameServerPeriod',
    change: 'live',
    group: 'Identity and addresses',
    default: 30_000,
    min: 10_000,
    max: 60_000,
    unit: 'ms',
    sentence: 'Time between two registrations with the name servers.',
  }),
  regionId: text({
    key: 'regionId',
    group: 'Identity and addresses',
    default: 'DefaultRegion',
    pattern: /^[\x21-\x7e]+$/,
    charsMax: 127,
    range: '1 to 127 printable ASCII characters',
    sentence: 'Region that answers to sends carry for message traces.',
  }),

  // Name server
  nameServerHost: text({
    key: 'nameServerBindAddress',
    origin: 'ringmq',
    group: 'Name server',
    default: '127.0.0.1',
    pattern: HOST,
    charsMax: 255,
    range: 'a host name or an IP address',
    sentence: 'Address that the own name server listens on.',
  }),
  nameServerPort: integer({
    key: 'nameServerListenPort',
    origin: 'ringmq',
    group: 'Name server',
    default: 9876,
    min: 0,
    max: 65_535,
    unit: 'port',
    sentence: 'Port of the own name server; 0 takes a free one.',
  }),
  nameServerScanMs: integer({
    key: 'scanNotActiveBrokerInterval',
    change: 'live',
    group: 'Name server',
    default: 10_000,
    min: 100,
    max: 600_000,
    unit: 'ms',
    sentence: 'Time between two looks for brokers that went silent (RocketMQ: 5000).',
  }),

  // Threads and memory
  shards: integer({
    key: 'shards',
    origin: 'ringmq',
    group: 'Threads and memory',
    default: 0,
    min: 0,
    max: 64,
    unit: 'threads',
    sentence: 'Threads that serve sockets and host actors; 0 means cores − 1, at least 1.',
  }),
  logLaneBytes: powerOfTwo({
    key: 'logLaneBytes',
    origin: 'ringmq',
    group: 'Threads and memory',
    default: 32 * MIB,
    min: 32 * MIB,
    max: GIB,
    unit: 'bytes',
    sentence:
      'Shared memory per shard between it and the commit log: write buffer and tail cache in one; holds at least four batches of the largest size.',
  }),
  laneWaitMs: integer({
    key: 'waitTimeMillsInSendQueue',
    change: 'live',
    group: 'Threads and memory',
    default: 200,
    min: 1,
    max: 60_000,
    unit: 'ms',
    sentence: 'Longest wait of a send whose log lane is full; then it is refused with SYSTEM_BUSY.',
  }),

  // Storage
  storePath: text({
    key: 'storePathRootDir',
    change: 'file',
    group: 'Storage',
    default: 'data',
    pattern: /^[^\0]+$/,
    charsMax: 4096,
    range: 'a path of 1 to 4096 characters',
    sentence: "Directory of the store, RocketMQ's layout within (RocketMQ: ~/store).",
  }),
  flushDiskType: choice({
    key: 'flushDiskType',
    group: 'Storage',
    default: 'ASYNC_FLUSH',
    choices: ['ASYNC_FLUSH', 'SYNC_FLUSH'],
    sentence: 'Whether a send is acknowledged when the operating system has it, or when the disk has it.',
  }),
  flushEveryMs: integer({
    key: 'flushIntervalCommitLog',
    change: 'live',
    group: 'Storage',
    default: 500,
    min: 1,
    max: 60_000,
    unit: 'ms',
    sentence: 'Time between two syncs of the commit log with ASYNC_FLUSH.',
  }),
  syncFlushTimeoutMs: integer({
    key: 'syncFlushTimeout',
    change: 'live',
    group: 'Storage',
    default: 5000,
    min: 1,
    max: 600_000,
    unit: 'ms',
    sentence: 'Time that a send waits for its sync with SYNC_FLUSH; then it is answered FLUSH_DISK_TIMEOUT.',
  }),
  commitLogSegmentBytes: integer({
    key: 'mappedFileSizeCommitLog',
    change: 'file',
    group: 'Storage',
    default: GIB,
    min: 64 * KIB,
    max: 2_147_483_647,
    unit: 'bytes',
    sentence: 'Size of a commit-log segment; never changed for a store that exists.',
  }),
  indexEnable: boolean({ key: 'messageIndexEnable', group: 'Storage', default: true, sentence: 'Whether messages can be found by key.' }),
  reservedHours: integer({
    key: 'fileReservedTime',
    change: 'live',
    group: 'Storage',
    default: 72,
    min: 1,
    max: 87_600,
    unit: 'h',
    sentence: 'Age at which a segment may be deleted, counted from its last change.',
  }),
  deleteHours: {
    key: 'deleteWhen',
    change: 'live',
    origin: 'rocketmq',
    group: 'Storage',
    type: 'hours',
    default: [4],
    range: 'hours of the day, 00 to 23, with ; between',
    unit: 'h',
    sentence: 'Hours, local time, in which segments past their age are deleted.',
    parse: parseHours,
    format: formatHours,
  } as Option<readonly number[]>,
  diskUsedPercentMax: integer({
    key: 'diskMaxUsedSpaceRatio',
    change: 'live',
    group: 'Storage',
    default: 75,
    min: 10,
    max: 95,
    unit: '%',
    sentence: 'Share of the disk in use above which segments past their age are deleted at any hour.',
  }),
  diskForcePercent: integer({
    key: 'diskSpaceCleanForciblyRatio',
    change: 'live',
    group: 'Storage',
    default: 85,
    min: 30,
    max: 98,
    unit: '%',
    sentence: 'Share of the disk in use above which the oldest segments are deleted whatever their age.',
  }),
  diskFullPercent: integer({
    key: 'diskSpaceWarningLevelRatio',
    change: 'live',
    group: 'Storage',
    default: 90,
    min: 0,
    max: 99,
    unit: '%',
    sentence:
      'Share of the disk in use above which sends are refused (14), until it is no more than `diskSpaceCleanForciblyRatio` either; 0 refuses all.',
  }),
  brokerRole: choice({
    key: 'brokerRole',
    group: 'Storage',
    default: 'ASYNC_MASTER',
    choices: ['ASYNC_MASTER'],
    why: 'there is no replication yet',
    sentence: 'Role in replication.',
  }),

  // Topics and messages
  permission: choice({
    key: 'brokerPermission',
    change: 'live',
    group: 'Topics and messages',
    default: '6',
    choices: ['6', '4', '2', '0'],
    why: '4 reading, 2 writing',
    sentence:
      'What routes let clients do on this broker, whatever its topics allow; without 2 sends to order topics are refused, without 4 pulls.',
  }),
  autoCreateTopicEnable: boolean({
    key: 'autoCreateTopicEnable',
    change: 'live',
    group: 'Topics and messages',
    default: true,
    sentence: 'Whether the first send to an unknown topic creates it.',
  }),
  defaultTopicQueues: integer({
    key: 'defaultTopicQueueNums',
    change: 'live',
    group: 'Topics and messages',
    default: 8,
    min: 1,
    max: 1024,
    unit: 'queues',
    sentence: 'Most queues that a topic created by a send gets; stock clients ask for 4.',
  }),
  maxMessageBytes: integer({
    key: 'maxMessageSize',
    change: 'live',
    group: 'Topics and messages',
    default: 4 * MIB,
    min: KIB,
    max: 4 * MIB,
    unit: 'bytes',
    sentence: 'Largest body of a message, and largest body of a batch.',
  }),
  delayLevelsMs: {
    key: 'messageDelayLevel',
    change: 'restart',
    origin: 'rocketmq',
    group: 'Topics and messages',
    type: 'delays',
    default: [1000, 5000, 10_000, 30_000, ...[1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 20, 30, 60, 120].map((minutes) => minutes * 60_000)],
    range: `up to ${DELAY_LEVELS_MAX} delays such as 1s 5m 2h 1d, with blanks between`,
    unit: '',
    sentence: 'Delays of the delay levels, level 1 first.',
    parse: parseDelayLevels,
    format: formatDelayLevels,
  } as Option<readonly number[]>,
  timerWheelEnable: boolean({
    key: 'timerWheelEnable',
    change: 'live',
    group: 'Topics and messages',
    default: true,
    sentence: 'Whether timed messages are taken; those that wait already are delivered.',
  }),
  timerMaxDelaySec: integer({
    key: 'timerMaxDelaySec',
    change: 'live',
    group: 'Topics and messages',
    default: 315_360_000,
    min: 1,
    max: 3_153_600_000,
    unit: 's',
    sentence: 'How far away the time of a timed message may be: ten years (RocketMQ: 259 200, three days).',
  }),
  timerRollWindowSeconds: integer({
    key: 'timerRollWindowSlot',
    group: 'Topics and messages',
    default: 172_800,
    min: 60,
    max: 31_536_000,
    unit: 's',
    sentence:
      'Longest time that one record of a timed message waits; then it is stored anew, so that retention does not remove it. Half of fileReservedTime where that is less.',
  }),
  timerSaveEveryMs: integer({
    key: 'timerFlushIntervalMs',
    group: 'Topics and messages',
    default: 1000,
    min: 10,
    max: 600_000,
    unit: 'ms',
    sentence: 'Time between two saves of how far timed messages are delivered: what a crash may deliver twice.',
  }),
  recallEnable: boolean({
    key: 'recallMessageEnable',
    change: 'live',
    group: 'Topics and messages',
    default: true,
    sentence: 'Whether a timed message can be taken back; its send is answered with a handle then (RocketMQ: false).',
  }),
  traceTopicEnable: boolean({
    key: 'traceTopicEnable',
    group: 'Topics and messages',
    default: false,
    sentence: 'Whether the trace topic exists from the start.',
  }),
  traceTopic: text({
    key: 'msgTraceTopicName',
    group: 'Topics and messages',
    default: 'RMQ_SYS_TRACE_TOPIC',
    pattern: NAME,
    charsMax: 127,
    range: '1 to 127 of the characters a-z A-Z 0-9 _ - % |',
    sentence: 'Topic that clients send traces to.',
  }),
  storeReplyEnable: boolean({
    key: 'storeReplyMessageEnable',
    change: 'live',
    group: 'Topics and messages',
    default: true,
    sentence: 'Whether the reply to a request is stored in `<cluster>_REPLY_TOPIC` beside being pushed to the client that asked.',
  }),

  // Consuming
  autoCreateGroupEnable: boolean({
    key: 'autoCreateSubscriptionGroup',
    change: 'live',
    group: 'Consuming',
    default: true,
    sentence: 'Whether a consumer group that is not configured may consume.',
  }),
  propertyFilterEnable: boolean({
    key: 'enablePropertyFilter',
    change: 'live',
    group: 'Consuming',
    default: true,
    sentence: 'Whether consumers may subscribe by SQL92 expressions over message properties (RocketMQ: off unless switched on).',
  }),
  longPollingEnable: boolean({
    key: 'longPollingEnable',
    change: 'live',
    group: 'Consuming',
    default: true,
    sentence: 'Whether a pull that finds nothing waits as long as the client asked, or `shortPollingTimeMills`.',
  }),
  pluginDir: text({
    key: 'pluginDir',
    origin: 'ringmq',
    change: 'file',
    group: 'Consuming',
    default: '',
    pattern: /^[^\0]*$/,
    charsMax: 4096,
    range: 'a path of at most 4096 characters',
    sentence:
      'Folder of filter plugins (docs/plugins.md): the code in it runs in the broker. Empty: `plugins` in the store’s directory, if it is there.',
  }),
  pluginsMax: integer({
    key: 'pluginsMax',
    origin: 'ringmq',
    change: 'file',
    group: 'Consuming',
    default: 8,
    min: 0,
    max: 64,
    sentence: 'Filter plugins that there may be; each has a thread of its own. 0: none, and the folder is not looked at.',
  }),
  pluginCallMs: integer({
    key: 'pluginCallMs',
    origin: 'ringmq',
    change: 'file',
    group: 'Consuming',
    default: 80,
    min: 20,
    max: 60_000,
    unit: 'ms',
    sentence: 'What one call of a filter plugin may take before its thread is ended.',
  }),
  pluginMemoryMb: integer({
    key: 'pluginMemoryMb',
    origin: 'ringmq',
    change: 'file',
    group: 'Consuming',
    default: 64,
    min: 16,
    max: 4096,
    unit: 'MiB',
    sentence: 'Memory of one filter plugin, objects and buffers each, beyond which its thread is ended.',
  }),
  pluginRestarts: integer({
    key: 'pluginRestarts',
    origin: 'ringmq',
    change: 'file',
    group: 'Consuming',
    default: 5,
    min: 0,
    max: 100,
    sentence: 'Times within a minute that a filter plugin that failed is started again, before it is parked until its file is replaced.',
  }),
  pluginPolicy: choice({
    key: 'pluginPolicy',
    origin: 'ringmq',
    change: 'file',
    group: 'Consuming',
    default: 'hold',
    choices: ['hold', 'pass'],
    sentence:
      'What becomes of the messages behind a filter plugin that is parked and does not say so itself: held back, or given to all. None is lost.',
  }),
  serverSideResetEnable: boolean({
    key: 'useServerSideResetOffset',
    group: 'Consuming',
    default: true,
    sentence:
      'Whether offsets that a tool resets stand at the broker and the next pull is told to go on there; else clients on line are told, and a group without any is refused.',
  }),
  shortPollingMs: integer({
    key: 'shortPollingTimeMills',
    change: 'live',
    group: 'Consuming',
    default: 1000,
    min: 1,
    max: 60_000,
    unit: 'ms',
    sentence: 'Wait of a pull that finds nothing when long polling is off.',
  }),
  pullBytesMax: integer({
    key: 'maxTransferBytesOnMessageInMemory',
    change: 'live',
    group: 'Consuming',
    default: 4 * MIB,
    min: 64 * KIB,
    max: 4 * MIB,
    unit: 'bytes',
    sentence: 'Most bytes that one pull answers; one message always fits (RocketMQ: 262 144, and 32 messages).',
  }),
  requestMode: choice({
    key: 'defaultMessageRequestMode',
    change: 'live',
    group: 'Consuming',
    default: 'PULL',
    choices: ['PULL', 'POP'],
    sentence: 'How members that let the broker divide the queues read a topic for which nobody has set it (`mqadmin setConsumeMode`).',
  }),
  popShareQueues: integer({
    key: 'defaultPopShareQueueNum',
    change: 'live',
    group: 'Consuming',
    default: -1,
    min: -1,
    max: 65_536,
    sentence: 'Members beside its own that pop a queue when POP is the default; 0 or less: all.',
  }),
  serverLoadBalancerEnable: boolean({
    key: 'serverLoadBalancerEnable',
    change: 'live',
    group: 'Consuming',
    default: true,
    sentence: 'Whether the broker divides the queues among members that ask it to; else each reads all.',
  }),
  popInflightMax: integer({
    key: 'popInflightMessageThreshold',
    change: 'live',
    group: 'Consuming',
    default: 10_000,
    min: 1,
    max: 1_000_000,
    sentence:
      'Most popped messages of one queue in one group that may wait for their acknowledgement; no more of it are given out until some are done (RocketMQ: counts only with enablePopMessageThreshold).',
  }),
  popHeldMax: integer({
    key: 'popPollingSize',
    change: 'live',
    group: 'Consuming',
    default: 1024,
    min: 1,
    max: 65_536,
    sentence: 'Most pops of one topic and group that may wait for a message; one more is answered POLLING_FULL (209).',
  }),
  popRetryTopicV2Enable: boolean({
    key: 'enableRetryTopicV2',
    change: 'live',
    group: 'Consuming',
    default: false,
    sentence:
      'Whether messages that were popped and not acknowledged go to `%RETRY%group+topic` instead of `%RETRY%group_topic`, which is popped as well.',
  }),
  clientExpiryMs: integer({
    key: 'channelExpiredTimeout',
    change: 'live',
    group: 'Consuming',
    default: 120_000,
    min: 1000,
    max: 3_600_000,
    unit: 'ms',
    sentence:
      'Silence after which a client is taken out of its groups; a change counts from the next look at a group, within the former time.',
  }),
  notifyMembers: boolean({
    key: 'notifyConsumerIdsChangedEnable',
    change: 'live',
    group: 'Consuming',
    default: true,
    sentence: 'Whether the members of a group are told at once when it changes; else they see it when they next ask, within 20 s.',
  }),
  offsetSaveEveryMs: integer({
    key: 'flushConsumerOffsetInterval',
    change: 'live',
    group: 'Consuming',
    default: 1000,
    min: 10,
    max: 600_000,
    unit: 'ms',
    sentence: 'Time between two saves of the committed offsets (RocketMQ: 5000).',
  }),
  delayOffsetSaveEveryMs: integer({
    key: 'flushDelayOffsetInterval',
    group: 'Consuming',
    default: 1000,
    min: 10,
    max: 600_000,
    unit: 'ms',
    sentence: 'Time between two saves of how far the delay levels are delivered (RocketMQ: 10000).',
  }),

  // Transactions
  transactionTimeoutMs: integer({
    key: 'transactionTimeOut',
    change: 'live',
    group: 'Transactions',
    default: 6000,
    min: 100,
    max: 86_400_000,
    unit: 'ms',
    sentence: 'How long a half message waits before its producer group is asked; a message may ask for a longer time of its own.',
  }),
  transactionCheckEveryMs: integer({
    key: 'transactionCheckInterval',
    change: 'live',
    group: 'Transactions',
    default: 30_000,
    min: 100,
    max: 86_400_000,
    unit: 'ms',
    sentence: 'Time between two rounds in which producer groups are asked about half messages that wait.',
  }),
  transactionChecksMax: integer({
    key: 'transactionCheckMax',
    change: 'live',
    group: 'Transactions',
    default: 15,
    min: 1,
    max: 100_000,
    unit: 'times',
    sentence: 'How often a producer group is asked about a half message; then it is kept in TRANS_CHECK_MAX_TIME_TOPIC.',
  }),
  rejectTransactionMessage: boolean({
    key: 'rejectTransactionMessage',
    change: 'live',
    group: 'Transactions',
    default: false,
    sentence: 'Whether half messages are refused (16).',
  }),

  // Limits
  connectionsMax: integer({
    key: 'connectionsMax',
    change: 'live',
    origin: 'ringmq',
    group: 'Limits',
    default: 100_000,
    min: 1,
    max: 1_000_000,
    unit: 'sockets',
    sentence: 'Most client connections of a shard; one more is closed at once.',
  }),
  connectionOutputBytesMax: integer({
    key: 'connectionOutputBytesMax',
    change: 'live',
    origin: 'ringmq',
    group: 'Limits',
    default: 8 * MIB,
    min: 64 * KIB,
    max: GIB,
    unit: 'bytes',
    sentence: 'Most bytes of answers that a client may leave unread; its requests wait from there on, or are answered 215.',
  }),
  outputBytesMax: integer({
    key: 'outputBytesMax',
    change: 'live',
    origin: 'ringmq',
    group: 'Limits',
    default: 64 * MIB,
    min: 32 * MIB,
    max: 64 * GIB,
    unit: 'bytes',
    sentence:
      'Most bytes of unread answers of all connections of a shard. Above it each is left 64 KiB; a quarter above it those that hold most are closed.',
  }),
  inputBytesMax: integer({
    key: 'inputBytesMax',
    change: 'live',
    origin: 'ringmq',
    group: 'Limits',
    default: 64 * MIB,
    min: 32 * MIB,
    max: 64 * GIB,
    unit: 'bytes',
    sentence:
      'Most bytes of unfinished requests of all connections of a shard. Above it those are read on that want least to be whole, and those that do not end theirs are closed.',
  }),
  idleConnectionSeconds: integer({
    key: 'serverChannelMaxIdleTimeSeconds',
    change: 'live',
    group: 'Limits',
    default: 120,
    min: 10,
    max: 3600,
    unit: 's',
    sentence: 'Silence after which a connection is closed.',
  }),
  listenBacklog: integer({
    key: 'serverSocketBacklog',
    group: 'Limits',
    default: 1024,
    min: 1,
    max: 65_535,
    unit: 'sockets',
    sentence: 'Connections that may wait to be accepted.',
  }),
  topicsMax: integer({
    key: 'topicsMax',
    change: 'live',
    origin: 'ringmq',
    group: 'Limits',
    default: 50_000,
    min: 1,
    max: 1_000_000,
    unit: 'topics',
    sentence: 'Most topics, retry topics included.',
  }),
  queuesPerTopicMax: integer({
    key: 'queuesPerTopicMax',
    change: 'live',
    origin: 'ringmq',
    group: 'Limits',
    default: 4096,
    min: 1,
    max: 65_536,
    unit: 'queues',
    sentence: 'Most queues of one topic.',
  }),
  queuesMax: integer({
    key: 'queuesMax',
    origin: 'ringmq',
    group: 'Limits',
    default: 131_072,
    min: 1000,
    max: 1_000_000,
    unit: 'queues',
    sentence: 'Most queues of all topics together.',
  }),
  groupsMax: integer({
    key: 'groupsMax',
    change: 'live',
    origin: 'ringmq',
    group: 'Limits',
    default: 50_000,
    min: 1,
    max: 1_000_000,
    unit: 'groups',
    sentence: 'Most consumer groups.',
  }),
  membersPerGroupMax: integer({
    key: 'membersPerGroupMax',
    change: 'live',
    origin: 'ringmq',
    group: 'Limits',
    default: 20_000,
    min: 1,
    max: 1_000_000,
    unit: 'clients',
    sentence: 'Most members of one group.',
  }),

  // Operation
  adminHost: text({
    key: 'metricsPromExporterHost',
    group: 'Operation',
    default: '127.0.0.1',
    pattern: HOST,
    charsMax: 255,
    range: 'a host name or an IP address',
    sentence: 'Address of /health and /metrics.',
  }),
  adminPort: integer({
    key: 'metricsPromExporterPort',
    group: 'Operation',
    default: 5557,
    min: -1,
    max: 65_535,
    unit: 'port',
    sentence:
      'Port of /health and /metrics; −1 switches them off, 0 takes a free port, and so does the default when another process has it.',
  }),
  stopMs: integer({
    key: 'stopTimeout',
    change: 'live',
    origin: 'ringmq',
    group: 'Operation',
    default: 10_000,
    min: 100,
    max: 600_000,
    unit: 'ms',
    sentence: 'Time that an orderly stop has; then the process ends with an exit code of its own.',
  }),
  logLevel: choice({
    key: 'logLevel',
    change: 'live',
    origin: 'ringmq',
    group: 'Operation',
    default: 'info',
    choices: ['debug', 'info', 'warn', 'error'],
    sentence: 'Least level that is logged.',
  }),
  aclEnable: choice({
    key: 'aclEnable',
    group: 'Operation',
    default: 'false',
    choices: ['false'],
    why: 'there is no access control yet, and silence would leave an open broker',
    sentence: 'Access control of RocketMQ 4.',
  }),
  authenticationEnabled: choice({
    key: 'authenticationEnabled',
    group: 'Operation',
    default: 'false',
    choices: ['false'],
    why: 'there is no access control yet, and silence would leave an open broker',
    sentence: 'Access control of RocketMQ 5.',
  }),
  authorizationEnabled: choice({
    key: 'authorizationEnabled',
    group: 'Operation',
    default: 'false',
    choices: ['false'],
    why: 'there is no access control yet, and silence would leave an open broker',
    sentence: 'Access control of RocketMQ 5.',
  }),
} as const;

export type OptionField = keyof typeof brokerOptions;
export type OptionValue<F extends OptionField> = (typeof brokerOptions)[F]['default'];
