/**
 * Plugin worker, seen from the root: one version of a plugin in a thread of its own, with limits on its memory. It is started, asked to load, watched
 * by its pulse, and ended. It gets no environment and no arguments; what it prints becomes log lines. Fails by `exited`.
 */
import { readFileSync } from 'node:fs';
import { extname } from 'node:path';
import type { Readable } from 'node:stream';
import { MessageChannel, Worker } from 'node:worker_threads';
import { ControlLink } from '../../runtime/control-link.ts';
import { toError } from '../../runtime/errors.ts';
import { oneLine } from './load-plugin.ts';
import type { ExchangeMemory } from './plugin-exchange.ts';
import {
  type PluginBirth,
  type PluginControl,
  type PluginFailed,
  type PluginHealth,
  type PluginLoaded,
  type PluginSource,
  PROGRESS,
  PULSE_WORDS,
} from './plugin-words.ts';

const MIB = 1024 * 1024;
const LINE_CHARS_MAX = 500;
/** Lines that a worker may print; what is beyond is counted. */
const LINES_MAX = 1000;
const NANOSECONDS_A_MS = 1e6;

export type PluginLaunch = {
  readonly plugin: string;
  readonly file: string;
  /** In place of what the file holds; null: that. */
  readonly source: PluginSource | null;
  readonly generation: number;
  readonly exchange: ExchangeMemory;
  readonly memoryMb: number;
};

/** What the supervisor does with a worker; production's is PluginWorker. */
export interface PluginHandle {
  readonly generation: number;
  /** Rejects when the worker ends first, or takes longer than `timeoutMs`. */
  load(timeoutMs: number): Promise<PluginLoaded>;
  health(timeoutMs: number): Promise<PluginHealth>;
  readonly progress: number;
  delayedMs(): number | null;
  end(): void;
}

export type PluginEffects = {
  /** Told once; `fault` is empty where the worker was ended from here. */
  readonly exited: (generation: number, fault: string) => void;
  readonly printed: (line: string) => void;
};

export class PluginWorker implements PluginHandle {
  readonly plugin: string;
  readonly generation: number;
  readonly #worker: Worker;
  readonly #control: ControlLink;
  readonly #pulse: Int32Array;
  #threadId: string | null = null;
  #fault = '';
  #isEnded = false;
  #lines = 0;

  constructor(launch: PluginLaunch, effects: PluginEffects) {
    const { plugin, file, source, generation, exchange, memoryMb } = launch;
    this.plugin = plugin;
    this.generation = generation;
    const pulse = new SharedArrayBuffer(PULSE_WORDS * 4);
    this.#pulse = new Int32Array(pulse);
    const { port1, port2 } = new MessageChannel();
    this.#control = new ControlLink(`plugin ${plugin}`, port1);
    const birth: PluginBirth = { plugin, file, source, generation, exchange, pulse, control: port2, bufferBytesMax: memoryMb * MIB };
    this.#worker = new Worker(new URL(`./plugin-main${extname(import.meta.url)}`, import.meta.url), {
      workerData: birth,
      transferList: [port2],
      name: `plugin-${plugin}`,
      env: {},
      argv: [],
      stdout: true,
      stderr: true,
      resourceLimits: { maxOldGenerationSizeMb: memoryMb, maxYoungGenerationSizeMb: Math.max(1, Math.floor(memoryMb / 4)) },
    });
    this.#worker.on('message', (word: PluginFailed) => {
      if (word?.word === 'plugin-failed') this.#fault ||= String(word.fault);
    });
    this.#worker.on('error', (error) => {
      const { name, message } = toError(error);
      this.#fault ||= oneLine(`${name}: ${message}`, LINE_CHARS_MAX);
    });
    this.#worker.once('exit', (code) => {
      this.#control.died();
      effects.exited(generation, this.#fault || (this.#isEnded ? '' : `its worker ended by itself, with ${code}`));
    });
    for (const output of [this.#worker.stdout, this.#worker.stderr]) this.#listen(output, effects);
  }

  load(timeoutMs: number): Promise<PluginLoaded> {
    return this.#control
      .call<PluginControl, PluginLoaded>((api) => api.load(), timeoutMs)
      .then((loaded) => {
        if (loaded.ok) this.#threadId = loaded.threadId;
        return loaded;
      });
  }

  health(timeoutMs: number): Promise<PluginHealth> {
    return this.#control.call<PluginControl, PluginHealth>((api) => api.health(), timeoutMs);
  }

  get progress(): number {
    // Moved by plain stores: a late value only delays a verdict by a tick.
    return Atomics.load(this.#pulse, PROGRESS);
  }

  /** Milliseconds that the thread was ready and had no processor; null where the system does not tell (Linux does). */
  delayedMs(): number | null {
    if (this.#threadId === null) return null;
    try {
      const waited = Number(readFileSync(`/proc/self/task/${this.#threadId}/schedstat`, 'latin1').split(' ')[1]);
      return Number.isFinite(waited) ? waited / NANOSECONDS_A_MS : null;
    } catch {
      // The thread has just ended, or the kernel was built without it.
      return null;
    }
  }

  end(): void {
    this.#isEnded = true;
    // Its exit is told as any other; ending a thread does not fail.
    void this.#worker.terminate();
  }

  #listen(output: Readable, effects: PluginEffects): void {
    output.setEncoding('utf8');
    output.on('data', (text: string) => {
      for (const line of text.split('\n')) {
        if (line === '') continue;
        this.#lines++;
        if (this.#lines <= LINES_MAX) effects.printed(oneLine(line, LINE_CHARS_MAX));
        if (this.#lines === LINES_MAX) effects.printed(`that was line ${LINES_MAX}: no more of them are shown`);
      }
    });
  }
}
