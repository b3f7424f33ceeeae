/**
 * Free loopback ports for servers that tests start, and start again: a port that was given out is no other test process's, and not given out
 * twice. Each process holds blocks of ports, by listening on the first of each until it ends, so that nothing is left behind by one that is
 * killed. The ports lie below those that Linux and macOS hand out by themselves. Fails by throwing when all blocks are taken.
 */
import { createServer, type Server } from 'node:net';

const FIRST_PORT = 12_000;
const LAST_PORT = 30_000;
const BLOCK_PORTS = 120;
const BLOCKS = Math.floor((LAST_PORT - FIRST_PORT) / BLOCK_PORTS);

/** What is left of the block that is given out now: [next, end). */
let next = 0;
let end = 0;
let lastTurn: Promise<unknown> = Promise.resolve();

function listen(port: number): Promise<Server | undefined> {
  return new Promise((resolve) => {
    const server = createServer();
    server.once('error', () => resolve(undefined));
    server.listen({ host: '127.0.0.1', port, exclusive: true }, () => resolve(server));
  });
}

async function holdBlock(): Promise<void> {
  for (let attempt = 0; attempt < BLOCKS; attempt++) {
    const first = FIRST_PORT + ((process.pid + attempt) % BLOCKS) * BLOCK_PORTS;
    const guard = await listen(first);
    if (guard === undefined) continue;
    guard.unref();
    next = first + 1;
    end = first + BLOCK_PORTS;
    return;
  }
  throw new Error(`No free block of ports on 127.0.0.1 between ${FIRST_PORT} and ${LAST_PORT}`);
}

/** Somebody who is no test may listen there. */
async function areFree(first: number, count: number): Promise<boolean> {
  const ports = Array.from({ length: count }, (_, index) => first + index);
  const held = await Promise.all(ports.map(listen));
  for (const server of held) await new Promise<void>((resolve) => (server === undefined ? resolve() : server.close(() => resolve())));
  return held.every((server) => server !== undefined);
}

async function takeNext(count: number): Promise<number> {
  for (;;) {
    if (next + count > end) await holdBlock();
    const first = next;
    next += count;
    if (await areFree(first, count)) return first;
  }
}

/** The first of `count` neighbouring ports; one caller after the other. */
function take(count: number): Promise<number> {
  const taken = lastTurn.then(() => takeNext(count));
  lastTurn = taken.catch(() => {});
  return taken;
}

/** One free port. */
export function freePort(): Promise<number> {
  return take(1);
}

/** A port that is free together with the VIP port two below it and the replication port one above. */
export async function freeBrokerPort(): Promise<number> {
  return (await take(4)) + 2;
}
