import { connect, type Socket } from 'node:net';
import { type Test, test } from 'tap';
import { type ClientSocket, listen } from '../../../actors/gateway/client-socket.ts';

/** An accepted socket, and the peer that it is connected to, which does not read yet. */
async function pair(t: Test): Promise<{ socket: ClientSocket; peer: Socket }> {
  const accepted = Promise.withResolvers<ClientSocket>();
  const server = await listen({
    host: '127.0.0.1',
    port: 0,
    reusePort: false,
    backlog: 8,
    readBuffer: Buffer.alloc(1024),
    accepted: (socket) => {
      socket.on('error', () => {});
      accepted.resolve(socket);
      return { received: () => {}, isHeld: false };
    },
    failed: accepted.reject,
  });
  const peer = connect(server.port, '127.0.0.1');
  peer.on('error', () => {});
  const socket = await accepted.promise;
  t.teardown(() => {
    peer.destroy();
    socket.destroy();
    void server.close();
  });
  return { socket, peer };
}

async function readBy(peer: Socket, length: number): Promise<Buffer> {
  const chunks: Buffer[] = [];
  let bytes = 0;
  for await (const chunk of peer) {
    chunks.push(chunk as Buffer);
    bytes += (chunk as Buffer).length;
    if (bytes >= length) break;
  }
  return Buffer.concat(chunks);
}

test('client socket: bytes that the kernel takes at once are given back at once', async (t) => {
  const { socket, peer } = await pair(t);
  let isDone = false;
  const bytes = Buffer.from('first');
  t.ok(
    socket.write(bytes, () => {
      isDone = true;
    }),
  );
  t.ok(isDone);
  bytes.fill(0);
  socket.write(Buffer.from(' second'));
  t.equal((await readBy(peer, 12)).toString(), 'first second');
});

test('client socket: what the kernel does not take is given back when it has it, in order', async (t) => {
  const { socket, peer } = await pair(t);
  const parts = Array.from({ length: 24 }, (_, i) => Buffer.alloc(1024 * 1024, i));
  const done: number[] = [];
  const all = Promise.withResolvers<void>();
  parts.forEach((part, i) => {
    socket.write(part, () => {
      done.push(i);
      part.fill(255);
      if (done.length === parts.length) all.resolve();
    });
  });
  t.ok(socket.writableLength > 0, 'more than a socket takes');
  t.ok(done.length < parts.length);
  const read = await readBy(peer, parts.length * 1024 * 1024);
  await all.promise;
  t.same(done, [...parts.keys()]);
  t.ok(parts.every((part, i) => read.subarray(i * part.length, (i + 1) * part.length).every((byte) => byte === i)));
  t.equal(socket.writableLength, 0);
});

test('client socket: corked parts leave together and are given back', async (t) => {
  const { socket, peer } = await pair(t);
  const done: string[] = [];
  const all = Promise.withResolvers<void>();
  socket.cork();
  socket.write(Buffer.from('head '), () => done.push('head'));
  socket.write(Buffer.from('body'), () => {
    done.push('body');
    all.resolve();
  });
  t.same(done, []);
  socket.uncork();
  await all.promise;
  t.same(done, ['head', 'body']);
  t.equal((await readBy(peer, 9)).toString(), 'head body');
});

test('client socket: a socket that ends gives back what it has', async (t) => {
  const { socket } = await pair(t);
  const given = Promise.withResolvers<void>();
  socket.write(Buffer.alloc(24 * 1024 * 1024), () => given.resolve());
  t.ok(socket.writableLength > 0);
  socket.destroy();
  await given.promise;
  const late = Promise.withResolvers<void>();
  socket.write(Buffer.alloc(10), () => late.resolve());
  await late.promise;
  t.pass('also behind its end');
});
