/**
 * Runs `ringmq COMMAND` as a user does, as a process of its own, to its end or until it is told to stop. Owns the process. A command that does not
 * end in time is killed, and the test fails by its exit code.
 */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';

const ENTRY = fileURLToPath(new URL('../../bin/ringmq.ts', import.meta.url));

export type CliResult = {
  readonly code: number | null;
  readonly stdout: string;
  readonly stderr: string;
  /** The lines of standard output as JSON. */
  readonly json: () => unknown[];
};

export type CliOptions = {
  readonly nameServer?: string;
  readonly input?: string;
  readonly env?: Readonly<Record<string, string>>;
  readonly timeoutMs?: number;
  /** Called with all of standard output so far; true: SIGINT is sent, once. */
  readonly interruptWhen?: (stdout: string, stderr: string) => boolean;
  /** Sends SIGINT when it is aborted. */
  readonly signal?: AbortSignal;
};

export async function runCli(words: readonly string[], options: CliOptions = {}): Promise<CliResult> {
  const child = spawn(process.execPath, [ENTRY, ...words], {
    env: {
      PATH: process.env['PATH'],
      ...(options.nameServer === undefined ? {} : { NAMESRV_ADDR: options.nameServer }),
      ...options.env,
    },
    stdio: ['pipe', 'pipe', 'pipe'],
  });
  let stdout = '';
  let stderr = '';
  let isInterrupted = false;
  const look = (): void => {
    if (isInterrupted || options.interruptWhen?.(stdout, stderr) !== true) return;
    isInterrupted = true;
    child.kill('SIGINT');
  };
  options.signal?.addEventListener('abort', () => child.kill('SIGINT'), { once: true });
  child.stdout.on('data', (chunk: Buffer) => {
    stdout += chunk.toString('utf8');
    look();
  });
  child.stderr.on('data', (chunk: Buffer) => {
    stderr += chunk.toString('utf8');
    look();
  });
  // A command that does not read its input may have ended before it was written.
  child.stdin.on('error', () => {});
  child.stdin.end(options.input ?? '');
  const timer = setTimeout(() => child.kill('SIGKILL'), options.timeoutMs ?? 60_000);
  const [code] = (await once(child, 'close')) as [number | null];
  clearTimeout(timer);
  const json = (): unknown[] =>
    stdout
      .split('\n')
      .filter((line) => line !== '')
      .map((line) => JSON.parse(line));
  return { code, stdout, stderr, json };
}

/** Takes away what tests make at a broker that they share; a broker of the test's own goes as a whole. */
export async function removeAll(nameServer: string): Promise<void> {
  const names = async (words: readonly string[]): Promise<string[]> =>
    (await runCli([...words, '--names'], { nameServer })).stdout.split('\n').filter((name) => name !== '');
  for (const group of await names(['groups'])) await runCli(['groups', 'delete', group, '--yes'], { nameServer });
  for (const topic of await names(['topics'])) await runCli(['topics', 'delete', topic, '--yes'], { nameServer });
}
