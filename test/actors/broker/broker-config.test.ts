import { test } from 'tap';
import { changedConfig, formatSetting, type Machine, parseBrokerConfig, type Role } from '../../../actors/broker/broker-config.ts';
import { brokerOptions, type OptionField } from '../../../actors/broker/broker-options.ts';
import { ConfigError } from '../../../actors/broker/errors.ts';

const machine: Machine = { cores: 4, hosts: ['192.0.2.7'], currentDirectory: '/home/someone' };

function parse(text: string, environment: Record<string, string> = {}, flags: Record<string, string> = {}, role: Role = 'start') {
  return parseBrokerConfig(text, environment, flags, { role, machine, file: 'broker.conf' });
}

function refusal(run: () => unknown): ConfigError {
  try {
    run();
  } catch (error) {
    if (error instanceof ConfigError) return error;
    throw error;
  }
  throw new Error('nothing was refused');
}

test('parseBrokerConfig gives the table defaults, completed from the machine', async (t) => {
  const { config, warnings } = parse('');
  t.same(warnings, []);
  t.equal(config.listenPort, 10911);
  t.equal(config.bindHost, '127.0.0.1', 'loopback unless asked otherwise');
  t.equal(config.advertisedHost, '127.0.0.1');
  t.equal(config.shards, 3, 'cores - 1');
  t.equal(config.storePath, '/home/someone/data');
  t.equal(config.commitLogSegmentBytes, 1_073_741_824);
  t.equal(config.delayLevelsMs.length, 18);
  t.equal(config.delayLevelsMs[17], 7_200_000);
  t.ok(config.nameServerEnable && config.brokerEnable);
  t.ok(Object.isFrozen(config));
  t.equal(parseBrokerConfig('', {}, {}, { role: 'start', machine: { ...machine, cores: 1 } }).config.shards, 1, 'at least one shard');
});

test('parseBrokerConfig accepts the broker.conf that RocketMQ ships', async (t) => {
  const { config, warnings } = parse(`
# Licensed to the Apache Software Foundation
brokerClusterName = DefaultCluster
brokerName = broker-b
brokerId = 0
deleteWhen = 04
fileReservedTime = 48
brokerRole = ASYNC_MASTER
flushDiskType = SYNC_FLUSH
`);
  t.equal(config.brokerName, 'broker-b');
  t.equal(config.flushDiskType, 'SYNC_FLUSH');
  t.same(warnings, [], 'nothing in it is without effect');
  t.equal(config.reservedHours, 48);
  t.same(config.deleteHours, [4]);
});

test('parseBrokerConfig lets flags win over the environment and that over the file', async (t) => {
  const file = 'listenPort=1111\nstorePathRootDir=/file\nshards=2';
  t.equal(parse(file).config.storePath, '/file');
  const environment = { DATA_DIR: '/env', BROKER_ADDR: '127.0.0.2:2222', FLUSH: 'sync', SHARDS: '' };
  const both = parse(file, environment, { BROKER_ADDR: '[::1]:3333' }).config;
  t.equal(both.storePath, '/env');
  t.equal(both.bindHost, '::1');
  t.equal(both.listenPort, 3333);
  t.equal(both.flushDiskType, 'SYNC_FLUSH');
  t.equal(both.shards, 2, 'an empty variable is not set');
});

test('parseBrokerConfig reads NAMESRV_ADDR by role', async (t) => {
  const start = parse('', { NAMESRV_ADDR: '127.0.0.1:19876' }).config;
  t.equal(start.nameServerPort, 19_876, 'start: where the own name server listens');
  t.same(start.registerAddresses, ['127.0.0.1:19876'], 'and the broker registers there');
  t.same(parse('namesrvAddr=10.0.0.1:9876\nnameServerBindAddress=0.0.0.0').config.registerAddresses, ['127.0.0.1:9876', '10.0.0.1:9876']);
  t.same(parse('', {}, {}, 'namesrv').config.registerAddresses, []);
  const broker = parse('', { NAMESRV_ADDR: '10.0.0.1:9876;10.0.0.2:9876' }, {}, 'broker').config;
  t.same(broker.registerAddresses, ['10.0.0.1:9876', '10.0.0.2:9876'], 'broker: whom to register with');
  t.equal(refusal(() => parse('', {}, {}, 'broker')).key, 'namesrvAddr', 'a broker alone needs one');
});

test('parseBrokerConfig refuses a bad value with key, value, range and source', async (t) => {
  const table: [text: string, key: string, value: string, range: RegExp][] = [
    ['listenPort=65536', 'listenPort', '65536', /an integer from 0 to 65535/],
    ['listenPort=1e3', 'listenPort', '1e3', /an integer/],
    ['brokerId=1', 'brokerId', '1', /0 to 0/],
    ['flushDiskType=NEVER', 'flushDiskType', 'NEVER', /ASYNC_FLUSH or SYNC_FLUSH/],
    ['autoCreateTopicEnable=yes', 'autoCreateTopicEnable', 'yes', /true or false/],
    ['logLaneBytes=50000000', 'logLaneBytes', '50000000', /a power of two/],
    ['messageDelayLevel=1s 5x', 'messageDelayLevel', '1s 5x', /delays such as/],
    ['namesrvAddr=localhost', 'namesrvAddr', 'localhost', /host:port/],
    ['brokerRole=SLAVE', 'brokerRole', 'SLAVE', /no replication yet/],
    ['aclEnable=true', 'aclEnable', 'true', /no access control yet/],
    ['deleteWhen=04;24', 'deleteWhen', '04;24', /hours of the day/],
    ['brokerName=a b', 'brokerName', 'a b', /characters/],
  ];
  for (const [text, key, value, range] of table) {
    const error = refusal(() => parse(`\n${text}`));
    t.equal(error.code, 'MQ_CONFIG_VALUE');
    t.equal(error.key, key);
    t.equal(error.value, value);
    t.match(error.range, range);
    t.equal(error.source, 'broker.conf line 2');
    t.match(error.message, new RegExp(`Cannot use ${key}=`));
  }
  t.match(refusal(() => parse('', { FLUSH: 'maybe' })).message, /FLUSH=maybe \(environment FLUSH\): must be async or sync/);
  t.match(refusal(() => parse('', {}, { BROKER_ADDR: '10911' })).message, /--broker-addr\): must be host:port/);
  t.match(refusal(() => parse('listenPort=9876')).message, /another port than the name server's/);
});

test('parseBrokerConfig warns of what has no effect, and names the nearest key for a typing mistake', async (t) => {
  const { warnings } = parse('autoCreateTopicEnabled=true\ntransientStorePoolEnable=true\nzzzzzzzz=1');
  t.match(warnings[0], /autoCreateTopicEnabled \(broker.conf line 1\) is not a known setting; did you mean autoCreateTopicEnable\?/);
  t.match(warnings[1], /transientStorePoolEnable .* has no effect here/);
  t.match(warnings[2], /zzzzzzzz \(broker.conf line 3\) is not a known setting$/);
});

test('parseBrokerConfig advertises an outside address when it listens on every one', async (t) => {
  t.equal(parse('bindAddress=0.0.0.0').config.advertisedHost, '192.0.2.7');
  t.equal(parse('bindAddress=0.0.0.0\nbrokerIP1=broker.example.com').config.advertisedHost, 'broker.example.com');
  t.equal(parse('bindAddress=10.1.2.3').config.advertisedHost, '10.1.2.3');
});

test('formatSetting writes what parseBrokerConfig reads', async (t) => {
  const { config } = parse('listenPort=1234\nnamesrvAddr=10.0.0.1:9876\nmessageDelayLevel=1s 2m 3h 1d\nmetricsPromExporterPort=-1');
  const text = Object.entries(brokerOptions).map(([field, { key }]) => `${key}=${formatSetting(config, field as OptionField)}`);
  const again = parse(text.join('\n'));
  t.same(again.warnings, []);
  t.same(again.config, { ...config, adminPortExplicit: true });
});

test('changedConfig takes checked values by key and leaves the former configuration as it was', async (t) => {
  const { config } = parse('');
  const next = changedConfig(config, [
    { key: 'maxMessageSize', value: '2048' },
    { key: 'deleteWhen', value: '01;13' },
  ]);
  t.equal(next.maxMessageBytes, 2048);
  t.same(next.deleteHours, [1, 13]);
  t.equal(next.shards, config.shards, 'what the start made definite stays');
  t.equal(config.maxMessageBytes, 4 * 1024 * 1024);
  t.ok(Object.isFrozen(next));
  t.throws(() => changedConfig(config, [{ key: 'maxMessageSize', value: '-1' }]), /was checked/);
});

test('brokerOptions accepts each of its own defaults, and has each key once', async (t) => {
  const keys = new Set<string>();
  for (const [field, option] of Object.entries(brokerOptions)) {
    const format = option.format as (value: unknown) => string;
    if (format(option.default) !== '') t.same(option.parse(format(option.default)), option.default, `${field} parses what it prints`);
    t.notOk(keys.has(option.key), `${option.key} is there once`);
    t.match(option.sentence, /^[A-Z0-9/].*\.$/s, `${field} has a sentence`);
    keys.add(option.key);
  }
});
