/**
 * Settings of a started broker that tools change (requests 25, 26, 318, 319): on every shard before the answer, kept over a kill, and
 * nothing changed by what is refused.
 */
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import tap, { test } from 'tap';
import { parseBrokerConfig } from '../../actors/broker/broker-config.ts';
import { startBroker } from '../../actors/broker/start-broker.ts';
import { pullMessages, sendMessage } from '../support/broker-client.ts';
import { createTopic, routeOf } from '../support/create-topic.ts';
import { freeBrokerPort, freePort } from '../support/free-port.ts';
import type { RawFrame } from '../support/raw-frame.ts';
import { RemotingClient } from '../support/remoting-client.ts';
import { startNameServer } from '../support/start-name-server.ts';
import { type RingmqProcess, startRingmq } from '../support/start-ringmq.ts';
import { temporaryDirectory } from '../support/temporary-directory.ts';
import { waitUntil } from '../support/wait-until.ts';

tap.setTimeout(120_000);

type Clients = { brokers: RemotingClient[]; broker: RemotingClient; names: RemotingClient; close(): Promise<void> };

/** Connections enough that every shard has some. */
async function connect(nameServer: string, broker: string): Promise<Clients> {
  const brokers = await Promise.all(Array.from({ length: 8 }, () => RemotingClient.connect(broker)));
  const names = await RemotingClient.connect(nameServer);
  const close = async (): Promise<void> => {
    await Promise.all([...brokers, names].map((client) => client.close()));
  };
  return { brokers, broker: brokers[0]!, names, close };
}

async function withBroker(options: Parameters<typeof startRingmq>[0], run: (ringmq: RingmqProcess, clients: Clients) => Promise<void>) {
  const ringmq = await startRingmq(options);
  const clients = await connect(ringmq.nameServer, ringmq.broker);
  try {
    await run(ringmq, clients);
  } finally {
    await clients.close();
    await ringmq.destroy();
  }
}

const update = (client: RemotingClient, text: string, code = 25): Promise<RawFrame> =>
  client.request(code, null, { body: Buffer.from(text), timeoutMs: 20_000 });

async function settings(client: RemotingClient, code = 26): Promise<Map<string, string>> {
  const frame = await client.request(code);
  const lines = frame.body.toString('utf8').trimEnd().split('\n');
  return new Map(lines.map((line) => [line.slice(0, line.indexOf('=')), line.slice(line.indexOf('=') + 1)]));
}

test('UPDATE_BROKER_CONFIG works on every connection once it is answered', async (t) => {
  await withBroker({ shards: 2 }, async (ringmq, { brokers, broker, names }) => {
    await createTopic(ringmq.nameServer, 'Live', 4);
    const codes = async (send: (client: RemotingClient, i: number) => Promise<RawFrame>): Promise<number[]> => [
      ...new Set((await Promise.all(brokers.map(send))).map((frame) => frame.code)),
    ];
    const large = Buffer.alloc(3000, 'x');
    t.same(await codes((client) => sendMessage(client, 'Live', large)), [0]);
    t.match(await update(broker, 'maxMessageSize=2048\n'), { code: 0, remark: null });
    t.same(await codes((client) => sendMessage(client, 'Live', large)), [13], 'maxMessageSize');
    t.match(await update(broker, 'maxMessageSize=4096\nautoCreateTopicEnable=false\n'), { code: 0, remark: null });
    t.same(await codes((client) => sendMessage(client, 'Live', large)), [0], 'both of one request');
    t.same(await codes((client, i) => sendMessage(client, `Never${i}`, 'x')), [17], 'autoCreateTopicEnable');

    t.match(await update(broker, 'autoCreateTopicEnable=true\ndefaultTopicQueueNums=2\n'), { code: 0, remark: null });
    t.same((await routeOf(names, 'TBW102'))?.queueDatas[0]?.writeQueueNums, 2, 'the default topic follows, in the routes too');
    t.same(await codes((client, i) => sendMessage(client, `Made${i}`, 'x')), [0]);
    t.equal((await routeOf(names, 'Made3'))?.queueDatas[0]?.writeQueueNums, 2, 'defaultTopicQueueNums');

    t.equal((await update(broker, 'longPollingEnable=false\nshortPollingTimeMills=1')).code, 0);
    for (const client of brokers)
      t.equal((await pullMessages(client, 'Live', 3, 0, { holdMs: 30_000 })).frame.code, 19, 'not held for 30 s');

    t.equal((await update(broker, 'autoCreateSubscriptionGroup=false')).code, 0);
    const heartbeat = {
      clientID: 'c1',
      consumerDataSet: [
        {
          groupName: 'Unknown',
          consumeType: 'CONSUME_PASSIVELY',
          messageModel: 'CLUSTERING',
          consumeFromWhere: 'CONSUME_FROM_LAST_OFFSET',
          subscriptionDataSet: [],
          unitMode: false,
        },
      ],
      producerDataSet: [],
    };
    await broker.request(34, null, { body: Buffer.from(JSON.stringify(heartbeat)) });
    const groups = JSON.parse((await broker.request(201)).body.toString('utf8'));
    t.notOk('Unknown' in groups.subscriptionGroupTable, 'autoCreateSubscriptionGroup');

    t.equal((await update(broker, 'logLevel=debug')).code, 0);
    await (await RemotingClient.connect(ringmq.broker)).close();
    await waitUntil('a line of the level debug', () => /DEBUG A connection was closed/.test(ringmq.output));
    t.match(ringmq.output, /INFO {2}settings changed .*by=127\.0\.0\.1:\d+ settings="?logLevel=debug/, 'who changed what is in the log');

    const before = await broker.request(26);
    t.equal((await update(broker, 'fileReservedTime=5\nlistenPort=1\n')).remark, 'takes effect at the next start: listenPort');
    const after = await broker.request(26);
    const counter = (frame: RawFrame): number => JSON.parse(String(frame.ext?.['version'])).counter;
    t.equal(counter(after), counter(before) + 1, 'the version moves with each change');
    const shown = await settings(broker);
    t.equal(shown.get('fileReservedTime'), '5');
    t.equal(shown.get('listenPort'), '1');
    t.equal(shown.get('settingsAwaitingRestart'), 'listenPort');
  });
});

test('UPDATE_BROKER_CONFIG is kept over a kill, and overruled by the environment with a warning', async (t) => {
  await withBroker({ shards: 2 }, async (ringmq, clients) => {
    t.equal((await update(clients.broker, 'fileReservedTime=5\nmaxMessageSize=2048\nregionId=elsewhere\nshards=1\n')).code, 0);
    await clients.close();
    await ringmq.kill();
    const file = join(ringmq.dataDir, 'config', 'ringmq.properties');
    t.match(readFileSync(file, 'utf8'), /^# .*\n# .*\nfileReservedTime=5\nmaxMessageSize=2048\nregionId=elsewhere\nshards=1\n$/);
    writeFileSync(file, `${readFileSync(file, 'utf8')}storePathRootDir=/elsewhere\n`);
    await ringmq.start();
    const again = await RemotingClient.connect(ringmq.broker);
    try {
      const shown = await settings(again);
      t.equal(shown.get('fileReservedTime'), '5');
      t.equal(shown.get('regionId'), 'elsewhere', 'what waited for the start works now');
      t.notOk(shown.has('settingsAwaitingRestart') && shown.get('settingsAwaitingRestart') !== 'shards');
      t.equal((await sendMessage(again, 'Kept', Buffer.alloc(3000))).code, 13);
      t.match(ringmq.output, /shards=1 \(.*ringmq\.properties line 6\) is overruled by --set, the environment or a flag: 2/);
      t.match(ringmq.output, /storePathRootDir \(.*line 7\) is not taken from this file/);
      t.equal((await update(again, 'fileReservedTime=6')).code, 0);
      t.match(readFileSync(file, 'utf8'), /fileReservedTime=6\nmaxMessageSize=2048\n/, 'what former processes saved stays');
    } finally {
      await again.close();
    }
  });
});

test('UPDATE_BROKER_CONFIG refuses bad input with code and reason, changes nothing, and the next frame is served', async (t) => {
  await withBroker({ shards: 2 }, async (_ringmq, { broker, names }) => {
    const before = await settings(broker);
    for (const [body, code, remark] of [
      [
        'maxMessageSize=2048\nfileReservedTime=ten\n',
        29,
        /fileReservedTime="ten": must be an integer from 1 to 87600; nothing was changed/,
      ],
      ['maxMessageSize=\n', 29, /maxMessageSize="": must be/],
      ['deleteWhen=25', 29, /hours of the day/],
      ['regionId=a\\nlistenPort=1', 29, /regionId="a\\nlistenPort=1"/],
      ['rocketmqHome=-c $@|sh . echo id\nfilterServerNums=1\n', 16, /black list: "rocketmqHome"/],
      ['storePathRootDir=/etc\n', 16, /black list: "storePathRootDir"/],
      ['brokerConfigPath=/etc/cron.d/x\n', 16, /black list/],
      ['x=\\uZZZZ', 1, /string2Properties error/],
      ['k=v\n'.repeat(300), 29, /300 settings/],
      ['x'.repeat(100_000), 29, /100000 bytes, at most 65536/],
      ['__proto__=1\nconstructor=2\n', 0, /__proto__ is not a known setting/],
      [`${'k'.repeat(20_000)}=1\n`, 0, /k…/],
      [Buffer.from([0xff, 0xfe, 0x00, 0x3d, 0x80]).toString('latin1'), 0, /not a known setting/],
      ['', 0, undefined],
    ] as const) {
      const answer = await update(broker, body);
      t.equal(answer.code, code, body.slice(0, 60));
      if (remark !== undefined) t.match(answer.remark, remark);
      t.notMatch(answer.remark ?? '', /[\x00-\x1f]/, 'a remark is one line');
    }
    broker.oneway(25, {}, { body: Buffer.from('maxMessageSize=zero\n') });
    t.same(await settings(broker), before, 'as it was');
    t.match(await update(names, 'kvConfigPath=/etc/passwd\n', 318), { code: 16 });
    t.match(await update(names, 'scanNotActiveBrokerInterval=5\n', 318), { code: 29, remark: /from 100 to 600000/ });
    t.match(await update(names, 'fileReservedTime=5\n', 318), { code: 0, remark: /use updateBrokerConfig/ });
    t.equal((await settings(names, 319)).get('scanNotActiveBrokerInterval'), '10000');
  });
});

test('UPDATE_NAMESRV_CONFIG works at once, beside a broker and alone', async (t) => {
  await withBroker({ shards: 2 }, async (_ringmq, { names }) => {
    t.match(await update(names, 'scanNotActiveBrokerInterval=7000\n', 318), { code: 0, remark: null });
    t.equal((await settings(names, 319)).get('scanNotActiveBrokerInterval'), '7000');
  });
  const { path: directory, remove } = temporaryDirectory();
  const port = await freePort();
  const { config } = parseBrokerConfig(
    'metricsPromExporterPort=-1\n',
    {},
    { NAMESRV_ADDR: `127.0.0.1:${port}`, DATA_DIR: directory, SHARDS: '2' },
    { role: 'namesrv', machine: { cores: 2, hosts: [], currentDirectory: directory } },
  );
  const running = await startBroker(config, { log: () => {} });
  const client = await RemotingClient.connect(`127.0.0.1:${port}`);
  try {
    t.match(await update(client, 'scanNotActiveBrokerInterval=7000\nnameServerListenPort=1\n', 318), { code: 0, remark: /next start/ });
    t.equal((await settings(client, 319)).get('scanNotActiveBrokerInterval'), '7000');
    t.match(await update(client, 'fileReservedTime=7\n'), { code: 3 }, 'a name server alone has no settings of a broker');
  } finally {
    await client.close();
    await running.stop();
    remove();
  }
});

test('brokerPermission takes writing and reading from the routes at once, and order topics from senders, as in Java', async (t) => {
  await withBroker({ shards: 2 }, async (ringmq, { brokers, broker, names }) => {
    await createTopic(ringmq.nameServer, 'Plain', 2);
    const order = { topic: 'Order', defaultTopic: 'TBW102', readQueueNums: 2, writeQueueNums: 2, perm: 6, order: true };
    t.equal((await broker.request(17, { ...order, topicFilterType: 'SINGLE_TAG', topicSysFlag: 0 })).code, 0);
    const perm = async (topic: string): Promise<number | undefined> => (await routeOf(names, topic))?.queueDatas[0]?.perm;
    t.match(await update(broker, 'brokerPermission=4'), { code: 0, remark: null });
    t.same([await perm('Plain'), await perm('Order'), await perm('TBW102')], [4, 4, 5]);
    for (const client of brokers) {
      t.equal((await sendMessage(client, 'Plain', 'x')).code, 0, 'a sender with an old route may finish');
      t.match(await sendMessage(client, 'Order', 'x'), { code: 16, remark: /order topic, and brokerPermission/ });
      t.equal((await pullMessages(client, 'Plain', 0, 0)).frame.code, 0);
    }
    await createTopic(ringmq.nameServer, 'Later', 2);
    t.equal(await perm('Later'), 4, 'topics that come later too');
    t.equal((await update(broker, 'brokerPermission=2')).code, 0);
    t.equal(await perm('Plain'), 2);
    for (const client of brokers) {
      t.match((await pullMessages(client, 'Plain', 0, 0)).frame, { code: 16, remark: /brokerPermission has no read bit/ });
      t.equal((await sendMessage(client, 'Order', 'x')).code, 0);
    }
    t.equal((await update(broker, 'brokerPermission=6')).code, 0);
    t.same([await perm('Plain'), await perm('Later'), await perm('TBW102')], [6, 6, 7]);
    t.equal((await pullMessages(broker, 'Plain', 0, 0)).frame.code, 0);

    t.match(await names.request(205, { brokerName: 'broker-a' }), { code: 0, ext: { wipeTopicCount: /^\d+$/ } });
    t.equal(await perm('Plain'), 4, 'wipeWritePerm');
    t.match(await names.request(327, { brokerName: 'broker-a' }), { code: 0, ext: { addTopicCount: /^\d+$/ } });
    t.equal(await perm('Plain'), 6, 'addWritePerm');
    t.match(await names.request(205, { brokerName: 'nobody' }), { code: 0, ext: { wipeTopicCount: '0' } });
  });
});

test('namesrvAddr adds and takes away name servers at once', async (t) => {
  await withBroker({ shards: 2 }, async (ringmq, { broker, names }) => {
    const other = await startNameServer(1);
    const there = await RemotingClient.connect(other.address);
    try {
      await createTopic(ringmq.nameServer, 'Names', 1);
      t.equal(await routeOf(there, 'Names'), undefined);
      t.match(await update(broker, `namesrvAddr=${other.address}`), { code: 0, remark: null });
      t.equal((await routeOf(there, 'Names'))?.brokerDatas[0]?.brokerAddrs['0'], ringmq.broker, 'there with the answer');
      t.ok(await routeOf(names, 'Names'), 'its own name server stays');
      t.equal((await settings(broker)).get('namesrvAddr'), `${ringmq.nameServer};${other.address}`);
      t.match(await update(broker, 'namesrvAddr=nowhere'), { code: 29, remark: /up to 16 host:port/ });
      t.equal((await update(broker, 'namesrvAddr=')).code, 0);
      await waitUntil('the good-bye', async () => (await routeOf(there, 'Names')) === undefined);
    } finally {
      await there.close();
      await other.stop();
    }
  });
});

test('a disk above its limit has sends refused on every connection, with path, value and limit, until it is below', async (t) => {
  await withBroker({ shards: 2 }, async (ringmq, { brokers, broker }) => {
    t.equal((await sendMessage(broker, 'Disk', 'x')).code, 0);
    // Every disk has more than 0 % in use.
    t.equal((await update(broker, 'diskSpaceWarningLevelRatio=0')).code, 0);
    for (const client of brokers) {
      const refused = await waitUntil('a refusal', async () => {
        const answer = await sendMessage(client, 'Disk', 'x');
        return answer.code === 0 ? undefined : answer;
      });
      t.match(refused, { code: 14, remark: /the disk of .* is [\d.]+ % full, diskSpaceWarningLevelRatio is 0 %; make room/ });
      t.ok(refused.remark?.includes(ringmq.dataDir), 'the path is named');
      t.equal((await pullMessages(client, 'Disk', 0, 0)).frame.code === 14, false, 'what is there is read on');
    }
    t.equal((await update(broker, 'diskSpaceWarningLevelRatio=99\ndiskSpaceCleanForciblyRatio=98')).code, 0);
    for (const client of brokers) await waitUntil('sends again', async () => (await sendMessage(client, 'Disk', 'x')).code === 0);
    t.match(ringmq.output, /ERROR the disk is nearly full: sends are refused .*path=.*INFO {2}the disk has room again/s);
  });
});

test('a shard that is replaced has the settings of now', async (t) => {
  const { path: directory, remove } = temporaryDirectory();
  const nameServer = `127.0.0.1:${await freePort()}`;
  const address = `127.0.0.1:${await freeBrokerPort()}`;
  const { config } = parseBrokerConfig(
    'vipPortEnable=false\nmetricsPromExporterPort=-1\nmappedFileSizeCommitLog=16777216\n',
    {},
    { NAMESRV_ADDR: nameServer, BROKER_ADDR: address, DATA_DIR: directory, SHARDS: '2' },
    { role: 'start', machine: { cores: 2, hosts: [], currentDirectory: directory } },
  );
  const running = await startBroker(config, { log: process.env['DRILL_LOG'] === undefined ? () => {} : console.error });
  t.teardown(async () => {
    await running.stop();
    remove();
  });
  const before = await connect(nameServer, address);
  t.equal((await sendMessage(before.broker, 'Drill', 'x')).code, 0);
  t.equal((await update(before.broker, 'maxMessageSize=2048\nbrokerPermission=2\nflushIntervalCommitLog=20')).code, 0);
  await before.close();
  const served = (thread: string) =>
    waitUntil(
      `all shards behind the end of ${thread}`,
      async () => {
        if (running.metrics().threads.find(({ name }) => name === thread)?.restarts === 0) return undefined;
        const clients = await connect(nameServer, address).catch(() => null);
        if (clients === null) return undefined;
        const sends = clients.brokers.map((client) => sendMessage(client, 'Drill', 'x', { timeoutMs: 1_000 }).catch(() => null));
        if ((await Promise.all(sends)).every((frame) => frame?.code === 0)) return clients;
        await clients.close();
        return undefined;
      },
      60_000,
    );
  for (const thread of ['shard-1', 'sync', 'store']) {
    await running.endThread(thread);
    await (await served(thread)).close();
  }
  await running.endThread('shard-0');
  const after = await served('shard-0');
  try {
    for (const client of after.brokers) {
      t.equal((await sendMessage(client, 'Drill', Buffer.alloc(3000))).code, 13);
      t.equal((await pullMessages(client, 'Drill', 0, 0)).frame.code, 16);
    }
    t.match(
      await update(after.broker, 'maxMessageSize=4096\nbrokerPermission=6'),
      { code: 0, remark: null },
      'and hears of the next change',
    );
    for (const client of after.brokers) t.equal((await sendMessage(client, 'Drill', Buffer.alloc(3000))).code, 0);
  } finally {
    await after.close();
  }
});
