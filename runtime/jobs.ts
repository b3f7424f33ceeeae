/**
 * Jobs: a pool of threads for work that keeps a processor busy for a millisecond or more (scans, compression, rebuilds), so that no shard waits for it.
 * One where it is needed; its threads start with the first job and go when idle. Stateless: a job is a function of its input.
 * Fails by rejecting the job: with what it threw, when it runs out of memory, after its time, or when too many wait.
 */
import { availableParallelism } from 'node:os';
import type { ResourceLimits } from 'node:worker_threads';
import type { Piscina } from 'piscina';
import { RuntimeError } from './errors.ts';

export interface JobsOptions {
  /** Its named exports are the jobs: functions of one argument that can be cloned. */
  readonly module: URL;
  /** Default: the machine's processors, at most 4. */
  readonly threadsMax?: number;
  /** Jobs that may wait for a thread; one more is refused. Default 256. */
  readonly queueMax?: number;
  /** After this long without a job a thread ends. Default 5 000. */
  readonly idleMs?: number;
  /** Of each thread. */
  readonly resourceLimits?: ResourceLimits;
}

export interface RunJobOptions {
  /** Default 600 000. The thread of a job that takes longer is ended. */
  readonly timeoutMs?: number;
  /** Moved to the job instead of being copied. */
  readonly transfer?: readonly ArrayBuffer[];
}

const DEFAULT_QUEUE_MAX = 256;
const DEFAULT_IDLE_MS = 5000;
const DEFAULT_TIMEOUT_MS = 600_000;

export class Jobs {
  readonly #options: JobsOptions;
  #pool: Promise<Piscina> | undefined;
  #isStopped = false;
  /** Running or waiting. */
  #underWay = 0;
  readonly #underWayMax: number;
  readonly #threadsMax: number;

  constructor(options: JobsOptions) {
    this.#options = options;
    this.#threadsMax = options.threadsMax ?? Math.min(4, availableParallelism());
    this.#underWayMax = this.#threadsMax + (options.queueMax ?? DEFAULT_QUEUE_MAX);
  }

  /** Runs the export `name` with `input`. */
  async run<R>(name: string, input: unknown, options: RunJobOptions = {}): Promise<R> {
    if (this.#isStopped) throw new RuntimeError('MQ_RUNTIME_STOPPED', `Job '${name}' came after the pool had stopped`, { job: name });
    if (this.#underWay >= this.#underWayMax) {
      throw new RuntimeError('MQ_RUNTIME_JOB_REFUSED', `Job '${name}' was refused: ${this.#underWay} jobs run or wait already`, {
        job: name,
        underWayMax: this.#underWayMax,
      });
    }
    const timeoutMs = options.timeoutMs ?? DEFAULT_TIMEOUT_MS;
    this.#underWay++;
    // Its time counts from here: what waits too long is of no use either.
    const signal = AbortSignal.timeout(timeoutMs);
    try {
      this.#pool ??= this.#start();
      const pool = await this.#pool;
      return (await pool.run(input, {
        name,
        signal,
        ...(options.transfer === undefined ? {} : { transferList: [...options.transfer] }),
      })) as R;
    } catch (thrown) {
      if (!signal.aborted) throw thrown;
      throw new RuntimeError('MQ_RUNTIME_CALL_TIMEOUT', `Job '${name}' took more than ${timeoutMs} ms`, { job: name, timeoutMs }, thrown);
    } finally {
      this.#underWay--;
    }
  }

  /** Waits for the jobs under way, then ends the threads. */
  async stop(): Promise<void> {
    this.#isStopped = true;
    if (this.#pool !== undefined) await (await this.#pool).close();
  }

  async #start(): Promise<Piscina> {
    // Loaded with the first job: a process that needs none does not pay for it at its start.
    const { Piscina } = await import('piscina');
    return new Piscina({
      filename: this.#options.module.href,
      minThreads: 0,
      maxThreads: this.#threadsMax,
      idleTimeout: this.#options.idleMs ?? DEFAULT_IDLE_MS,
      ...(this.#options.resourceLimits === undefined ? {} : { resourceLimits: this.#options.resourceLimits }),
    });
  }
}
