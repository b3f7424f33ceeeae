import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { type AddressInfo, createServer } from 'node:net';
import { platform } from 'node:process';
import { test } from 'tap';
import { PortInUseError, PortRefusedError } from '../../../actors/broker/errors.ts';
import { claimPort } from '../../../actors/broker/port-claim.ts';

const linuxOnly = platform === 'linux' ? {} : { skip: 'abstract Unix sockets and /proc are of Linux' };

test('claimPort takes a free port for 0 and gives it back on release', async (t) => {
  const claim = await claimPort('127.0.0.1', 0);
  t.ok(claim.port > 0);
  await claim.release();
  const again = await claimPort('127.0.0.1', claim.port);
  t.equal(again.port, claim.port);
  await again.release();
});

test('claimPort lets one process claim twice, and holds until both are released', async (t) => {
  const first = await claimPort('127.0.0.1', 0);
  const second = await claimPort('127.0.0.1', first.port);
  await first.release();
  t.equal(second.port, first.port);
  await second.release();
});

test('claimPort names the process that listens', linuxOnly, async (t) => {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  const error = await claimPort('127.0.0.1', port).then(
    () => undefined,
    (reason: unknown) => reason,
  );
  t.ok(error instanceof PortInUseError);
  t.match((error as PortInUseError).holder, `pid ${process.pid} (`);
  t.match((error as PortInUseError).message, `Cannot listen on 127.0.0.1:${port}: held by pid ${process.pid}`);
  server.close();
  await once(server, 'close');
  const claim = await claimPort('127.0.0.1', port);
  await claim.release();
});

test('claimPort finds a listener that would share the port', linuxOnly, async (t) => {
  const server = createServer().listen({ port: 0, host: '127.0.0.1', reusePort: true });
  await once(server, 'listening');
  await t.rejects(claimPort('127.0.0.1', (server.address() as AddressInfo).port), { code: 'MQ_PORT_IN_USE' });
  server.close();
});

test('claimPort refuses the second of two processes before either listens, and says who was first', linuxOnly, async (t) => {
  const module = new URL('../../../actors/broker/port-claim.ts', import.meta.url).href;
  const program = `const { claimPort } = await import(${JSON.stringify(module)});
    const claim = await claimPort('127.0.0.1', 0);
    process.stdout.write(String(claim.port));
    process.stdin.on('end', () => process.exit()).resume();`;
  const other = spawn(process.execPath, ['--input-type=module', '-e', program], { stdio: ['pipe', 'pipe', 'inherit'] });
  const [output] = (await once(other.stdout, 'data')) as [Buffer];
  const port = Number(output.toString());

  const error = await claimPort('127.0.0.1', port).then(
    () => undefined,
    (reason: unknown) => reason,
  );
  t.ok(error instanceof PortInUseError, 'though nobody listens yet');
  t.match((error as PortInUseError).holder, `another ringmq: pid ${other.pid} (`);
  await t.rejects(claimPort('0.0.0.0', port), { code: 'MQ_PORT_IN_USE' }, 'a wildcard covers the same port');
  const elsewhere = await claimPort('127.0.0.2', port);
  await elsewhere.release();
  t.pass('another address of the machine is free');

  other.stdin.end();
  await once(other, 'exit');
  const claim = await claimPort('127.0.0.1', port);
  t.equal(claim.port, port, 'the name ends with its process');
  await claim.release();
});

test('claimPort tells an address that is not ours from a port in use', async (t) => {
  const error = await claimPort('192.0.2.1', 4711).then(
    () => undefined,
    (reason: unknown) => reason,
  );
  t.ok(error instanceof PortRefusedError);
  t.match((error as PortRefusedError).message, /choose an address of this machine/);
});
