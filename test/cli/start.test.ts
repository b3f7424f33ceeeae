import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { platform } from 'node:process';
import { fileURLToPath } from 'node:url';
import tap, { test } from 'tap';
import { freeBrokerPort, freePort } from '../support/free-port.ts';
import { prepareRingmq, startRingmq } from '../support/start-ringmq.ts';

// Started processes take their time on a busy machine: a limit that only catches what hangs.
tap.setTimeout(180_000);

const ENTRY = fileURLToPath(new URL('../../bin/ringmq.ts', import.meta.url));
const ADMIN = { ADMIN_ADDR: '127.0.0.1:0' };
const linuxOnly = platform === 'linux' ? {} : { skip: 'names of port holders come from Linux' };

/** Runs the command to its end: for starts that must be refused. */
async function refused(args: readonly string[], env: Record<string, string> = {}): Promise<{ code: number | null; output: string }> {
  const child = spawn(process.execPath, [ENTRY, ...args], { env: { PATH: process.env.PATH, ...env }, stdio: ['ignore', 'pipe', 'pipe'] });
  let output = '';
  child.stdout.on('data', (chunk: Buffer) => (output += chunk));
  child.stderr.on('data', (chunk: Buffer) => (output += chunk));
  const timer = setTimeout(() => child.kill('SIGKILL'), 15_000);
  const [code] = (await once(child, 'close')) as [number | null];
  clearTimeout(timer);
  return { code, output };
}

test('ringmq start prints one ready line, serves its health, and stops in order', async (t) => {
  const ringmq = await startRingmq({ env: ADMIN });
  t.teardown(() => ringmq.destroy());
  const ready = ringmq.output.split('\n').find((line) => line.includes(' ready '))!;
  t.match(ready, `name server ${ringmq.nameServer}`);
  t.match(ready, ringmq.broker);
  t.match(ready, ringmq.dataDir);
  t.match(ready, `pid ${ringmq.pid}; stop with Ctrl+C or kill ${ringmq.pid}`);
  const health = await fetch(/http:\/\/\S+\/health/.exec(ready)![0]);
  t.equal(health.status, 200);
  t.match(await health.json(), { status: 'UP', broker: 'broker-a' });
  const metrics = await (await fetch(/http:\/\/\S+\/health/.exec(ready)![0].replace('health', 'metrics'))).text();
  t.match(metrics, /^rocketmq_messages_in_total\{/m);
  t.match(metrics, /^ringmq_mailbox_depth\{.*thread="shard-0"\}/m);
  t.ok(existsSync(join(ringmq.dataDir, 'commitlog')));
  t.same(await ringmq.stop(), { code: 0, signal: null });
  t.match(ringmq.output, /SIGTERM: draining and flushing/);
  t.notOk(existsSync(join(ringmq.dataDir, 'abort')), 'a clean stop leaves no abort file');
});

test('ringmq start refuses ports that another ringmq has, and names it', linuxOnly, async (t) => {
  const first = await startRingmq({ env: ADMIN });
  t.teardown(() => first.destroy());
  const other = mkdtempSync(join(tmpdir(), 'ringmq-test-'));
  t.teardown(() => rmSync(other, { recursive: true, force: true }));
  const environment = { ...ADMIN, DATA_DIR: other, SHARDS: '1' };
  const free = `127.0.0.1:${await freeBrokerPort()}`;
  const table: [what: string, nameServer: string, broker: string, port: string][] = [
    ['both', first.nameServer, first.broker, first.nameServer],
    ['the name server', first.nameServer, free, first.nameServer],
    ['the broker', `127.0.0.1:${await freePort()}`, first.broker, first.broker],
  ];
  for (const [what, nameServer, broker, port] of table) {
    const { code, output } = await refused(['start'], { ...environment, NAMESRV_ADDR: nameServer, BROKER_ADDR: broker });
    t.equal(code, 98, `${what}: an exit code of its own`);
    t.match(output, `Cannot listen on ${port}: held by another ringmq: pid ${first.pid} (`);
  }
  t.equal((await fetch(/http:\/\/\S+\/health/.exec(first.output)![0])).status, 200, 'and the first is not disturbed');
});

test('ringmq start refuses a port that any other process has', linuxOnly, async (t) => {
  const ringmq = await prepareRingmq({ env: ADMIN });
  const server = createServer().listen(Number(ringmq.broker.split(':')[1]), '127.0.0.1');
  await once(server, 'listening');
  t.teardown(() => server.close());
  const { code, output } = await refused(['start'], {
    ...ADMIN,
    NAMESRV_ADDR: ringmq.nameServer,
    BROKER_ADDR: ringmq.broker,
    DATA_DIR: ringmq.dataDir,
  });
  await ringmq.destroy();
  t.equal(code, 98);
  t.match(output, `Cannot listen on ${ringmq.broker}: held by pid ${process.pid} (`);
});

for (const [file, table] of [
  ['topics.json', '{"topicConfigTable": 5}'],
  ['subscriptionGroup.json', '{"subscriptionGroupTable": 5}'],
  ['consumerOffset.json', '{"offsetTable": 5}'],
] as const) {
  test(`ringmq start ends at once, and says why, when ${file} is no table`, async (t) => {
    const directory = mkdtempSync(join(tmpdir(), 'ringmq-test-'));
    t.teardown(() => rmSync(directory, { recursive: true, force: true }));
    mkdirSync(join(directory, 'config'));
    writeFileSync(join(directory, 'config', file), table);
    const ports = { NAMESRV_ADDR: '127.0.0.1:0', BROKER_ADDR: `127.0.0.1:${await freeBrokerPort()}` };
    const { code, output } = await refused(['start'], { ...ADMIN, ...ports, DATA_DIR: directory, SHARDS: '2' });
    t.equal(code, 1, 'before the time of what nobody answers any more is up');
    t.match(output.trimEnd().split('\n').at(-1), `Cannot read ${file}`);
  });
}

test('ringmq start goes without the VIP port when that is taken', async (t) => {
  const ringmq = await prepareRingmq({ env: ADMIN });
  t.teardown(() => ringmq.destroy());
  const server = createServer().listen(Number(ringmq.broker.split(':')[1]) - 2, '127.0.0.1');
  await once(server, 'listening');
  t.teardown(() => server.close());
  await ringmq.start();
  t.match(ringmq.output, /the VIP port is not served/);
  t.notMatch(ringmq.output, /\(VIP /);
  t.same(await ringmq.stop(), { code: 0, signal: null });
});

test('ringmq start refuses a store that another process has open', async (t) => {
  const first = await startRingmq({ env: ADMIN });
  t.teardown(() => first.destroy());
  const { code, output } = await refused(['start'], {
    ...ADMIN,
    NAMESRV_ADDR: '127.0.0.1:0',
    BROKER_ADDR: '127.0.0.1:0',
    DATA_DIR: first.dataDir,
  });
  t.equal(code, 74);
  t.match(output, 'MQ_STORAGE_LOCKED');
  t.match(output, String(first.pid));
});

test('ringmq refuses bad settings with key, value and range, and unknown words', async (t) => {
  const folder = mkdtempSync(join(tmpdir(), 'ringmq-test-'));
  t.teardown(() => rmSync(folder, { recursive: true, force: true }));
  const file = join(folder, 'broker.conf');
  writeFileSync(file, 'brokerName=broker-z\nflushDiskType=NEVER\n');
  const table: [args: string[], env: Record<string, string>, code: number, output: RegExp][] = [
    [['start', '--config', file], {}, 78, /flushDiskType=NEVER \(.*broker\.conf line 2\): must be ASYNC_FLUSH or SYNC_FLUSH/],
    [['start', '--config', join(folder, 'none.conf')], {}, 78, /none\.conf.*ENOENT/],
    [['start'], { FLUSH: 'maybe' }, 78, /FLUSH=maybe \(environment FLUSH\): must be async or sync/],
    [['start', '--set', 'maxMessageSize=99999999'], {}, 78, /maxMessageSize=99999999 \(--set\)/],
    [['broker'], {}, 78, /namesrvAddr/],
    [
      ['start', '--broker-addr', '192.0.2.1:10911'],
      { DATA_DIR: folder, NAMESRV_ADDR: '127.0.0.1:0' },
      99,
      /Cannot listen on 192\.0\.2\.1:10911/,
    ],
    [['launch'], {}, 2, /Unknown command "launch"/],
    [['start', '--fast'], {}, 2, /--fast/],
  ];
  for (const [args, env, expected, pattern] of table) {
    const { code, output } = await refused(args, env);
    t.equal(code, expected, args.join(' '));
    t.match(output, pattern);
  }
});

test('ringmq start honours a broker.conf and names what it does not know', async (t) => {
  const ringmq = await prepareRingmq();
  t.teardown(() => ringmq.destroy());
  const file = join(ringmq.dataDir, 'given.conf');
  writeFileSync(file, 'brokerName=broker-z\nbrokerClusterName=Z\nautoCreateTopicEnabel=false\ntransientStorePoolEnable=true\n');
  const configured = await prepareRingmq({ args: ['--config', file], env: ADMIN });
  t.teardown(() => configured.destroy());
  await configured.start();
  t.match(configured.output, /autoCreateTopicEnabel .* did you mean autoCreateTopicEnable\?/);
  t.match(configured.output, /transientStorePoolEnable .* no effect here/);
  t.match(configured.output, `broker broker-z ${configured.broker}`);
  const health = await (await fetch(/http:\/\/\S+\/health/.exec(configured.output)![0])).json();
  t.match(health, { cluster: 'Z', broker: 'broker-z' });
  t.same(await configured.stop(), { code: 0, signal: null });
});

test('ringmq namesrv and ringmq broker run apart', async (t) => {
  const nameServer = await prepareRingmq({ env: ADMIN, command: [process.execPath, ENTRY, 'namesrv'] });
  t.teardown(() => nameServer.destroy());
  await nameServer.start();
  const broker = await prepareRingmq({
    command: [process.execPath, ENTRY, 'broker'],
    env: { ...ADMIN, NAMESRV_ADDR: nameServer.nameServer },
  });
  t.teardown(() => broker.destroy());
  await broker.start();
  t.notMatch(broker.output, /ready.*name server/);
  t.notMatch(nameServer.output, /ready.*broker broker-a/);
  t.same(await broker.stop(), { code: 0, signal: null });
  t.same(await nameServer.stop(), { code: 0, signal: null });
});
