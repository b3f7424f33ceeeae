/**
 * The table of `storage/disk-error-policy.ts` held by a real process: strace makes one system call fail, and the broker fences, refuses
 * for a while, carries on, or does not start, as the table says. Nothing acknowledged is ever lost.
 */
import { execFile } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import tap, { type Test, test } from 'tap';
import { pullMessages, readQueue, sendMessage } from '../support/broker-client.ts';
import { faultyStore, missingInjector, type SystemCallFault, stopUnderFaults, underFaults } from '../support/disk-faults.ts';
import { RemotingClient } from '../support/remoting-client.ts';
import { prepareRingmq, startRingmq } from '../support/start-ringmq.ts';
import { pause, waitUntil } from '../support/wait-until.ts';
import { WatchedSenders } from '../support/watched-senders.ts';

tap.setTimeout(300_000);

const skip = missingInjector();
const TOPIC = 'faults';
const FENCE_EXIT = 70;
const STORE_EXIT = 74;
/** From the first send that was not acknowledged to the end of the process. */
const END_MS_MAX = 1_000;
const LOG = 'commitlog/00000000000000000000';
const UNITS = [0, 1, 2, 3].map((queue) => `consumequeue/${TOPIC}/${queue}/00000000000000000000`);

type Row = { readonly faults: readonly SystemCallFault[]; readonly flush?: 'async' | 'sync' };
const fault = (call: string, errno: string, when: string, ...paths: string[]): SystemCallFault => ({ call, errno, when, paths });
const nameOf = ({ faults, flush = 'sync' }: Row): string =>
  `${faults.map(({ call, errno, paths }) => `${errno} from ${call} of ${paths[0]}`).join(' and ')} (${flush} flush)`;

const FENCES: Row[] = [
  { faults: [fault('fdatasync', 'EIO', '3+', LOG)] },
  // The second and later syncs work again, as they do on Linux after a write-back error: they must not be believed.
  { faults: [fault('fdatasync', 'EIO', '3', LOG)] },
  { faults: [fault('fdatasync', 'ENOSPC', '3', LOG)] },
  { faults: [fault('fdatasync', 'EDQUOT', '3', LOG)] },
  { faults: [fault('fdatasync', 'EIO', '2', LOG)], flush: 'async' },
  { faults: [fault('pwrite64', 'EIO', '5', LOG)] },
  { faults: [fault('pwrite64', 'EROFS', '5', LOG)], flush: 'async' },
  { faults: [fault('pwrite64', 'ENOSPC', '5', LOG), fault('ftruncate', 'EIO', '2+', LOG)] },
  { faults: [fault('pwrite64', 'EIO', '1', ...UNITS)], flush: 'async' },
  { faults: [fault('ftruncate', 'ENOSPC', '1', ...UNITS)], flush: 'async' },
  { faults: [fault('rename', 'EIO', '2', 'config/topics.json.tmp')] },
  { faults: [fault('rename', 'ENOSPC', '2', 'config/topics.json.tmp')] },
  // The first is the start's.
  { faults: [fault('fsync', 'EIO', '2', 'config')] },
  { faults: [fault('fdatasync', 'EAGAIN', '3', LOG)] },
  { faults: [fault('openat', 'EMFILE', '1', ...UNITS)], flush: 'async' },
  { faults: [fault('openat', 'EAGAIN', '1', ...UNITS)], flush: 'async' },
  { faults: [fault('mkdir', 'EIO', '1', `consumequeue/${TOPIC}`)], flush: 'async' },
  { faults: [fault('statx', 'EIO', '1', ...UNITS), fault('fstat', 'EIO', '1', ...UNITS)], flush: 'async' },
  { faults: [fault('close', 'EIO', '2', 'config/topics.json.tmp')] },
];

for (const row of FENCES) {
  test(`a broker is fenced and ends by ${nameOf(row)}`, { skip }, async (t) => {
    const dataDir = await faultyStore(t);
    const ringmq = await startRingmq({ flush: row.flush ?? 'sync', dataDir, command: underFaults(dataDir, row.faults) });
    t.teardown(() => ringmq.destroy());
    const senders = new WatchedSenders(ringmq.broker, TOPIC);
    const exit = await ringmq.exited(30_000);
    const tookMs = performance.now() - senders.failedAt;
    await senders.stop();
    t.equal(exit.code, FENCE_EXIT, ringmq.output.slice(-2_000));
    t.ok(tookMs <= END_MS_MAX, `ends ${Math.round(tookMs)} ms after the first send that failed`);
    t.equal(senders.afterFence, 0, 'no acknowledgement after the fence');
    await ringmq.destroy();
    const again = await startRingmq({ dataDir });
    t.teardown(() => again.destroy());
    const acknowledged = senders.acknowledged.size;
    t.same(acknowledged === 0 ? [] : await senders.problems(again.broker), [], `${acknowledged} acknowledged sends are at their places`);
  });
}

const REFUSES: (Row & { readonly refusal?: RegExp })[] = [
  { faults: [fault('pwrite64', 'ENOSPC', '5..8', LOG)], refusal: /commitlog\/0{20}: ENOSPC .* bytes are needed, \d+ of \d+ bytes .*free/ },
  { faults: [fault('pwrite64', 'EDQUOT', '5..8', LOG)], refusal: /commitlog\/0{20}: EDQUOT .* quota is used up/, flush: 'async' },
  { faults: [fault('pwrite64', 'EFBIG', '5..8', LOG)], refusal: /commitlog\/0{20}: EFBIG .* files may not become that large/ },
  { faults: [fault('pwrite64', 'EINTR', '5..20', LOG)] },
  { faults: [fault('pwrite64', 'EAGAIN', '5..20', LOG)], flush: 'async' },
  // Units that cannot be filed wait in memory: nobody is refused, and nothing is missing when there is room.
  { faults: [fault('pwrite64', 'ENOSPC', '1..6', ...UNITS)], flush: 'async' },
  { faults: [fault('openat', 'ENOSPC', '1..6', ...UNITS)], flush: 'async' },
  { faults: [fault('mkdir', 'ENOSPC', '1..3', `consumequeue/${TOPIC}`)], flush: 'async' },
  // Node makes an interrupted call again before anybody hears of it, all but a read.
  { faults: [fault('fdatasync', 'EINTR', '3..5', LOG)] },
];

for (const row of REFUSES) {
  const { faults, refusal, flush = 'sync' } = row;
  test(`a broker ${refusal === undefined ? 'carries on through' : 'refuses sends while there is'} ${nameOf(row)}`, { skip }, async (t) => {
    const dataDir = await faultyStore(t);
    const ringmq = await startRingmq({ flush, dataDir, command: underFaults(dataDir, faults) });
    t.teardown(() => ringmq.destroy());
    const senders = new WatchedSenders(ringmq.broker, TOPIC);
    await waitUntil('sends to be acknowledged', () => senders.acknowledged.size > 400, 30_000);
    await senders.stop();
    if (refusal === undefined) t.same(senders.refused, [], 'nobody is refused');
    else {
      t.ok(senders.refused.length > 0, 'some sends are refused');
      for (const { code, remark } of senders.refused.slice(0, 1)) {
        t.equal(code, 14, 'SERVICE_NOT_AVAILABLE');
        t.match(remark, refusal, 'with path, limit and value');
      }
    }
    t.same(await senders.problems(ringmq.broker), [], 'before a restart');
    t.equal((await stopUnderFaults(ringmq)).code, 0, 'stops in order');
    await ringmq.destroy();
    const again = await startRingmq({ dataDir });
    t.teardown(() => again.destroy());
    t.same(await senders.problems(again.broker), [], `${senders.acknowledged.size} acknowledged sends are at their places`);
  });
}

const STARTS: Row[] = [
  { faults: [fault('openat', 'EIO', '1', LOG)] },
  { faults: [fault('openat', 'EACCES', '1', LOG)] },
  { faults: [fault('pread64', 'EIO', '1', LOG)] },
  { faults: [fault('fdatasync', 'EIO', '1', LOG)] },
  { faults: [fault('fdatasync', 'EIO', '1', 'abort')] },
  { faults: [fault('ftruncate', 'EIO', '1', LOG)] },
  { faults: [fault('getdents64', 'EIO', '1', 'commitlog')] },
];
/** A store that is being made. */
const FIRST_STARTS: Row[] = [
  { faults: [fault('rename', 'ENOSPC', '1', 'config/topics.json.tmp')] },
  // Node tells of some errors alone here; after another one it says that the folder is not there.
  { faults: [fault('mkdir', 'EACCES', '1', 'consumequeue')] },
];

/** A store whose broker was killed under sends. */
async function killedStore(t: Test): Promise<{ dataDir: string; senders: WatchedSenders }> {
  const dataDir = await faultyStore(t);
  const first = await startRingmq({ dataDir });
  t.teardown(() => first.destroy());
  const senders = new WatchedSenders(first.broker, TOPIC);
  await waitUntil('sends to be acknowledged', () => senders.acknowledged.size > 200, 30_000);
  await first.kill();
  await senders.stop();
  return { dataDir, senders };
}

async function refusesToStart(t: Test, dataDir: string, row: Row): Promise<void> {
  const bad = await prepareRingmq({ dataDir, command: underFaults(dataDir, row.faults) });
  t.teardown(() => bad.destroy());
  bad.launch();
  const exit = await bad.exited();
  t.equal(exit.code, STORE_EXIT, `${nameOf(row)}: ${bad.output.slice(-1000)}`);
  t.match(bad.output, new RegExp(`${dataDir}.*: ${row.faults[0]?.errno}`), 'says path and errno');
}

test('a start ends with the exit code of a bad store by any error of the disk, and leaves the store as it was', { skip }, async (t) => {
  const { dataDir, senders } = await killedStore(t);
  for (const row of STARTS) await refusesToStart(t, dataDir, row);
  for (const row of FIRST_STARTS) await refusesToStart(t, await faultyStore(t), row);
  const again = await startRingmq({ dataDir });
  t.teardown(() => again.destroy());
  t.same(await senders.problems(again.broker), [], `${senders.acknowledged.size} acknowledged sends are at their places`);
});

test('a log that cannot be read any more fences the broker', { skip }, async (t) => {
  const dataDir = await faultyStore(t);
  const first = await startRingmq({ dataDir });
  t.teardown(() => first.destroy());
  const client = await RemotingClient.connect(first.broker);
  for (let i = 0; i < 64; i++) await sendMessage(client, TOPIC, Buffer.alloc(200_000, i), { queueId: 0 });
  await client.close();
  await first.stop();
  await first.destroy();
  const ringmq = await startRingmq({ dataDir, command: underFaults(dataDir, [fault('pread64', 'EIO', '100+', LOG)]) });
  t.teardown(() => ringmq.destroy());
  const reader = await RemotingClient.connect(ringmq.broker);
  // The start reads the log as well, in many pieces.
  const reading = (async () => {
    for (let offset = 0; reader.isOpen; offset = (offset + 8) % 64) await pullMessages(reader, TOPIC, 0, offset, { max: 8 });
  })().catch(() => {});
  const exit = await ringmq.exited(20_000);
  await reading;
  await reader.close();
  t.equal(exit.code, FENCE_EXIT, ringmq.output.slice(-2_000));
});

test('a read that was interrupted is done again, to its end', { skip }, async (t) => {
  const { dataDir, senders } = await killedStore(t);
  for (const errno of ['EINTR', 'EAGAIN']) {
    const ringmq = await startRingmq({ dataDir, command: underFaults(dataDir, [fault('pread64', errno, '1..7', LOG)]) });
    t.teardown(() => ringmq.destroy());
    t.same(await senders.problems(ringmq.broker), [], `${errno}: ${senders.acknowledged.size} acknowledged sends are at their places`);
    await stopUnderFaults(ringmq);
  }
});

for (const [what, row] of [
  ['a file that cannot be removed', { faults: [fault('unlink', 'EIO', '1', ...UNITS), fault('unlinkat', 'EIO', '1', ...UNITS)] }],
  ['a disk that does not say how full it is', { faults: [fault('statfs', 'EIO', '2+', '')] }],
  // The start lists it too. Whoever looks for expired segments lists it each time.
  ['a log whose files cannot be listed', { faults: [fault('getdents64', 'EIO', '16+', 'commitlog')] }],
] as const) {
  test(`${what} fences the broker`, { skip }, async (t) => {
    const dataDir = await faultyStore(t);
    const ringmq = await startRingmq({ dataDir, command: underFaults(dataDir, row.faults) });
    t.teardown(() => ringmq.destroy());
    const client = await RemotingClient.connect(ringmq.broker);
    for (let i = 0; i < 100; i++) await sendMessage(client, TOPIC, 'x', { queueId: i % 4 });
    await pause(1_500);
    await client.request(329, null).catch(() => {});
    // The store's files of a deleted topic go.
    await client.request(215, { topic: TOPIC }).catch(() => {});
    const exit = await ringmq.exited(60_000);
    await client.close();
    t.equal(exit.code, FENCE_EXIT, ringmq.output.slice(-2_000));
  });
}

test('an embedded cluster ends and tells when a sync fails; the application lives', { skip }, async (t) => {
  const dataDir = await faultyStore(t);
  const program = fileURLToPath(new URL('../support/embedded-application.ts', import.meta.url));
  const log = fault('fdatasync', 'EIO', '5', `broker-a/${LOG}`);
  const [command = '', ...args] = underFaults(dataDir, [log], [process.execPath, program, dataDir]);
  const { stdout } = await promisify(execFile)(command, args, { timeout: 60_000 });
  const told = JSON.parse(stdout) as { acknowledged: string[]; tookMs: number; faults: { error: string }[] };
  t.match(told, { ended: 'fence', restart: 'MQ_CLUSTER_STOPPED', isAlive: true, faults: [{ node: 'broker-a', kind: 'fence' }] });
  t.match(told.faults[0]?.error, /Cannot sync .*commitlog.*EIO/);
  t.ok(told.tookMs <= END_MS_MAX, `${Math.round(told.tookMs)} ms`);
  const again = await startRingmq({ dataDir: `${dataDir}/broker-a` });
  t.teardown(() => again.destroy());
  const client = await RemotingClient.connect(again.broker);
  const there = new Set((await readQueue(client, 'embedded', 0)).map(({ body, queueOffset }) => `${body}@${queueOffset}`));
  await client.close();
  t.ok(told.acknowledged.length > 0);
  t.same(
    told.acknowledged.filter((message) => !there.has(message)),
    [],
    'all that was acknowledged is there',
  );
});
