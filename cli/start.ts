/**
 * Runs a broker, a name server, or both, in the foreground: reads the configuration, claims the ports, prints the ready
 * line, and turns signals and faults into an end of the process with the exit code that says why.
 */
import { readFileSync } from 'node:fs';
import { type AdminServer, startAdminServer } from '../actors/broker/admin-http.ts';
import type { BrokerConfig, ConfigEntry, ParsedConfig } from '../actors/broker/broker-config.ts';
import { claimPorts } from '../actors/broker/claim-ports.ts';
import { ConfigTextError, PortInUseError } from '../actors/broker/errors.ts';
import { loadBrokerConfig } from '../actors/broker/load-config.ts';
import { describeMachine } from '../actors/broker/machine.ts';
import { parsePropertiesText } from '../actors/broker/properties-text.ts';
import type { RunningBroker } from '../actors/broker/running-broker.ts';
import { startBroker } from '../actors/broker/start-broker.ts';

import { createConsoleLog, type Log } from './console-log.ts';
import { exitCodes } from './exit-codes.ts';
import type { ServerArguments } from './server-arguments.ts';

/** Time that threads have to end when the process must end now. */
const TERMINATE_MS_MAX = 500;
/** `npm start` passes Ctrl+C on to a process that the terminal told already: so close together they are one signal. */
const SAME_SIGNAL_MS = 300;
/** Beyond the broker's own limit for an orderly stop: the broker reports first. */
const STOP_GRACE_MS = 500;

/** Resolves with the exit code when all has ended. Rejects when it could not start. */
export async function runBroker(args: ServerArguments, environment: NodeJS.ProcessEnv, version: string): Promise<number> {
  const startedAt = performance.now();
  const parsed = readConfig(args, environment);
  const live = { config: parsed.config };
  const log = createConsoleLog(() => live.config.logLevel);
  for (const warning of parsed.warnings) log('warn', warning);
  const { config, claims } = await claimPorts(parsed.config, log);
  live.config = config;
  const ending = new Ending(live, log);
  try {
    const broker = await startBroker(config, {
      log,
      ownsProcess: true,
      ownsFlags: true,
      settingsChanged: (next) => {
        live.config = next;
      },
    });
    ending.watch(broker);
    try {
      ending.admin = await startAdmin(config, broker, log);
    } catch (error) {
      await broker.stop();
      throw error;
    }
    process.stdout.write(readyLine(config, broker, ending.admin, version, performance.now() - startedAt));
    return await ending.code;
  } finally {
    await Promise.all(claims.map((claim) => claim.release()));
  }
}

function readConfig(args: ServerArguments, environment: NodeJS.ProcessEnv): ParsedConfig {
  const entries: ConfigEntry[] = [];
  if (args.file !== undefined) {
    const file = args.file;
    for (const { key, value, line } of parsePropertiesText(readConfigFile(file), file))
      entries.push({ key, value, source: `${file} line ${line}` });
  }
  return loadBrokerConfig(entries, args.entries, environment, args.flags, { role: args.command, machine: describeMachine() });
}

function readConfigFile(file: string): string {
  try {
    return readFileSync(file, 'utf8');
  } catch (error) {
    throw new ConfigTextError(file, error instanceof Error ? error.message : String(error));
  }
}

async function startAdmin(config: BrokerConfig, broker: RunningBroker, log: Log): Promise<AdminServer | undefined> {
  if (config.adminPort < 0) return undefined;
  const snapshot = () => broker.metrics();
  const whole = () => broker.groupMetrics();
  const halves = (from: number) => broker.halfMessages(from);
  try {
    return await startAdminServer(config.adminHost, config.adminPort, snapshot, whole, halves);
  } catch (error) {
    if (!(error instanceof PortInUseError) || config.adminPortExplicit) throw error;
    log('warn', `the admin port ${config.adminPort} is in use, a free one is taken instead`);
    return await startAdminServer(config.adminHost, 0, snapshot, whole, halves);
  }
}

function readyLine(config: BrokerConfig, broker: RunningBroker, admin: AdminServer | undefined, version: string, tookMs: number): string {
  const { nameServer, broker: address, vip } = broker.addresses;
  const parts = [];
  if (nameServer !== null) parts.push(`name server ${nameServer}`);
  if (address !== null) parts.push(`broker ${config.brokerName} ${address}${vip === null ? '' : ` (VIP ${vip})`}`);
  if (admin !== undefined) parts.push(`http://${admin.address}/health and /metrics`);
  if (address !== null) parts.push(`data ${broker.dataDir} (${config.flushDiskType === 'SYNC_FLUSH' ? 'sync' : 'async'} flush)`);
  parts.push(`pid ${process.pid}`);
  return `ringmq ${version} ready in ${(tookMs / 1000).toFixed(2)} s: ${parts.join(', ')}; stop with Ctrl+C or kill ${process.pid}\n`;
}

/** Decides how the process ends: by a signal, by a fault, or cut short. */
class Ending {
  readonly code: Promise<number>;
  readonly #live: { readonly config: BrokerConfig };
  readonly #log: Log;
  #resolve: (code: number) => void = () => {};
  #broker: RunningBroker | undefined;
  /** When the first signal came; undefined before. */
  #stoppingSince: number | undefined;
  admin: AdminServer | undefined;

  /** @param live the settings as they are now */
  constructor(live: { readonly config: BrokerConfig }, log: Log) {
    this.#live = live;
    this.#log = log;
    this.code = new Promise((resolve) => {
      this.#resolve = resolve;
    });
    for (const signal of ['SIGINT', 'SIGTERM'] as const) process.on(signal, () => this.#onSignal(signal));
  }

  watch(broker: RunningBroker): void {
    this.#broker = broker;
    broker.onFault(({ kind, error }) => {
      this.#log('error', `the broker stops: ${error.message}`, { kind, error });
      void this.#endNow(kind === 'fence' ? exitCodes.fence : exitCodes.escalation);
    });
    // A signal that came while it started.
    if (this.#stoppingSince !== undefined) void this.#stop();
  }

  #onSignal(signal: 'SIGINT' | 'SIGTERM'): void {
    const now = performance.now();
    if (this.#stoppingSince !== undefined) {
      if (now - this.#stoppingSince < SAME_SIGNAL_MS) return;
      void this.#endNow(signal === 'SIGINT' ? exitCodes.interrupted : exitCodes.terminated);
      return;
    }
    this.#stoppingSince = now;
    this.#log('info', `${signal}: draining and flushing; once more ends at once`);
    if (this.#broker !== undefined) void this.#stop();
  }

  async #stop(): Promise<void> {
    const { stopMs } = this.#live.config;
    const cutShort = setTimeout(() => {
      this.#log('error', `not stopped after ${stopMs} ms`);
      void this.#endNow(exitCodes.stopTimeout);
    }, stopMs + STOP_GRACE_MS);
    try {
      await this.admin?.close();
      await this.#broker?.stop();
      this.#log('info', 'stopped');
      this.#resolve(exitCodes.stopped);
    } catch (error) {
      this.#log('error', 'the orderly stop failed', { error });
      await this.#endNow(exitCodes.stopTimeout);
    } finally {
      clearTimeout(cutShort);
    }
  }

  /** `process.exit` waits for a thread inside a system call for as long as that takes; a kill does not. */
  async #endNow(code: number): Promise<void> {
    if (this.#broker !== undefined) {
      const ended = this.#broker.terminate().then(() => true);
      const late = new Promise<boolean>((resolve) => setTimeout(() => resolve(false), TERMINATE_MS_MAX));
      if (!(await Promise.race([ended, late]))) process.kill(process.pid, 'SIGKILL');
    }
    process.exit(code);
  }
}
