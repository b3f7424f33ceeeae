import { createServer, type Server, type Socket } from 'node:net';
import { test } from 'tap';
import { parseAddress, TcpTransport } from '../../client/tcp-transport.ts';
import { encodeCommand } from '../../protocol/remoting/command.ts';
import type { Link } from '../../protocol/remoting/link.ts';
import { freePort } from '../support/free-port.ts';
import { FrameCutter } from '../support/raw-frame.ts';
import { waitUntil } from '../support/wait-until.ts';

type Heard = { events: string[]; frames: Buffer[] };

function opened(address: string, options: ConstructorParameters<typeof TcpTransport>[0] = {}): { link: Link; heard: Heard } {
  const heard: Heard = { events: [], frames: [] };
  const link = new TcpTransport(options).open(address, {
    opened: () => heard.events.push('opened'),
    frame: (bytes, start, end) => heard.frames.push(Buffer.from(bytes.subarray(start, end))),
    drained: () => heard.events.push('drained'),
    closed: (reason) => heard.events.push(`closed ${reason}`),
  });
  return { link, heard };
}

async function serverOf(t: { teardown(run: () => void): void }, onSocket: (socket: Socket) => void): Promise<string> {
  const sockets: Socket[] = [];
  const server: Server = createServer((socket) => {
    sockets.push(socket);
    socket.on('error', () => {});
    onSocket(socket);
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  t.teardown(() => {
    for (const socket of sockets) socket.destroy();
    server.close();
  });
  const address = server.address();
  return `127.0.0.1:${typeof address === 'object' && address !== null ? address.port : 0}`;
}

test('parseAddress takes host and port, and IPv6 in brackets or without', async (t) => {
  t.same(parseAddress('broker-a:10911'), { host: 'broker-a', port: 10911 });
  t.same(parseAddress('[::1]:10911'), { host: '::1', port: 10911 });
  for (const wrong of ['', 'host', 'host:', ':1', 'host:0', 'host:65536', 'host:1x', 'host:-1'])
    t.equal(parseAddress(wrong), null, JSON.stringify(wrong));
});

test('TcpTransport carries frames both ways, small ones of a turn in one write', async (t) => {
  const chunks: Buffer[] = [];
  const address = await serverOf(t, (socket) => {
    const cutter = new FrameCutter();
    socket.on('data', (chunk) => {
      chunks.push(Buffer.from(chunk));
      for (const frame of cutter.push(chunk)) socket.write(frame);
    });
  });
  const { link, heard } = opened(address);
  await waitUntil('the link', () => heard.events.includes('opened'));
  const sent = [...Array(20).keys()].map((opaque) => Buffer.from(encodeCommand({ code: 1, opaque, body: Buffer.alloc(100, opaque) })));
  for (const frame of sent) link.send(frame, null);
  const large = Buffer.from(encodeCommand({ code: 1, opaque: 20, body: Buffer.alloc(300_000, 7) }));
  link.send(large.subarray(0, 200), large.subarray(200));
  link.send(sent[0]!, null);
  await waitUntil('all frames', () => heard.frames.length === 22);
  t.same(heard.frames, [...sent, large, sent[0]]);
  t.ok(chunks[0]!.length >= sent.reduce((bytes, frame) => bytes + frame.length, 0), 'twenty frames came as one');
  link.close();
});

test('TcpTransport says when enough waits, and when there is room again', async (t) => {
  let server: Socket | undefined;
  const address = await serverOf(t, (socket) => {
    server = socket;
    socket.pause();
  });
  const { link, heard } = opened(address);
  await waitUntil('the link', () => heard.events.includes('opened') && server !== undefined);
  const frame = Buffer.from(encodeCommand({ code: 1, opaque: 1, body: Buffer.alloc(200_000) }));
  let sends = 1;
  while (link.send(frame, null)) if (++sends > 1_000) break;
  t.ok(sends < 1_000, `said so after ${sends} frames`);
  t.notOk(heard.events.includes('drained'));
  server!.resume();
  await waitUntil('room', () => heard.events.includes('drained'));
  link.close();
});

test('TcpTransport ends a link whose peer breaks the protocol', async (t) => {
  for (const [what, bytes, reason] of [
    ['a length beyond the limit', Buffer.from([0x7f, 0, 0, 0, 0, 0, 0, 1]), /allowed/],
    ['a negative length', Buffer.from([0xff, 0xff, 0xff, 0xff, 0, 0, 0, 1]), /-1/],
    ['another protocol', Buffer.from('HTTP/1.1 400 Bad Request\r\n\r\n'), /allowed/],
    ['an unknown serializer', Buffer.from([0, 0, 0, 8, 9, 0, 0, 1, 1, 1, 1, 1]), /serialize type 9/],
  ] as const) {
    const address = await serverOf(t, (socket) => socket.write(bytes));
    const { heard } = opened(address);
    await waitUntil(`the end after ${what}`, () => heard.events.length === 2);
    t.match(heard.events[1], reason, what);
    t.same(heard.frames, []);
  }
});

test('TcpTransport tells of an address that leads nowhere, once and later', async (t) => {
  const refused = opened(`127.0.0.1:${await freePort()}`);
  const malformed = opened('nonsense');
  t.same([...refused.heard.events, ...malformed.heard.events], [], 'nothing is told within the call');
  await waitUntil('both ends', () => refused.heard.events.length > 0 && malformed.heard.events.length > 0);
  t.match(refused.heard.events, [/closed .*ECONNREFUSED/]);
  t.match(malformed.heard.events, [/closed "nonsense" is no address/]);
});

test('TcpTransport tells nothing after close, and what was sent before it still arrives', async (t) => {
  const chunks: Buffer[] = [];
  let ended = false;
  const address = await serverOf(t, (socket) => {
    socket.on('data', (chunk) => chunks.push(Buffer.from(chunk)));
    socket.on('end', () => {
      ended = true;
    });
  });
  const { link, heard } = opened(address);
  await waitUntil('the link', () => heard.events.includes('opened'));
  const frame = Buffer.from(encodeCommand({ code: 35, opaque: 1, flag: 2 }));
  link.send(frame, null);
  link.close();
  await waitUntil('the end at the peer', () => ended);
  t.same(Buffer.concat(chunks), frame);
  t.same(heard.events, ['opened']);
});
