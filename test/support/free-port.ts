/**
 * Free loopback ports for servers that tests start. A port is free when it was asked for, not for ever: two tests that
 * race for one are told apart by the server's own "in use" message.
 */
import { createServer, type Server } from 'node:net';

function listen(port: number): Promise<Server | undefined> {
  return new Promise((resolve) => {
    const server = createServer();
    server.once('error', () => resolve(undefined));
    server.listen({ host: '127.0.0.1', port, exclusive: true }, () => resolve(server));
  });
}

function close(server: Server): Promise<void> {
  return new Promise((resolve) => server.close(() => resolve()));
}

function portOf(server: Server): number {
  const address = server.address();
  if (address === null || typeof address === 'string') throw new Error('A listening TCP server has an address');
  return address.port;
}

/** One free port. */
export async function freePort(): Promise<number> {
  const server = await listen(0);
  if (server === undefined) throw new Error('No free port on 127.0.0.1');
  const port = portOf(server);
  await close(server);
  return port;
}

/** A port that is free together with the VIP port two below it and the replication port one above. */
export async function freeBrokerPort(): Promise<number> {
  for (let attempt = 0; attempt < 50; attempt++) {
    // From below the range that the kernel hands out, so that no client's own port takes it meanwhile.
    const port = 12_000 + Math.floor(Math.random() * 18_000);
    const held = [await listen(port), await listen(port - 2), await listen(port + 1)];
    for (const server of held) if (server !== undefined) await close(server);
    if (held.every((server) => server !== undefined)) return port;
  }
  throw new Error('No three free neighbouring ports on 127.0.0.1 after 50 attempts');
}
