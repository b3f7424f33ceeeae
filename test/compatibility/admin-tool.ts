/**
 * The stock mqadmin as a process that runs one command after the other. Owns the process. Fails by rejecting when it ends
 * before its answer: mqadmin ends itself on arguments that it does not know.
 */
import { type ChildProcess, spawn } from 'node:child_process';
import { createInterface } from 'node:readline';
import { adminToolCommand } from './client-programs.ts';

export class AdminTool {
  readonly #child: ChildProcess;
  readonly #waiting: { resolve(output: string): void; reject(error: Error): void }[] = [];
  #errors = '';

  /** @param version release of rocketmq-tools, fetched and built when missing; @param folder where commands leave files */
  constructor(version: string, folder: string) {
    const [program, ...args] = adminToolCommand(version);
    if (program === undefined) throw new Error('An empty command starts nothing');
    const child = spawn(program, args, { cwd: folder, stdio: ['pipe', 'pipe', 'pipe'] });
    this.#child = child;
    child.stderr.on('data', (chunk: Buffer) => {
      this.#errors = (this.#errors + chunk.toString('utf8')).slice(-2_000);
    });
    child.stdin.on('error', () => undefined);
    createInterface({ input: child.stdout }).on('line', (line) => {
      const waiter = /^[0-9a-f]*$/.test(line) ? this.#waiting.shift() : undefined;
      waiter?.resolve(withoutColours(Buffer.from(line, 'hex').toString('utf8')));
    });
    child.once('close', (code) => {
      for (const waiter of this.#waiting.splice(0)) waiter.reject(new Error(`mqadmin ended with ${code}: ${this.#errors}`));
    });
  }

  /** What the command wrote. Judge by that: it succeeds whatever happens. */
  run(args: readonly string[], timeoutMs: number = 30_000): Promise<string> {
    return new Promise((resolve, reject) => {
      if (this.#child.exitCode !== null) {
        reject(new Error(`mqadmin has ended with ${this.#child.exitCode}: ${this.#errors}`));
        return;
      }
      this.#waiting.push({ resolve, reject });
      this.#child.stdin?.write(`${[String(timeoutMs), ...args].join('\u0001')}\n`);
    });
  }

  async close(): Promise<void> {
    const ended = new Promise((resolve) => this.#child.once('close', resolve));
    this.#child.stdin?.end();
    if (this.#child.exitCode === null) await ended;
  }
}

function withoutColours(text: string): string {
  return text.replaceAll(/\u001b\[[0-9;]*m/g, '');
}
