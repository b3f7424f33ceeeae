/**
 * Faults of the disk under a real broker process: strace makes single system calls on single files fail, as exactly as "the fifth
 * fdatasync of the log". Owns nothing. Where strace is missing, `canInject` is false and says what to install.
 */
import { spawnSync } from 'node:child_process';
import { realpathSync } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { Exit, RingmqProcess } from './start-ringmq.ts';

export type SystemCallFault = {
  /** The system call by its name on this machine's kernel: `fdatasync`, `pwrite64`, … */
  readonly call: string;
  /** Empty: it does not fail, see `delayMs`. */
  readonly errno: string;
  /** Time before the call is made. Default 0. */
  readonly delayMs?: number;
  /** Which of the calls, as strace counts them: `3`, `3+`, `3..7`. */
  readonly when: string;
  /** Files that it is about, below the store's directory. */
  readonly paths: readonly string[];
};

const ENTRY = fileURLToPath(new URL('../../bin/ringmq.ts', import.meta.url));
const START: readonly string[] = [process.execPath, ENTRY, 'start'];

/** False, or why faults cannot be injected here: what node:test takes as `skip`. */
export function missingInjector(): string | false {
  const tried = spawnSync('strace', ['-qq', '-e', 'trace=none', 'true']);
  return tried.status === 0 ? false : 'strace is missing or may not trace here: apt-get install strace';
}

/** The command line that runs `command` (default: the broker) with the faults; its exit code is the command's. */
export function underFaults(dataDir: string, faults: readonly SystemCallFault[], command: readonly string[] = START): string[] {
  const calls = [...new Set(faults.map(({ call }) => call))].join(',');
  const paths = [...new Set(faults.flatMap((fault) => fault.paths))].flatMap((path) => ['-P', join(dataDir, path)]);
  const injections = faults.flatMap(({ call, errno, delayMs = 0, when }) => {
    const failure = errno === '' ? '' : `:error=${errno}`;
    const delay = delayMs === 0 ? '' : `:delay_enter=${delayMs * 1000}`;
    return ['-e', `inject=${call}${failure}${delay}:when=${when}`];
  });
  return ['strace', '-f', '-qq', '--seccomp-bpf', '-o', '/dev/null', ...paths, '-e', `trace=${calls}`, ...injections, ...command];
}

/** An empty store's directory by its real path, by which strace knows it. */
export async function faultyStore(t: { teardown(run: () => unknown): void }): Promise<string> {
  const directory = realpathSync(await mkdtemp(join(tmpdir(), 'ringmq-faults-')));
  t.teardown(() => rm(directory, { recursive: true, force: true, maxRetries: 5 }));
  return directory;
}

/** SIGTERM to the broker itself, which is not the process that was started. */
export async function stopUnderFaults(ringmq: RingmqProcess): Promise<Exit> {
  process.kill(Number(/, pid (\d+);/.exec(ringmq.output)?.[1]), 'SIGTERM');
  return await ringmq.exited();
}
