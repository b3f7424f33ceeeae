/**
 * Entry of a plugin's worker: loads the plugin's file, takes batches from the exchange, and calls the filter once a message. One a version of
 * a plugin. The plugin is given copies in memory of this thread's own. A throw, a verdict that is no boolean, too much memory: the worker says
 * why, and ends; its batch is judged again by its successor.
 */
import { readFileSync, readlinkSync } from 'node:fs';
import { getPriority, setPriority } from 'node:os';
import { fileURLToPath } from 'node:url';
import { parentPort, workerData } from 'node:worker_threads';
import { QUEUE_ID_AT, QUEUE_OFFSET_AT, readInt32, readInt64 } from '../../model/message-record.ts';
import { utf8Text } from '../../model/utf8.ts';
import { systemClock } from '../../runtime/clock.ts';
import { exposeOn } from '../../runtime/control-link.ts';
import { threadHeap } from '../../runtime/thread/heap.ts';
import type { FilterContext } from './filter-plugin.ts';
import { callFault, importPlugin, type PluginCode } from './load-plugin.ts';
import { ExchangeDesk, PLUGIN_BATCH_BYTES, Verdicts } from './plugin-exchange.ts';
import { PluginMessage } from './plugin-message.ts';
import { type PluginBirth, type PluginFailed, type PluginHealth, type PluginLoaded, PROGRESS } from './plugin-words.ts';

const FAILED_EXIT_CODE = 70;
/** A batch that takes longer is answered as far as it has come: other queues' batches have their turn. */
const BATCH_MS_MAX = 25;
/** Messages between two looks at the clock. */
const CLOCK_EVERY = 8;
/** Between two looks at the memory of buffers. */
const MEMORY_EVERY_MS = 20;
const CONTEXTS_MAX = 1024;
/** A third of the weight of the broker's own threads where processors are short; all of one that is free. */
const NICE_MORE = 5;
const NICE_MAX = 19;

function fail(fault: string): never {
  parentPort!.postMessage({ word: 'plugin-failed', fault } satisfies PluginFailed);
  process.exit(FAILED_EXIT_CODE);
}

class PluginWorker {
  readonly #birth: PluginBirth;
  readonly #desk: ExchangeDesk;
  readonly #pulse: Int32Array;
  readonly #message = new PluginMessage();
  readonly #verdicts = new Verdicts();
  readonly #usual: Uint8Array = Buffer.allocUnsafeSlow(PLUGIN_BATCH_BYTES);
  readonly #contexts: Map<string, FilterContext> = new Map();
  #code: PluginCode | null = null;
  #batches = 0;
  #judged = 0;
  #memoryLookedAtMs = 0;

  constructor(birth: PluginBirth) {
    this.#birth = birth;
    this.#desk = new ExchangeDesk(birth.exchange, birth.generation);
    this.#pulse = new Int32Array(birth.pulse);
  }

  async load(): Promise<PluginLoaded> {
    const { file, source } = this.#birth;
    let text: string;
    try {
      text = source?.text ?? readFileSync(fileURLToPath(file), 'utf8');
    } catch (error) {
      return { ok: false, fault: callFault(error) };
    }
    let format = source?.format ?? null;
    const code = await importPlugin(file, text, format, (told) => {
      format = told;
    });
    if (typeof code === 'string') return { ok: false, fault: code };
    try {
      await code.start?.();
    } catch (error) {
      return { ok: false, fault: `start: ${callFault(error)}` };
    }
    this.#code = code;
    setImmediate(this.#turn);
    return { ok: true, description: code.description, threadId: threadId(), source: { text, format } };
  }

  describe(): PluginCode['description'] {
    return this.#code?.description ?? { description: '', whenParked: null };
  }

  health(): PluginHealth {
    const { heapUsed, arrayBuffers } = process.memoryUsage();
    return { batches: this.#batches, judged: this.#judged, heapBytes: heapUsed, bufferBytes: arrayBuffers };
  }

  /** One batch an iteration of the event loop: the plugin's own timers and the control calls have their turn. */
  readonly #turn = (): void => {
    const desk = this.#desk;
    const seen = desk.bell;
    if (desk.claim()) {
      this.#judge();
      setImmediate(this.#turn);
      return;
    }
    const rung = desk.whenRung(seen);
    if (rung === undefined) setImmediate(this.#turn);
    else void rung.then(this.#turn);
  };

  #judge(): void {
    const desk = this.#desk;
    const bytes = desk.bytes <= this.#usual.length ? this.#usual : Buffer.allocUnsafeSlow(desk.bytes);
    desk.copyTo(bytes);
    const context = this.#contextOf(desk.group());
    const { filter } = this.#code!;
    const message = this.#message;
    const verdicts = this.#verdicts;
    const pulse = this.#pulse;
    const { count } = desk;
    const began = systemClock.monotonicMs();
    let passed = 0;
    let at = 0;
    let index = 0;
    verdicts.clear();
    while (index < count) {
      message.moveTo(bytes, at);
      let verdict: unknown;
      try {
        verdict = filter(message, context);
      } catch (error) {
        fail(`${callFault(error)} at ${placeOf(message.topic, bytes, at)}`);
      }
      // Read by the supervisor at its ticks, which need no more order than a word's own.
      pulse[PROGRESS] = (pulse[PROGRESS]! + 1) | 0;
      if (verdict === true) {
        verdicts.pass(index);
        passed++;
      } else if (verdict !== false) {
        const what = verdict instanceof Promise ? 'a promise' : typeof verdict;
        fail(`filter() returned ${what}, not true or false, at ${placeOf(message.topic, bytes, at)}`);
      }
      index++;
      at += readInt32(bytes, at);
      if (index % CLOCK_EVERY === 0 && systemClock.monotonicMs() - began > BATCH_MS_MAX) break;
    }
    verdicts.looked = index;
    this.#lookAtMemory(began);
    desk.done(verdicts, passed);
    this.#batches++;
    this.#judged += index;
  }

  #contextOf(group: Uint8Array): FilterContext {
    const name = utf8Text(group, 0, group.length);
    let context = this.#contexts.get(name);
    if (context !== undefined) return context;
    context = Object.freeze({ group: name, plugin: this.#birth.plugin });
    if (this.#contexts.size >= CONTEXTS_MAX) this.#contexts.clear();
    this.#contexts.set(name, context);
    return context;
  }

  #lookAtMemory(nowMs: number): void {
    if (nowMs - this.#memoryLookedAtMs < MEMORY_EVERY_MS) return;
    this.#memoryLookedAtMs = nowMs;
    const max = this.#birth.bufferBytesMax;
    if (process.memoryUsage().arrayBuffers <= max) return;
    // What is garbage does not count.
    threadHeap.collect();
    const { arrayBuffers } = process.memoryUsage();
    if (arrayBuffers > max) fail(`its buffers take ${arrayBuffers} bytes; ${max} are allowed (pluginMemoryMb)`);
  }
}

function placeOf(topic: string, bytes: Uint8Array, at: number): string {
  return `${topic}/${readInt32(bytes, at + QUEUE_ID_AT)} offset ${readInt64(bytes, at + QUEUE_OFFSET_AT)}`;
}

/** The thread's own id at the operating system, by which its processor time can be read; null where that cannot be had. */
function threadId(): string | null {
  try {
    return /(\d+)$/.exec(readlinkSync('/proc/thread-self'))?.[1] ?? null;
  } catch {
    // No such file system.
    return null;
  }
}

/** Linux has a priority for each thread, and takes 0 for the one that calls; elsewhere it would be the whole process's. */
function yieldToOthers(): void {
  if (process.platform !== 'linux') return;
  try {
    setPriority(0, Math.min(NICE_MAX, getPriority(0) + NICE_MORE));
  } catch (error) {
    console.warn(`it runs at the broker's own priority: ${callFault(error)}`);
  }
}

yieldToOthers();
process.on('uncaughtException', (error) => fail(`outside of filter(): ${callFault(error)}`));
process.on('unhandledRejection', (error) => fail(`outside of filter(): ${callFault(error)}`));

const { control, ...birth } = workerData as PluginBirth;
// A plugin that asks for the worker's data finds no shared memory there.
for (const name of Object.keys(workerData as object)) delete (workerData as Record<string, unknown>)[name];
const worker = new PluginWorker(birth as PluginBirth);
// Keeps the worker alive; the root says nothing by this port.
parentPort!.on('message', () => {});
await exposeOn(control, {
  load: () => worker.load(),
  describe: () => worker.describe(),
  health: () => worker.health(),
});
