/**
 * Port claim: makes sure that this process alone listens on a port. Shards listen with `reusePort`, which would let a second
 * broker share the port in silence, so the port is first bound without it (a probe), and on Linux an abstract Unix socket
 * named after host and port is held for life: two starters can both pass the probe before either listens, but only one gets
 * the name. Fails with PortInUseError, which names the holder, or PortRefusedError.
 */
import { readdirSync, readFileSync, readlinkSync } from 'node:fs';
import { type AddressInfo, connect, createServer, type Server } from 'node:net';
import { platform } from 'node:process';
import { PortInUseError, PortRefusedError } from './errors.ts';

export type PortClaim = {
  /** The port; a free one was taken when 0 was asked for. */
  readonly port: number;
  release(): Promise<void>;
};

const NAME_PREFIX = 'ringmq-port-';
const ANSWER_MS_MAX = 500;
const ANSWER_BYTES_MAX = 1024;
const FREE_PORT_TRIES = 16;
const WILDCARDS: ReadonlySet<string> = new Set(['0.0.0.0', '::']);

/** Names held by this process, with their number of claims: the command line and an embedded start may both claim. */
const held: Map<string, { readonly server: Server; claims: number }> = new Map();

export async function claimPort(host: string, port: number): Promise<PortClaim> {
  for (let attempt = 1; ; attempt++) {
    const wanted = port === 0 ? await probe(host, 0) : port;
    try {
      const release = platform === 'linux' ? await claimName(host, wanted) : async () => {};
      try {
        await probe(host, wanted);
      } catch (error) {
        await release();
        throw error;
      }
      return { port: wanted, release };
    } catch (error) {
      // A free port can be lost between the question and the claim; there are more.
      if (port !== 0 || !(error instanceof PortInUseError) || attempt === FREE_PORT_TRIES) throw error;
    }
  }
}

/** Binds without `reusePort` and lets go again. */
async function probe(host: string, port: number): Promise<number> {
  const server = createServer((socket) => socket.destroy());
  await new Promise<void>((resolve, reject) => {
    server.once('error', (error: NodeJS.ErrnoException) => {
      if (error.code === 'EADDRINUSE') reject(new PortInUseError(host, port, findListener(port) ?? 'another process'));
      else reject(new PortRefusedError(host, port, error));
    });
    server.listen({ host, port, exclusive: true }, resolve);
  });
  const bound = (server.address() as AddressInfo).port;
  await new Promise<void>((resolve) => server.close(() => resolve()));
  return bound;
}

async function claimName(host: string, port: number): Promise<() => Promise<void>> {
  const name = `${NAME_PREFIX}${port}-${host}`;
  const mine = held.get(name);
  if (mine !== undefined) {
    mine.claims++;
    return () => releaseName(name);
  }
  const server = createServer((socket) => {
    socket.on('error', () => socket.destroy());
    socket.end(`pid ${process.pid} (${process.argv.join(' ').slice(0, 256)})`);
  });
  const taken = await new Promise<boolean>((resolve, reject) => {
    server.once('error', (error: NodeJS.ErrnoException) => {
      if (error.code === 'EADDRINUSE') resolve(true);
      else reject(new PortRefusedError(host, port, error));
    });
    server.listen({ path: `\0${name}` }, () => resolve(false));
  });
  if (taken) throw new PortInUseError(host, port, await askHolder(name));
  server.unref();
  held.set(name, { server, claims: 1 });
  const rival = overlappingName(name, host, port);
  if (rival !== undefined) {
    await releaseName(name);
    throw new PortInUseError(host, port, await askHolder(rival));
  }
  return () => releaseName(name);
}

async function releaseName(name: string): Promise<void> {
  const mine = held.get(name);
  if (mine === undefined) return;
  mine.claims--;
  if (mine.claims > 0) return;
  held.delete(name);
  await new Promise<void>((resolve) => mine.server.close(() => resolve()));
}

/** A name for the same port whose host covers ours or is covered by it: a wildcard listens on every address. */
function overlappingName(own: string, host: string, port: number): string | undefined {
  let table: string;
  try {
    table = readFileSync('/proc/net/unix', 'latin1');
  } catch {
    // Not readable in some sandboxes; the probe still finds whoever listens already.
    return undefined;
  }
  const prefix = `@${NAME_PREFIX}${port}-`;
  for (const line of table.split('\n')) {
    const at = line.indexOf(prefix);
    if (at < 0) continue;
    const name = line.slice(at + 1).trim();
    const other = name.slice(prefix.length - 1);
    if (name !== own && !held.has(name) && (WILDCARDS.has(host) || WILDCARDS.has(other))) return name;
  }
  return undefined;
}

/** The holder of a name says who it is; a holder too busy to answer is still a holder. */
function askHolder(name: string): Promise<string> {
  return new Promise((resolve) => {
    let answer = '';
    const socket = connect({ path: `\0${name}` });
    const finish = (): void => {
      socket.destroy();
      const line = answer.replaceAll(/[^\x20-\x7e]/g, '?').slice(0, ANSWER_BYTES_MAX);
      resolve(line === '' ? 'another ringmq' : `another ringmq: ${line}`);
    };
    socket.setTimeout(ANSWER_MS_MAX, finish);
    socket.on('data', (chunk) => {
      answer += chunk.toString('latin1');
      if (answer.length >= ANSWER_BYTES_MAX) finish();
    });
    socket.once('error', finish);
    socket.once('end', finish);
  });
}

/** Who listens on `port`, from the tables of Linux; undefined where they are missing or another user's. */
function findListener(port: number): string | undefined {
  if (platform !== 'linux') return undefined;
  const inodes = new Set([...listeningInodes('/proc/net/tcp', port), ...listeningInodes('/proc/net/tcp6', port)]);
  if (inodes.size === 0) return undefined;
  for (const pid of listDirectory('/proc')) {
    if (!/^\d+$/.test(pid)) continue;
    for (const descriptor of listDirectory(`/proc/${pid}/fd`)) {
      const inode = /^socket:\[(\d+)\]$/.exec(readLink(`/proc/${pid}/fd/${descriptor}`))?.[1];
      if (inode !== undefined && inodes.has(inode)) return `pid ${pid} (${commandLine(pid)})`;
    }
  }
  return 'a process of another user';
}

function listeningInodes(table: string, port: number): string[] {
  const LISTEN = '0A';
  const wanted = port.toString(16).toUpperCase().padStart(4, '0');
  return readText(table)
    .split('\n')
    .slice(1)
    .map((line) => line.trim().split(/\s+/))
    .filter((columns) => columns[3] === LISTEN && columns[1]?.split(':')[1] === wanted && columns[9] !== undefined)
    .map((columns) => columns[9]!);
}

function commandLine(pid: string): string {
  return readText(`/proc/${pid}/cmdline`).replaceAll('\0', ' ').trim().slice(0, 256) || 'no command line';
}

// Processes come and go while these tables are read, and others' are not readable: what cannot be read is not the answer.
function readText(path: string): string {
  try {
    return readFileSync(path, 'latin1');
  } catch {
    return '';
  }
}

function listDirectory(path: string): string[] {
  try {
    return readdirSync(path);
  } catch {
    return [];
  }
}

function readLink(path: string): string {
  try {
    return readlinkSync(path);
  } catch {
    return '';
  }
}
