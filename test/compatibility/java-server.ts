/**
 * The stock Java name server and broker as processes, on loopback and in a folder of their own. Owns the process and the folder.
 * Fails by throwing with the process's output when it does not become ready.
 */
import { type ChildProcess, spawn } from 'node:child_process';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { freeBrokerPort, freePort } from '../support/free-port.ts';
import { waitUntil } from '../support/wait-until.ts';
import { javaServerCommand } from './client-programs.ts';

const READY_MS_MAX = 90_000;
const STOP_MS_MAX = 30_000;

const running: Set<ChildProcess> = new Set();
process.once('exit', () => {
  for (const child of running) child.kill('SIGKILL');
});

export class JavaServer {
  /** host:port */
  readonly address: string;
  readonly #child: ChildProcess;
  readonly #folder: string;
  readonly #exited: Promise<void>;
  #output = '';

  private constructor(version: string, main: string, port: number, folder: string, settings: Record<string, string | number>) {
    this.address = `127.0.0.1:${port}`;
    this.#folder = folder;
    const file = join(folder, 'server.conf');
    const all = { listenPort: port, bindAddress: '127.0.0.1', ...settings };
    writeFileSync(
      file,
      Object.entries(all)
        .map(([key, value]) => `${key}=${value}\n`)
        .join(''),
    );
    // Older releases do not start without a logging configuration of their own.
    mkdirSync(join(folder, 'conf'));
    for (const name of ['broker', 'namesrv']) writeFileSync(join(folder, 'conf', `logback_${name}.xml`), '<configuration/>\n');
    const [program, ...args] = javaServerCommand(version, folder);
    if (program === undefined) throw new Error('An empty command starts nothing');
    this.#child = spawn(program, [...args, main, '-c', file], { stdio: ['ignore', 'pipe', 'pipe'] });
    running.add(this.#child);
    const take = (chunk: Buffer): void => {
      this.#output = (this.#output + chunk.toString('utf8')).slice(-4_000);
    };
    this.#child.stdout?.on('data', take);
    this.#child.stderr?.on('data', take);
    this.#exited = new Promise((resolve) => {
      this.#child.once('error', (error) => take(Buffer.from(String(error))));
      this.#child.once('close', () => {
        running.delete(this.#child);
        resolve();
      });
    });
  }

  static async nameServer(version: string): Promise<JavaServer> {
    const folder = mkdtempSync(join(tmpdir(), 'ringmq-java-names-'));
    const files = { kvConfigPath: join(folder, 'kv.json'), configStorePath: join(folder, 'names.properties') };
    return await new JavaServer(version, 'org.apache.rocketmq.namesrv.NamesrvStartup', await freePort(), folder, files).#ready();
  }

  /** @param nameServers host:port, separated by semicolons; @param more settings that win over the usual ones */
  static async broker(
    version: string,
    brokerName: string,
    nameServers: string,
    more: Record<string, string | number> = {},
  ): Promise<JavaServer> {
    const folder = mkdtempSync(join(tmpdir(), 'ringmq-java-broker-'));
    const port = await freeBrokerPort();
    const store = { storePathRootDir: join(folder, 'store'), storePathCommitLog: join(folder, 'store', 'commitlog') };
    const size = { mappedFileSizeCommitLog: 32 * 1024 * 1024, diskMaxUsedSpaceRatio: 95 };
    const settings = {
      brokerName,
      namesrvAddr: nameServers,
      brokerIP1: '127.0.0.1',
      brokerClusterName: 'DefaultCluster',
      ...store,
      ...size,
      ...more,
    };
    return await new JavaServer(version, 'org.apache.rocketmq.broker.BrokerStartup', port, folder, settings).#ready();
  }

  async #ready(): Promise<this> {
    const ready = async (): Promise<boolean> => {
      if (!running.has(this.#child)) throw new Error(`The Java server ended: ${this.#output}`);
      return this.#output.includes('boot success');
    };
    try {
      await waitUntil(`the Java server at ${this.address}`, ready, READY_MS_MAX, 50);
    } catch (error) {
      await this.kill();
      throw error;
    }
    return this;
  }

  /** SIGTERM; kills it when it has not ended in its time. */
  async stop(): Promise<void> {
    this.#child.kill('SIGTERM');
    const timer = setTimeout(() => this.#child.kill('SIGKILL'), STOP_MS_MAX);
    await this.#exited;
    clearTimeout(timer);
  }

  /** Ends it if it runs, and removes its folder. */
  async kill(): Promise<void> {
    if (running.has(this.#child)) {
      this.#child.kill('SIGKILL');
      await this.#exited;
    }
    rmSync(this.#folder, { recursive: true, force: true, maxRetries: 5 });
  }
}
