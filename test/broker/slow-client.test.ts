/** A client that asks for much and reads nothing costs a bounded amount of memory, and others are served meanwhile. */
import { readFileSync } from 'node:fs';
import { connect } from 'node:net';
import tap, { test } from 'tap';
import { READ_SLOT_BYTES, READ_SLOTS } from '../../actors/broker/broker-memory.ts';
import { pullMessages, sendMessage } from '../support/broker-client.ts';
import { encodeRawFrame } from '../support/raw-frame.ts';
import { RemotingClient } from '../support/remoting-client.ts';
import { startRingmq } from '../support/start-ringmq.ts';
import { pause } from '../support/wait-until.ts';

tap.setTimeout(300_000);

const BODY = 'x'.repeat(64 * 1024);
const MESSAGES = 200;
const PULLS = 3_000;
/** What all those answers would be: 37 GB. Allowed are a few buffers, lanes that fill, and the noise of a heap. */
const GROWTH_MAX_MB = 400;

function residentMb(pid: number): number {
  return Number(/VmRSS:\s+(\d+)/.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))?.[1]) / 1024;
}

for (const offset of ['warm', 'cold'] as const) {
  test(`a client that never reads its pulls' answers is held at its limit (${offset})`, { timeout: 120_000 }, async (t) => {
    const ringmq = await startRingmq({ shards: 1 });
    t.teardown(() => ringmq.destroy());
    const client = await RemotingClient.connect(ringmq.broker);
    for (let i = 0; i < MESSAGES; i++) await sendMessage(client, 'slow', BODY, { queueId: 0 });
    // Enough behind them that the lanes no longer hold the first ones.
    if (offset === 'cold') for (let i = 0; i < 700; i++) await sendMessage(client, 'slow_other', BODY, { queueId: 0 });
    const before = residentMb(ringmq.pid);
    const [host, port] = ringmq.broker.split(':');
    const socket = connect(Number(port), host);
    t.teardown(() => socket.destroy());
    socket.on('error', () => {});
    socket.pause();
    for (let opaque = 0; opaque < PULLS; opaque++) {
      const ext = {
        consumerGroup: 'CG_slow',
        topic: 'slow',
        queueId: '0',
        queueOffset: '0',
        maxMsgNums: '1000',
        sysFlag: '4',
        commitOffset: '0',
        suspendTimeoutMillis: '0',
        subscription: '*',
        subVersion: '0',
        expressionType: 'TAG',
      };
      socket.write(encodeRawFrame({ code: 11, opaque, flag: 0, ext }));
    }
    let most = 0;
    for (let i = 0; i < 30; i++) {
      await pause(100);
      most = Math.max(most, residentMb(ringmq.pid));
      if (i % 5 !== 0) continue;
      const { frame } = await pullMessages(client, 'slow', 0, 0, { max: 2 });
      t.equal(frame.code, 0, 'another client is served');
    }
    t.ok(most - before < GROWTH_MAX_MB, `${before.toFixed(0)} MB before, ${most.toFixed(0)} MB at most`);
    await client.close();
  });
}

test('a client that never reads its queries’ answers is held at its limit', { timeout: 120_000 }, async (t) => {
  const ringmq = await startRingmq({ shards: 1 });
  t.teardown(() => ringmq.destroy());
  const client = await RemotingClient.connect(ringmq.broker);
  const body = Buffer.alloc(4 * 1024 * 1024 - 1000, 'x');
  for (let i = 0; i < 4; i++) await sendMessage(client, 'slow', body, { queueId: 0, properties: { KEYS: 'k' } });
  const before = residentMb(ringmq.pid);
  const [host, port] = ringmq.broker.split(':');
  const socket = connect(Number(port), host);
  t.teardown(() => socket.destroy());
  socket.on('error', () => {});
  socket.pause();
  // Each answer has three messages, 12 MB: 6 GB in all.
  const ext = { topic: 'slow', key: 'k', maxNum: '64', beginTimestamp: '0', endTimestamp: String(Number.MAX_SAFE_INTEGER) };
  for (let opaque = 0; opaque < 500; opaque++) socket.write(encodeRawFrame({ code: 12, opaque, flag: 0, ext }));
  let most = 0;
  for (let i = 0; i < 30; i++) {
    await pause(100);
    most = Math.max(most, residentMb(ringmq.pid));
    if (i % 5 !== 0) continue;
    const { code } = await client.request(12, { ...ext, key: 'other' }, { timeoutMs: 30_000 });
    t.equal(code, 22, 'another client is served');
  }
  t.ok(most - before < GROWTH_MAX_MB, `${before.toFixed(0)} MB before, ${most.toFixed(0)} MB at most`);
  t.equal((await client.request(12, ext, { timeoutMs: 30_000 })).code, 0);
  await client.close();
});

/** Each alone would be left 8 MB of unsent answers, and one more of 2 MB. */
const DEAF_CLIENTS = 80;
const OUTPUT_MB = 64;
/**
 * What they may cost: the shard's output buffers, the reader's slots that are lent to sockets, a lane that
 * fills, and what of freed buffers the heap has not given back. For a moment output buffers may have twice their limit.
 */
const DEAF_GROWTH_MAX_MB = 2 * OUTPUT_MB + (READ_SLOTS * READ_SLOT_BYTES) / 2 ** 20 + 32 + 200;

test('many clients that never read cost what the limit of all allows, and others are served', { timeout: 120_000 }, async (t) => {
  const ringmq = await startRingmq({ shards: 1, args: ['--set', `outputBytesMax=${OUTPUT_MB * 2 ** 20}`] });
  t.teardown(() => ringmq.destroy());
  const client = await RemotingClient.connect(ringmq.broker);
  for (let i = 0; i < MESSAGES; i++) await sendMessage(client, 'deaf', BODY, { queueId: 0 });
  const before = residentMb(ringmq.pid);
  const [host, port] = ringmq.broker.split(':');
  const ext = {
    consumerGroup: 'CG_deaf',
    topic: 'deaf',
    queueId: '0',
    queueOffset: '0',
    maxMsgNums: '32',
    sysFlag: '4',
    commitOffset: '0',
    suspendTimeoutMillis: '0',
    subscription: '*',
    subVersion: '0',
    expressionType: 'TAG',
  };
  for (let one = 0; one < DEAF_CLIENTS; one++) {
    const socket = connect(Number(port), host);
    t.teardown(() => socket.destroy());
    socket.on('error', () => {});
    socket.pause();
    for (let opaque = 0; opaque < 60; opaque++) socket.write(encodeRawFrame({ code: 11, opaque, flag: 0, ext }));
  }
  let most = 0;
  for (let i = 0; i < 30; i++) {
    await pause(100);
    most = Math.max(most, residentMb(ringmq.pid));
    if (i % 5 !== 0) continue;
    const { frame } = await pullMessages(client, 'deaf', 0, 0, { max: 2 });
    t.equal(frame.code, 0, 'another client is served');
  }
  t.ok(
    most - before < DEAF_GROWTH_MAX_MB,
    `${before.toFixed(0)} MB before, ${most.toFixed(0)} MB at most; ${DEAF_GROWTH_MAX_MB} MB more are allowed`,
  );
  t.match(ringmq.output, /does not read its answers was closed/, 'those that held most were closed, and it is told');
  await client.close();
});
