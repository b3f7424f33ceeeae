/**
 * Starts ringmq as a process of its own, the way a user does, on free ports and a temporary store; stops it, kills it,
 * and starts it again on the same store and ports. Owns the process and, unless told otherwise, the folder. Fails by
 * throwing with the process's output when it does not become ready.
 */
import { type ChildProcess, spawn } from 'node:child_process';
import { existsSync } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { freeBrokerPort, freePort } from './free-port.ts';

const ENTRY = fileURLToPath(new URL('../../bin/ringmq.ts', import.meta.url));

export type StartOptions = {
  shards?: number;
  flush?: 'async' | 'sync';
  /** More environment; wins over what this sets. */
  env?: Record<string, string>;
  /** More arguments behind `start`. */
  args?: readonly string[];
  /** A store to open instead of a fresh one; not removed by `destroy`. */
  dataDir?: string;
  nameServerPort?: number;
  brokerPort?: number;
  readyMs?: number;
  /** Another program than `bin/ringmq.ts start`, such as the built package. */
  command?: readonly string[];
};

export type Exit = { code: number | null; signal: NodeJS.Signals | null };

const SETPRIV = '/usr/bin/setpriv';
/** Where the system has it: ends the process with this one, even if that is killed. It replaces itself by the command: one pid. */
const DIE_WITH_PARENT: readonly string[] = existsSync(SETPRIV) ? [SETPRIV, '--pdeathsig', 'KILL', '--'] : [];

/** Those that run: a test that is cut short must not leave them behind. */
const running: Set<ChildProcess> = new Set();

function killAll(): void {
  for (const child of running) child.kill('SIGKILL');
}

process.once('exit', killAll);
for (const [signal, code] of [
  ['SIGTERM', 143],
  ['SIGINT', 130],
] as const) {
  process.once(signal, () => {
    killAll();
    process.exit(code);
  });
}

export class RingmqProcess {
  readonly nameServer: string;
  readonly broker: string;
  /** host:port of /health and /metrics */
  readonly admin: string;
  readonly dataDir: string;
  #options: StartOptions;
  #ownsDir: boolean;
  #child: ChildProcess | undefined;
  #exit: Promise<Exit> | undefined;
  #output = '';

  constructor(nameServer: string, broker: string, admin: string, dataDir: string, ownsDir: boolean, options: StartOptions) {
    this.nameServer = nameServer;
    this.broker = broker;
    this.admin = admin;
    this.dataDir = dataDir;
    this.#ownsDir = ownsDir;
    this.#options = options;
  }

  get pid(): number {
    const pid = this.#child?.pid;
    if (pid === undefined) throw new Error('ringmq is not running');
    return pid;
  }

  /** All that the process has written so far, its last 256 KiB. */
  get output(): string {
    return this.#output;
  }

  /** Starts (again) on the same store and ports and resolves at the ready line. */
  async start(more: Pick<StartOptions, 'flush' | 'shards' | 'env'> = {}): Promise<void> {
    this.launch(more);
    await this.ready();
  }

  /** Starts without waiting. */
  launch(more: Pick<StartOptions, 'flush' | 'shards' | 'env'> = {}): void {
    if (this.#child !== undefined) throw new Error('ringmq is already running');
    const options = { ...this.#options, ...more };
    const [program, ...rest] = options.command ?? [process.execPath, ENTRY, 'start'];
    if (program === undefined) throw new Error('An empty command starts nothing');
    const env: NodeJS.ProcessEnv = {
      ...process.env,
      NAMESRV_ADDR: this.nameServer,
      BROKER_ADDR: this.broker,
      ADMIN_ADDR: this.admin,
      DATA_DIR: this.dataDir,
      FLUSH: options.flush ?? 'async',
      SHARDS: String(options.shards ?? 1),
      ...options.env,
    };
    // A test runner's own variables would change what the child prints.
    delete env.NODE_TEST_CONTEXT;
    delete env.NODE_OPTIONS;
    const line = [...DIE_WITH_PARENT, program, ...rest, ...(options.args ?? [])];
    const child = spawn(line[0] ?? program, line.slice(1), { env, stdio: ['ignore', 'pipe', 'pipe'] });
    this.#child = child;
    this.#output = '';
    running.add(child);
    const take = (chunk: Buffer): void => {
      this.#output = (this.#output + chunk.toString('utf8')).slice(-262_144);
    };
    child.stdout?.on('data', take);
    child.stderr?.on('data', take);
    this.#exit = new Promise((resolve) => {
      child.once('exit', (code, signal) => {
        running.delete(child);
        if (this.#child === child) this.#child = undefined;
        resolve({ code, signal });
      });
      child.once('error', (error) => {
        take(Buffer.from(String(error)));
        if (this.#child === child) this.#child = undefined;
        resolve({ code: null, signal: null });
      });
    });
  }

  /** Resolves at the ready line; rejects when the process ends before it or time is up. */
  async ready(timeoutMs: number = this.#options.readyMs ?? 20_000): Promise<void> {
    const deadline = performance.now() + timeoutMs;
    while (!/\bready in\b/.test(this.#output)) {
      if (this.#child === undefined) throw new Error(`ringmq ended before it was ready:\n${this.#output}`);
      if (performance.now() > deadline) {
        await this.kill();
        throw new Error(`ringmq was not ready after ${timeoutMs} ms:\n${this.#output}`);
      }
      await new Promise((resolve) => setTimeout(resolve, 10));
    }
  }

  /** Resolves when the process has ended by itself. */
  async exited(timeoutMs: number = 15_000): Promise<Exit> {
    if (this.#exit === undefined) throw new Error('ringmq was never started');
    let timer: NodeJS.Timeout | undefined;
    const late = new Promise<never>((_, reject) => {
      timer = setTimeout(() => reject(new Error(`ringmq still runs after ${timeoutMs} ms:\n${this.#output}`)), timeoutMs);
    });
    try {
      return await Promise.race([this.#exit, late]);
    } finally {
      clearTimeout(timer);
    }
  }

  /** SIGTERM, and resolves when it has ended; kills it when it does not within `timeoutMs`. */
  async stop(timeoutMs: number = 15_000): Promise<Exit> {
    if (this.#child === undefined) return this.#exit === undefined ? { code: null, signal: null } : await this.#exit;
    this.#child.kill('SIGTERM');
    try {
      return await this.exited(timeoutMs);
    } catch (error) {
      await this.kill();
      throw error;
    }
  }

  /** SIGKILL: what a crash or the out-of-memory killer does. */
  async kill(): Promise<Exit> {
    const exit = this.#exit;
    if (this.#child === undefined || exit === undefined) return exit === undefined ? { code: null, signal: null } : await exit;
    this.#child.kill('SIGKILL');
    return await exit;
  }

  signal(signal: NodeJS.Signals): void {
    this.#child?.kill(signal);
  }

  /** Kills what runs and removes the temporary store. */
  async destroy(): Promise<void> {
    await this.kill();
    if (this.#ownsDir) await rm(this.dataDir, { recursive: true, force: true, maxRetries: 5 });
  }
}

/** A ringmq that is not started yet. */
export async function prepareRingmq(options: StartOptions = {}): Promise<RingmqProcess> {
  const dataDir = options.dataDir ?? (await mkdtemp(join(tmpdir(), 'ringmq-test-')));
  const brokerPort = options.brokerPort ?? (await freeBrokerPort());
  const nameServerPort = options.nameServerPort ?? (await freePort());
  const adminPort = await freePort();
  const [nameServer, broker, admin] = [nameServerPort, brokerPort, adminPort].map((port) => `127.0.0.1:${port}`) as [
    string,
    string,
    string,
  ];
  return new RingmqProcess(nameServer, broker, admin, dataDir, options.dataDir === undefined, options);
}

/** A ringmq that is ready. */
export async function startRingmq(options: StartOptions = {}): Promise<RingmqProcess> {
  const ringmq = await prepareRingmq(options);
  try {
    await ringmq.start();
  } catch (error) {
    await ringmq.destroy();
    throw error;
  }
  return ringmq;
}
