import { test } from 'tap';
import { parseBrokerConfig } from '../../../actors/broker/broker-config.ts';
import { brokerOptions } from '../../../actors/broker/broker-options.ts';
import { decideUpdate, isLive, listSettings, type SettingsScope, type UpdateDecision } from '../../../actors/settings/decide-update.ts';

const machine = { cores: 2, hosts: [], currentDirectory: '/somewhere' };
const present = parseBrokerConfig('', {}, {}, { role: 'start', machine }).config;
const decide = (text: string, scope: SettingsScope = 'broker', config = present, saved: [string, string][] = []): UpdateDecision =>
  decideUpdate(Buffer.from(text), scope, config, new Map(saved));

test('decideUpdate takes settings in their range, in the form of the table', async (t) => {
  t.same(decide('autoCreateTopicEnable=FALSE\nfileReservedTime = 96\ndeleteWhen=4;16'), {
    kind: 'accept',
    changes: [
      { key: 'autoCreateTopicEnable', value: 'false' },
      { key: 'fileReservedTime', value: '96' },
      { key: 'deleteWhen', value: '04;16' },
    ],
    remark: '',
  });
  t.same(decide('fileReservedTime=1\nfileReservedTime=2'), {
    kind: 'accept',
    changes: [{ key: 'fileReservedTime', value: '2' }],
    remark: '',
  });
  t.same(decide(''), { kind: 'accept', changes: [], remark: '' }, 'nothing is nothing, as in Java');
  t.same(decide('scanNotActiveBrokerInterval=7000', 'namesrv'), {
    kind: 'accept',
    changes: [{ key: 'scanNotActiveBrokerInterval', value: '7000' }],
    remark: '',
  });
});

test('decideUpdate says in the remark what works later or not at all', async (t) => {
  for (const [text, scope, changes, remark] of [
    ['listenPort=10912\nbrokerName=b', 'broker', 2, /^takes effect at the next start: listenPort, brokerName$/],
    ['sendMessageThreadPoolNums=4', 'broker', 0, /^sendMessageThreadPoolNums is a setting of RocketMQ that has no effect here$/],
    ['maxMesageSize=1', 'broker', 0, /did you mean maxMessageSize\?/],
    ['scanNotActiveBrokerInterval=7000', 'broker', 0, /use updateNamesrvConfig/],
    ['fileReservedTime=7', 'namesrv', 0, /use updateBrokerConfig/],
    ['__proto__=1\nconstructor=2\ntoString=3', 'broker', 0, /^__proto__ is not a known setting; constructor is not/],
    [Array.from({ length: 20 }, (_, i) => `zz${i}zz=1`).join('\n'), 'broker', 0, /and 12 more without effect$/],
    [`${'k'.repeat(5000)}=1`, 'broker', 0, /^.{1,300}$/],
    ['a\\nb=1', 'broker', 0, /^[\x20-\x7e…]*$/],
  ] as const) {
    const decision = decide(text, scope);
    if (decision.kind !== 'accept') throw new Error(`${text} is refused: ${decision.remark}`);
    t.equal(decision.changes.length, changes, text.slice(0, 40));
    t.match(decision.remark, remark);
  }
  t.equal(({} as Record<string, unknown>)['1'], undefined);
});

test('decideUpdate refuses all when one setting is bad, with reason, key, value and range', async (t) => {
  for (const [text, reason, remark] of [
    [
      'fileReservedTime=96\nmaxMessageSize=abc',
      'bad-value',
      /maxMessageSize="abc": must be an integer from 1024 to 4194304; nothing was changed/,
    ],
    ['maxMessageSize=-5', 'bad-value', /maxMessageSize="-5"/],
    ['brokerPermission=7', 'bad-value', /must be 6 or 4 or 2 or 0/],
    ['maxMessageSize=4096\\nlistenPort=1', 'bad-value', /maxMessageSize="4096\\nlistenPort=1"/],
    [`regionId=${'r'.repeat(60_000)}`, 'bad-value', /^.{1,400}$/],
    ['storePathRootDir=/tmp/x', 'forbidden', /^Can not update config in black list: "storePathRootDir"/],
    ['mappedFileSizeCommitLog=1048576', 'forbidden', /"mappedFileSizeCommitLog"/],
    ['rocketmqHome=-c $@|sh . echo curl', 'forbidden', /"rocketmqHome"/],
    ['filterServerNums=1', 'forbidden', /"filterServerNums"/],
    ['brokerConfigPath=/etc/cron.d/x', 'forbidden', /"brokerConfigPath"/],
    ['configBlackList=', 'forbidden', /"configBlackList"/],
    ['CONFIGSTOREPATH=/x', 'forbidden', /"CONFIGSTOREPATH"/],
    ['kvConfigPath=/x', 'forbidden', /"kvConfigPath"/],
    ['messageStorePlugIn=x.Y', 'forbidden', /"messageStorePlugIn"/],
    ['a=\\u00zz', 'no-properties', /string2Properties error: .*hexadecimal/],
    [Array.from({ length: 257 }, (_, i) => `k${i}=1`).join('\n'), 'bad-value', /257 settings/],
    ['x'.repeat(65_537), 'bad-value', /65537 bytes/],
  ] as const) {
    const decision = decide(text);
    if (decision.kind !== 'refuse') throw new Error(`${text.slice(0, 80)} is taken`);
    t.equal(decision.reason, reason, text.slice(0, 40));
    t.match(decision.remark, remark);
    t.notMatch(decision.remark, /[\x00-\x1f]/);
  }
});

test('decideUpdate refuses what the next start would refuse', async (t) => {
  const lone = parseBrokerConfig('namesrvAddr=127.0.0.1:1', {}, {}, { role: 'broker', machine }).config;
  t.match(decide('namesrvAddr=', 'broker', lone), { kind: 'refuse', reason: 'bad-value', remark: /namesrvAddr="": must be at least one/ });
  t.equal(decide('namesrvAddr=').kind, 'accept', 'its own name server is left');
  t.match(decide('listenPort=9876'), { kind: 'refuse', remark: /listenPort="9876": must be another port/ });
  t.match(decide('nameServerListenPort=4711', 'namesrv', present, [['listenPort', '4711']]), { kind: 'refuse', remark: /another port/ });
  t.equal(
    decide('listenPort=4711', 'broker', present, [
      ['notOurs', '1'],
      ['fileReservedTime', 'x'],
    ]).kind,
    'accept',
    'whatever a hand wrote',
  );
});

test('decideUpdate lets a tool change each setting that is no path', async (t) => {
  for (const { key, change, default: value, format } of Object.values(brokerOptions)) {
    const text = (format as (value: unknown) => string)(value);
    if (text === '') continue;
    const decision = decide(`${key}=${text}`, key === 'scanNotActiveBrokerInterval' || key.startsWith('nameServer') ? 'namesrv' : 'broker');
    t.equal(decision.kind, change === 'file' ? 'refuse' : 'accept', key);
    if (decision.kind === 'accept') t.equal(decision.changes.length, 1, `${key} is taken`);
  }
});

test('listSettings shows each setting of its scope once, sorted, with what waits for the next start', async (t) => {
  const { config } = parseBrokerConfig('', {}, {}, { role: 'start', machine });
  const broker = listSettings(config, new Map([['listenPort', '4711']]), 'broker');
  const keys = broker.map(([key]) => key);
  t.same(keys, [...keys].sort());
  t.equal(new Set(keys).size, keys.length);
  const values = new Map(broker);
  t.equal(values.get('listenPort'), '4711', 'as a Java broker shows it');
  t.equal(values.get('settingsAwaitingRestart'), 'listenPort');
  for (const key of ['brokerName', 'fileReservedTime', 'filterServerNums', 'slaveReadEnable', 'traceOn', 'useTLS', 'brokerPermission'])
    t.ok(values.has(key), `stock tools read ${key}`);
  t.notOk(values.has('scanNotActiveBrokerInterval'));
  t.same(
    listSettings(config, new Map(), 'namesrv').map(([key]) => key),
    ['nameServerBindAddress', 'nameServerListenPort', 'scanNotActiveBrokerInterval'],
  );
  t.ok(isLive('maxMessageSize') && !isLive('listenPort') && !isLive('nothing'));
});
