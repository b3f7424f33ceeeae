/**
 * The fixed set of workloads, and what each must reach against the Java broker. Data only; the flags are those of
 * `loadgen`. Every run makes a topic of its own and drops it, but the pulls read what `send_async_1k` left.
 */

export type Workload = {
  readonly name: string;
  readonly mode: 'send' | 'pull' | 'e2e' | 'fanout' | 'backlog' | 'idle';
  readonly flags: readonly string[];
  /** Also part of `--quick`. */
  readonly isQuick: boolean;
  /** GiB of memory that are touched just before, for whichever broker (`touch-memory.ts`): about what the workload writes. */
  readonly touchesGiB?: number;
  /** Largest CPU per message as a share of the Java broker's. */
  readonly cpuRatioMax?: number;
  /** Largest latency as a share of the Java broker's, by metric. */
  readonly latencyRatioMax?: Readonly<Record<string, number>>;
  /** Also part of the run with synchronous flush, with its own bounds. */
  readonly sync?: { readonly cpuRatioMax: number; readonly latencyRatioMax?: Readonly<Record<string, number>> };
};

export type Durations = { readonly measured: string; readonly warmup: string; readonly javaWarmup: string; readonly backlog: string };

export function durations(isQuick: boolean): Durations {
  return isQuick
    ? { measured: '4s', warmup: '1500ms', javaWarmup: '6s', backlog: '500000' }
    : { measured: '8s', warmup: '2s', javaWarmup: '15s', backlog: '3000000' };
}

/** @param kept topic that `send_async_1k` fills and the pulls read */
export function workloads(times: Durations, kept: string): Workload[] {
  const timed = ['--duration', times.measured, '--warmup', times.warmup];
  const dropped = [...timed, '--drop'];
  return [
    {
      name: 'send_sync_1k',
      mode: 'send',
      flags: ['--conns', '1', '--window', '1', '--size', '1024', ...dropped],
      isQuick: true,
      cpuRatioMax: 0.7,
      latencyRatioMax: { lat_p50_us: 1.1 },
      sync: { cpuRatioMax: 0.6, latencyRatioMax: { lat_p50_us: 0.75 } },
    },
    {
      name: 'send_sync32_1k',
      mode: 'send',
      flags: ['--conns', '32', '--window', '1', '--size', '1024', ...dropped],
      isQuick: true,
      cpuRatioMax: 0.45,
      sync: { cpuRatioMax: 1 / 3 },
    },
    {
      name: 'send_async_128',
      mode: 'send',
      flags: ['--conns', '4', '--window', '64', '--size', '128', ...dropped],
      isQuick: true,
      cpuRatioMax: 0.25,
      sync: { cpuRatioMax: 0.25 },
    },
    {
      name: 'send_async_1k',
      mode: 'send',
      flags: ['--conns', '4', '--window', '64', '--size', '1024', ...timed, '--topic', kept],
      isQuick: true,
      cpuRatioMax: 0.3,
    },
    { name: 'pull_32_1k', mode: 'pull', flags: ['--conns', '2', '--max', '32', '--topic', kept], isQuick: true, cpuRatioMax: 0.75 },
    { name: 'pull_1024_1k', mode: 'pull', flags: ['--conns', '2', '--max', '1024', '--topic', kept], isQuick: true, cpuRatioMax: 0.75 },
    {
      name: 'send_async_1k_bin',
      mode: 'send',
      flags: ['--conns', '4', '--window', '64', '--size', '1024', ...dropped, '--enc', 'binary'],
      isQuick: false,
      cpuRatioMax: 0.3,
    },
    {
      name: 'send_1queue_128',
      mode: 'send',
      flags: ['--conns', '2', '--window', '64', '--size', '128', '--queues', '1', ...dropped],
      isQuick: false,
      cpuRatioMax: 0.25,
    },
    {
      name: 'send_512q_128',
      mode: 'send',
      flags: ['--conns', '4', '--window', '64', '--size', '128', '--queues', '512', ...dropped],
      isQuick: false,
      cpuRatioMax: 0.25,
    },
    {
      name: 'send_200conn_128',
      mode: 'send',
      flags: ['--conns', '200', '--window', '2', '--size', '128', ...dropped],
      isQuick: false,
      cpuRatioMax: 1 / 3,
    },
    {
      name: 'send_64k',
      mode: 'send',
      flags: ['--conns', '4', '--window', '4', '--size', '65536', '--duration', '5s', '--warmup', '1s', '--drop'],
      touchesGiB: 8,
      isQuick: false,
      cpuRatioMax: 0.6,
    },
    {
      name: 'send_batch32_128',
      mode: 'send',
      flags: ['--conns', '2', '--window', '8', '--size', '128', '--batch', '32', ...dropped],
      isQuick: true,
      cpuRatioMax: 0.5,
    },
    { name: 'e2e_1k_per_s', mode: 'e2e', flags: ['--rate', '1000', '--size', '1024', ...dropped], isQuick: true },
    {
      name: 'e2e_10k_per_s',
      mode: 'e2e',
      flags: ['--rate', '10000', '--conns', '2', '--size', '1024', ...dropped],
      isQuick: false,
      cpuRatioMax: 1 / 3,
      latencyRatioMax: { e2e_p50_us: 1, e2e_p99_us: 1 },
    },
    {
      name: 'fanout5_1k',
      mode: 'fanout',
      flags: ['--groups', '5', '--conns', '2', '--window', '16', '--size', '1024', ...dropped],
      isQuick: true,
      cpuRatioMax: 1 / 3,
    },
    {
      name: 'backlog_1queue',
      mode: 'backlog',
      flags: [
        '--count',
        times.backlog,
        '--conns',
        '2',
        '--window',
        '8',
        '--batch',
        '32',
        '--size',
        '128',
        '--queues',
        '1',
        '--max',
        '32',
        '--drop',
      ],
      isQuick: true,
      cpuRatioMax: 0.5,
    },
    { name: 'idle', mode: 'idle', flags: ['--duration', '5s'], isQuick: true },
  ];
}

/** Acknowledged is readable within this, at 10 000 sends a second beside a flood on another topic. */
export const READABLE_P99_MAX_US = 5_000;
