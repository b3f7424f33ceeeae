/**
 * Retention and a full disk, held by a real process on a small file system (root on Linux): by age, by hand, by each of the three levels of
 * disk use, changed while it runs; and a disk without any room.
 */
import { existsSync, readdirSync, readFileSync, utimesSync } from 'node:fs';
import { join } from 'node:path';
import tap, { type Test, test } from 'tap';
import { pullMessages, queueOffset, readQueue, sendMessage } from '../support/broker-client.ts';
import { fill, fillInodes, missingDisks, SmallDisk } from '../support/loop-disk.ts';
import { RemotingClient } from '../support/remoting-client.ts';
import { type RingmqProcess, startRingmq } from '../support/start-ringmq.ts';
import { pause, waitUntil } from '../support/wait-until.ts';
import { WatchedSenders } from '../support/watched-senders.ts';

tap.setTimeout(300_000);

const MIB = 1024 * 1024;
const DISK_BYTES = 160 * MIB;
const SEGMENT_BYTES = 2 * MIB;
const TOPIC = 'kept';
const BODY = Buffer.alloc(64 * 1024, 0x6b);
const DAY_MS = 86_400_000;
const skip = missingDisks();
const DELETE_EXPIRED_COMMITLOG = 329;
const UPDATE_BROKER_CONFIG = 25;
const QUERY_MESSAGE = 12;

type World = {
  readonly disk: SmallDisk;
  readonly ringmq: RingmqProcess;
  readonly client: RemotingClient;
  readonly segments: () => string[];
};

async function world(t: Test, settings: Readonly<Record<string, string>> = {}): Promise<World> {
  const disk = new SmallDisk(DISK_BYTES);
  t.teardown(() => disk.remove());
  const dataDir = join(disk.path, 'store');
  const all = { mappedFileSizeCommitLog: String(SEGMENT_BYTES), messageIndexEnable: 'true', deleteWhen: '00', ...settings };
  const args = Object.entries(all).flatMap(([key, value]) => ['--set', `${key}=${value}`]);
  const ringmq = await startRingmq({ dataDir, args });
  t.teardown(() => ringmq.destroy());
  const client = await RemotingClient.connect(ringmq.broker);
  t.teardown(() => client.close());
  const log = join(dataDir, 'commitlog');
  return { disk, ringmq, client, segments: () => (existsSync(log) ? readdirSync(log).sort() : []) };
}

/** Sends until about `mebibytes` more are in the log; a refusal ends it and is given. */
async function sendMany({ client }: World, mebibytes: number): Promise<string> {
  for (let sent = 0; sent < (mebibytes * MIB) / BODY.length; sent += 4) {
    const answers = await Promise.all(
      [0, 1, 2, 3].map((queueId) => sendMessage(client, TOPIC, BODY, { queueId, properties: { KEYS: `k${sent}-${queueId}` } })),
    );
    for (const { code, remark } of answers) if (code !== 0) return `${code} ${remark}`;
  }
  return '';
}

async function set({ client }: World, text: string): Promise<void> {
  const { code, remark } = await client.request(UPDATE_BROKER_CONFIG, null, { body: Buffer.from(text) });
  if (code !== 0) throw new Error(`${text}: ${remark}`);
}

/** Each queue begins where the log does, answers a pull before that with where to go on, and is readable to its end. */
async function checkQueues(t: Test, { client }: World): Promise<void> {
  for (let queue = 0; queue < 4; queue++) {
    const min = await queueOffset(client, 31, TOPIC, queue);
    const max = await queueOffset(client, 30, TOPIC, queue);
    t.ok(min > 0 && min < max, `queue ${queue} begins at ${min} of ${max}`);
    const { frame, next } = await pullMessages(client, TOPIC, queue, 0);
    t.equal(frame.code, 21, 'PULL_OFFSET_MOVED');
    t.equal(next, min, 'to the first message that is there');
    const messages = await readQueue(client, TOPIC, queue, min);
    t.same([messages[0]?.queueOffset, messages.length], [min, max - min], 'all of the rest is readable');
  }
}

/** Sends are taken again by themselves when there is room; then nothing that was acknowledged is missing, nor after a kill. */
async function resumes(t: Test, ringmq: RingmqProcess, senders: WatchedSenders, free: () => void): Promise<void> {
  const count = senders.acknowledged.size;
  free();
  const freedAt = performance.now();
  await waitUntil('sends to be taken again', () => senders.acknowledged.size > count + 50, 15_000);
  t.ok(performance.now() - freedAt < 2_500, `by itself, ${Math.round(performance.now() - freedAt)} ms after there was room`);
  await senders.stop();
  t.same(await senders.problems(ringmq.broker), [], `${senders.acknowledged.size} acknowledged, all at their places`);
  await ringmq.kill();
  await ringmq.start();
  t.same(await senders.problems(ringmq.broker), [], 'after kill -9 too');
}

test('expired segments go by hand, with their queues, and the rest stays', { skip }, async (t) => {
  const here = await world(t, { diskMaxUsedSpaceRatio: '95', diskSpaceCleanForciblyRatio: '98', diskSpaceWarningLevelRatio: '99' });
  t.equal(await sendMany(here, 24), '');
  // One group is behind what will go, one is at the end.
  for (const [consumerGroup, commitOffset] of [
    ['CG_behind', '3'],
    ['CG_there', '80'],
  ] as const) {
    await pullMessages(here.client, TOPIC, 0, 0, { group: consumerGroup, max: 1 });
    const fields = { consumerGroup, topic: TOPIC, queueId: '0', commitOffset };
    t.equal((await here.client.request(15, fields)).code, 0);
  }
  // Its offsets are saved within flushConsumerOffsetInterval.
  const saved = join(here.ringmq.dataDir, 'config', 'consumerOffset.json');
  await waitUntil('the offsets to be saved', () => existsSync(saved) && readFileSync(saved, 'utf8').includes('CG_there'), 20_000);
  const before = here.segments();
  // As four days later; the three newest stay young.
  const old = new Date(Date.now() - 4 * DAY_MS);
  for (const name of before.slice(0, -4)) utimesSync(join(here.ringmq.dataDir, 'commitlog', name), old, old);
  const asked = await here.client.request(DELETE_EXPIRED_COMMITLOG, null);
  t.equal(asked.code, 0);
  await waitUntil('segments to go', () => here.segments()[0] !== before[0], 20_000);
  await waitUntil('queues to follow', async () => (await queueOffset(here.client, 31, TOPIC, 0)) > 0, 20_000);
  await waitUntil('it to be said who had not consumed them', () =>
    /removed by retention that groups had not consumed.*CG_behind of kept/.test(here.ringmq.output),
  );
  t.notMatch(here.ringmq.output, /not consumed.*CG_there/);
  const after = here.segments();
  t.ok(after.length < before.length && after.includes(before.at(-4)!), `${before.length} segments, then ${after.length}; young ones stay`);
  await checkQueues(t, here);
  // The key of a message that is gone leads nowhere, and is no error.
  const gone = await here.client.request(QUERY_MESSAGE, {
    topic: TOPIC,
    key: 'k0-0',
    maxNum: '8',
    beginTimestamp: '0',
    endTimestamp: String(Date.now()),
  });
  t.equal(gone.code, 22, `QUERY_NOT_FOUND: ${gone.remark}`);
  await here.ringmq.kill();
  await here.ringmq.start();
  const client = await RemotingClient.connect(here.ringmq.broker);
  await checkQueues(t, { ...here, client });
  await client.close();
});

test('each level of disk use does its own: expired at any hour, any age, refusal; and limits change live', { skip }, async (t) => {
  const otherHour = String((new Date().getHours() + 12) % 24).padStart(2, '0');
  const here = await world(t, {
    deleteWhen: otherHour,
    diskMaxUsedSpaceRatio: '95',
    diskSpaceCleanForciblyRatio: '98',
    diskSpaceWarningLevelRatio: '99',
  });
  t.equal(await sendMany(here, 48), '');
  const old = new Date(Date.now() - 4 * DAY_MS);
  const [first = '', second = '', third = ''] = here.segments();
  for (const name of [first, second]) utimesSync(join(here.ringmq.dataDir, 'commitlog', name), old, old);
  await set(here, 'fileReservedTime=72\n');
  await pause(1_500);
  t.ok(here.segments().includes(first), 'expired, but it is not the hour');

  const used = (1 - here.disk.freeBytes / DISK_BYTES) * 100;
  // The first level lies below what is used now: what is expired goes at any hour, what is young stays.
  await set(here, `diskMaxUsedSpaceRatio=${Math.max(10, Math.floor(used) - 5)}\n`);
  // A start removes nothing in its first minute, unless it is asked or the disk is fuller than the second level.
  await here.client.request(DELETE_EXPIRED_COMMITLOG, null);
  await waitUntil('what is expired to go', () => !here.segments().includes(second), 15_000);
  t.equal(here.segments()[0], third, 'and nothing else');
  await set(here, `diskMaxUsedSpaceRatio=95\ndiskSpaceCleanForciblyRatio=${Math.max(30, Math.floor(used) - 8)}\n`);
  await waitUntil('what is young to go too', () => !here.segments().includes(third), 15_000);
  t.ok(here.segments().length > 1, 'never the last');
  t.equal(await sendMany(here, 1), '', 'sends are taken all the while');
  await set(here, 'diskSpaceCleanForciblyRatio=98\n');
  // Queues follow the log in small steps.
  await pause(1_500);
  await checkQueues(t, here);

  // Before it is full: a refusal names the level that held when the disk was looked at, which may have been just before this change reached the store worker.
  await set(here, 'diskSpaceCleanForciblyRatio=97\ndiskSpaceWarningLevelRatio=98\n');
  const free = fill(here.disk.path);
  const refusals: string[] = [];
  await waitUntil(
    'a refusal by the limit of now',
    async () => {
      const refusal = await sendMany(here, 0.1);
      if (refusal !== '') refusals.push(refusal);
      return /diskSpaceWarningLevelRatio is 98 %|ENOSPC/.test(refusal);
    },
    15_000,
  );
  for (const refusal of refusals) {
    t.match(refusal, /^14 .*(is \d+(\.\d)? % full, diskSpaceWarningLevelRatio is 9[89] %|ENOSPC)/, 'names path, value and limit');
    t.match(refusal, here.disk.path);
  }
  free();
  const begin = performance.now();
  await waitUntil('sends to be taken again', async () => (await sendMany(here, 0.1)) === '', 15_000);
  const tookMs = performance.now() - begin;
  t.ok(tookMs < 2_500, `by itself, ${Math.round(tookMs)} ms after there was room`);
});

test('a disk without a byte left refuses sends at once, reads go on, and it resumes by itself', { skip }, async (t) => {
  const off = { diskMaxUsedSpaceRatio: '95', diskSpaceCleanForciblyRatio: '98', diskSpaceWarningLevelRatio: '99' };
  const here = await world(t, off);
  const senders = new WatchedSenders(here.ringmq.broker, 'full', { bodyBytes: 4096 });
  await waitUntil('sends to be acknowledged', () => senders.acknowledged.size > 500, 30_000);
  const free = fill(here.disk.path);
  await waitUntil('refusals', () => senders.refused.length > 50, 30_000);
  for (const { code, remark } of senders.refused.slice(0, 3)) {
    t.equal(code, 14, 'SERVICE_NOT_AVAILABLE');
    t.match(remark, /(ENOSPC.* of \d+ bytes of its file system are free|% full, diskSpaceWarningLevelRatio)/, 'path, limit and value');
  }
  // A table that is replaced, or a segment that is removed, makes room for a moment.
  let asked = 0;
  const refusal = await waitUntil(
    'a refusal',
    async () => {
      const body = Buffer.alloc(BODY.length, `asked ${++asked} `);
      const begin = performance.now();
      const { code, remark } = await sendMessage(here.client, 'full', body, { queueId: 0 });
      return code === 0 ? undefined : { code, remark, tookMs: performance.now() - begin };
    },
    15_000,
  );
  t.equal(refusal.code, 14, `${refusal.remark}`);
  t.ok(refusal.tookMs < 500, `a refusal takes ${Math.round(refusal.tookMs)} ms`);
  t.ok((await readQueue(here.client, 'full', 1)).length > 50, 'reads go on');
  await pullMessages(here.client, 'full', 0, 0, { group: 'CG_full' });
  // Group offsets find room in the reserve.
  const committed = await here.client.request(15, { consumerGroup: 'CG_full', topic: 'full', queueId: '0', commitOffset: '7' });
  t.equal(committed.code, 0, `offsets are committed: ${committed.remark}`);
  await resumes(t, here.ringmq, senders, free);
});

test('a file system without an inode left refuses sends when a segment is due, reads go on, and it resumes by itself', {
  skip,
}, async (t) => {
  const here = await world(t, { mappedFileSizeCommitLog: String(MIB) });
  const senders = new WatchedSenders(here.ringmq.broker, 'inodes', { bodyBytes: 8192 });
  await waitUntil('sends to be acknowledged', () => senders.acknowledged.size > 100, 30_000);
  const free = fillInodes(here.disk.path);
  await waitUntil('refusals', () => senders.refused.length > 50, 30_000);
  for (const { code, remark } of senders.refused.slice(0, 3)) {
    t.equal(code, 14, 'SERVICE_NOT_AVAILABLE');
    t.match(
      remark,
      /Cannot open .*commitlog\/\d{20}: ENOSPC.* bytes of its file system are free, and it may have no inode left/,
      'path, limit and value',
    );
  }
  t.ok((await readQueue(here.client, 'inodes', 1)).length > 10, 'reads go on');
  await resumes(t, here.ringmq, senders, free);
});
