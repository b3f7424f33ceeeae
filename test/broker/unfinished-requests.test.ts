/** Requests that do not come to their ends cost a bounded amount of memory, however many connections send them, and others are served. */
import { readFileSync } from 'node:fs';
import { connect, type Socket } from 'node:net';
import tap, { type Test, test } from 'tap';
import { sendMessage } from '../support/broker-client.ts';
import { encodeRawFrame, FRAME_LENGTH_MAX } from '../support/raw-frame.ts';
import { RemotingClient } from '../support/remoting-client.ts';
import { type RingmqProcess, startRingmq } from '../support/start-ringmq.ts';
import { pause, waitUntil, within } from '../support/wait-until.ts';

tap.setTimeout(300_000);

const MIB = 1024 * 1024;
const INPUT_MIB = 32;
/** Half as much again as the limit, one read of each socket that is under way, and what of freed memory the heap has not given back. */
const GROWTH_MAX_MB = 1.5 * INPUT_MIB + 220;

function residentMb(pid: number): number {
  return Number(/VmRSS:\s+(\d+)/.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))?.[1]) / 1024;
}

async function startLimited(t: Test, ...more: string[]): Promise<RingmqProcess> {
  const ringmq = await startRingmq({ shards: 1, args: ['--set', `inputBytesMax=${INPUT_MIB * MIB}`, ...more] });
  t.teardown(() => ringmq.destroy());
  return ringmq;
}

function rawSocket(t: Test, address: string): Socket {
  const [host, port] = address.split(':');
  const socket = connect(Number(port), host);
  t.teardown(() => socket.destroy());
  // The broker may end it: that is a right answer.
  socket.on('error', () => {});
  socket.resume();
  return socket;
}

async function crowdedOut(ringmq: RingmqProcess): Promise<number> {
  const page = await (await fetch(`http://${ringmq.admin}/metrics`)).text();
  return Number(/^ringmq_crowded_out_connections_total\{[^}]*unfinished_requests[^}]*\} (\d+)$/m.exec(page)?.[1]);
}

/** A beginning of a frame of `length` bytes. */
function beginning(length: number, bytes: number): Buffer {
  const whole = encodeRawFrame({ code: 310, opaque: 1, ext: { b: 'never' } });
  const part = Buffer.alloc(bytes, 0x78);
  whole.copy(part);
  part.writeInt32BE(length, 0);
  return part;
}

for (const [name, length, sent] of [
  ['each of which wants much more', FRAME_LENGTH_MAX, MIB],
  ['each of which wants one byte more', MIB, MIB + 3],
] as const) {
  test(`many connections with a large unfinished frame, ${name}`, { timeout: 120_000 }, async (t) => {
    const ringmq = await startLimited(t);
    const client = await RemotingClient.connect(ringmq.broker);
    t.teardown(() => client.close());
    t.equal((await sendMessage(client, 'unfinished', 'warm')).code, 0);
    const before = residentMb(ringmq.pid);
    const part = beginning(length, sent);
    const sockets = Array.from({ length: 600 }, () => rawSocket(t, ringmq.broker));
    for (const socket of sockets) socket.write(part);
    let most = 0;
    let slowestMs = 0;
    for (let look = 0; look < 40; look++) {
      await pause(100);
      most = Math.max(most, residentMb(ringmq.pid));
      if (look % 4 !== 0) continue;
      const began = performance.now();
      t.equal((await sendMessage(client, 'unfinished', 'small')).code, 0, 'a small message of another is stored');
      slowestMs = Math.max(slowestMs, performance.now() - began);
    }
    t.ok(slowestMs < 2_000, `within ${slowestMs.toFixed(0)} ms`);
    const large = await within('a large message of another', sendMessage(client, 'unfinished', Buffer.alloc(3 * MIB)), 15_000);
    t.equal(large.code, 0, 'and a large one');
    t.ok(
      most - before < GROWTH_MAX_MB,
      `${before.toFixed(0)} MB before, ${most.toFixed(0)} MB at most; ${GROWTH_MAX_MB} MB more are allowed`,
    );
    await waitUntil('the memory is free again', async () => (await crowdedOut(ringmq)) > 500, 30_000);
    t.match(ringmq.output, /closed for the memory that their unfinished requests take.*inputBytesMax=/, 'and it is told');
  });
}

test('large messages of many honest clients at once wait for each other, and none is closed', { timeout: 120_000 }, async (t) => {
  const ringmq = await startLimited(t);
  const body = Buffer.alloc(3.9 * MIB, 0x62);
  const clients = await Promise.all(Array.from({ length: 40 }, () => RemotingClient.connect(ringmq.broker)));
  t.teardown(() => Promise.all(clients.map((client) => client.close())));
  await sendMessage(clients[0]!, 'honest', 'first');
  const codes = await Promise.all(
    clients.map(async (client) => {
      const answers: number[] = [];
      for (let round = 0; round < 3; round++) {
        const { code } = await sendMessage(client, 'honest', body, { timeoutMs: 60_000 });
        // 2: the log did not keep up with it, which the client is to hear.
        answers.push(code);
      }
      return answers;
    }),
  );
  const counts = new Map<number, number>();
  for (const code of codes.flat()) counts.set(code, (counts.get(code) ?? 0) + 1);
  t.same(
    [...counts.keys()].filter((code) => code !== 0 && code !== 2),
    [],
    `answers ${JSON.stringify([...counts])}`,
  );
  t.ok((counts.get(0) ?? 0) > 0);
  t.equal(await crowdedOut(ringmq), 0);
});

test('headers that come byte by byte end with the time that a connection may be silent', { timeout: 120_000 }, async (t) => {
  const ringmq = await startLimited(t, '--set', 'serverChannelMaxIdleTimeSeconds=10');
  const client = await RemotingClient.connect(ringmq.broker);
  t.teardown(() => client.close());
  const part = beginning(4_000, 3_000);
  const sockets = Array.from({ length: 300 }, () => rawSocket(t, ringmq.broker));
  let closed = 0;
  for (const socket of sockets) socket.once('close', () => closed++);
  let at = 0;
  const drip = setInterval(() => {
    for (const socket of sockets) if (!socket.destroyed) socket.write(part.subarray(at, at + 1));
    at++;
  }, 200);
  t.teardown(() => clearInterval(drip));
  const began = performance.now();
  while (closed < sockets.length && performance.now() - began < 40_000) {
    t.equal((await sendMessage(client, 'loris', 'x')).code, 0);
    await pause(2_000);
  }
  t.equal(closed, sockets.length);
});
