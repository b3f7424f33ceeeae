/** Plugin host: what the plugin supervisor has done in the world: reads the folder, starts workers, and tells what came of it. One a broker, on the root thread. */
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { pathToFileURL } from 'node:url';
import { setFlagsFromString } from 'node:v8';
import type { ActorRef, LogLevel } from '../../runtime/actor.ts';
import { RuntimeError, toError } from '../../runtime/errors.ts';
import { oneLine } from './load-plugin.ts';
import type { ExchangeMemory } from './plugin-exchange.ts';
import { readPluginFolder } from './plugin-folder.ts';
import type { FolderRead, PluginExited, PluginLoadEnded, PluginSupervisorCommand } from './plugin-messages.ts';
import type { PluginSurroundings } from './plugin-supervisor-actor.ts';
import type { PluginSource } from './plugin-words.ts';
import { PluginWorker } from './plugin-worker.ts';
import type { StartedPlugin } from './watched-plugin.ts';

/** A file that takes longer to be loaded and started is refused. */
const LOAD_MS_MAX = 5_000;
const FAULT_CHARS_MAX = 500;
/**
 * A loop that V8 has optimized looks once a round whether its thread is to end. Where a short inner loop without such a look was made of a call in it
 * (`new Array(1000)`, `list.filter(…)`), the unrolling of loops takes the look away from the outer one, and nothing ends its thread. A flag of the
 * whole process, so it is set by those that have plugins only.
 */
const LOOPS_THAT_END = '--no-turboshaft-loop-unrolling';

export type PluginHostOptions = {
  readonly folder: string;
  readonly exchanges: readonly ExchangeMemory[];
  readonly memoryMb: number;
  readonly supervisor: ActorRef<PluginSupervisorCommand>;
  readonly log: (level: LogLevel, text: string, fields?: Record<string, unknown>) => void;
};

export class PluginHost implements PluginSurroundings {
  readonly #options: PluginHostOptions;
  /** With what is called when it has ended. */
  readonly #workers: Map<PluginWorker, Promise<void>> = new Map();
  /** Of each plugin what was loaded last: a worker that failed is started again with it, whatever its file holds by then. */
  readonly #good: Map<string, { readonly file: string; readonly source: PluginSource }> = new Map();
  #isEnded = false;
  #loopsEnd = false;
  #generation = 0;

  constructor(options: PluginHostOptions) {
    this.#options = options;
  }

  scan(): void {
    const tell = (read: Omit<FolderRead, 'kind'>): void => void this.#options.supervisor.tell({ kind: 'folder-read', ...read });
    readPluginFolder(this.#options.folder).then(
      ({ isThere, files, faults }) => {
        tell({
          isThere,
          names: files.map(({ name }) => name),
          files: files.map(({ file }) => file),
          stamps: files.map(({ stamp }) => stamp),
          faults,
          error: '',
        });
      },
      (error: unknown) => {
        tell({ isThere: true, names: [], files: [], stamps: [], faults: [], error: toError(error).message });
      },
    );
  }

  launch(plugin: string, file: string, place: number, isRestart: boolean): StartedPlugin {
    const generation = ++this.#generation;
    if (!this.#loopsEnd) {
      this.#loopsEnd = true;
      setFlagsFromString(LOOPS_THAT_END);
    }
    const { folder, exchanges, memoryMb, supervisor, log } = this.#options;
    let ended: () => void = () => {};
    const exit = new Promise<void>((resolve) => {
      ended = resolve;
    });
    const good = isRestart ? this.#good.get(plugin) : undefined;
    const url = pathToFileURL(join(folder, good?.file ?? file)).href;
    const worker = new PluginWorker(
      { plugin, file: url, source: good?.source ?? null, generation, exchange: exchanges[place]!, memoryMb },
      {
        exited: (_, fault) => {
          this.#workers.delete(worker);
          ended();
          if (!this.#isEnded) supervisor.tell({ kind: 'plugin-exited', plugin, generation, fault } satisfies PluginExited);
        },
        printed: (line) => log('info', 'A filter plugin says', { plugin, line }),
      },
    );
    this.#workers.set(worker, exit);
    if (this.#isEnded) worker.end();
    const tell = (fault: string, description: string, whenParked: PluginLoadEnded['whenParked']): void =>
      void supervisor.tell({ kind: 'plugin-load-ended', plugin, generation, fault, description, whenParked });
    worker.load(LOAD_MS_MAX).then(
      (loaded) => {
        if (loaded.ok) {
          this.#good.set(plugin, { file: good?.file ?? file, source: loaded.source });
          tell('', loaded.description.description, loaded.description.whenParked);
        } else tell(loaded.fault, '', null);
      },
      (error: unknown) => tell(oneLine(`${file}: ${toError(error).message}`, FAULT_CHARS_MAX), '', null),
    );
    return worker;
  }

  /** Ends all workers; settles when they have ended, or rejects when that takes longer than `maxMs`. */
  async end(maxMs: number = Number.POSITIVE_INFINITY): Promise<void> {
    this.#isEnded = true;
    const exits = Promise.all(this.#workers.values());
    for (const worker of this.#workers.keys()) worker.end();
    const waiting = new AbortController();
    const late = Number.isFinite(maxMs) ? pause(maxMs, 'late', { signal: waiting.signal }) : new Promise<never>(() => {});
    late.catch(() => {});
    const first = await Promise.race([exits, late]);
    waiting.abort();
    if (first !== 'late') return;
    const plugins = [...this.#workers.keys()].map(({ plugin }) => plugin).join(', ');
    throw new RuntimeError('MQ_RUNTIME_STOPPED', `The threads of these filter plugins do not end: ${plugins}`, { plugins });
  }
}
