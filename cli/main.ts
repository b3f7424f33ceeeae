/** The command: arguments in, exit code out. Errors become one line on standard error that says what to do. */
import { readFileSync } from 'node:fs';
import type { Role } from '../actors/broker/broker-config.ts';
import { type Arguments, parseCommandLine, UsageError } from './command-line.ts';
import { commands } from './command-table.ts';
import { exitCodes } from './exit-codes.ts';
import { commandHelp, helpText } from './help.ts';
import { printableText } from './text-width.ts';

const HELP_COLUMNS = 100;

export async function main(words: readonly string[], environment: NodeJS.ProcessEnv): Promise<number> {
  try {
    const line = parseCommandLine(words, commands);
    switch (line.action) {
      case 'help': {
        const columns = process.stdout.isTTY ? process.stdout.columns : HELP_COLUMNS;
        process.stdout.write(line.command === undefined ? helpText(commands, columns) : commandHelp(line.command, commands, columns));
        return exitCodes.stopped;
      }
      case 'version':
        process.stdout.write(`ringmq ${readVersion()}\n`);
        return exitCodes.stopped;
      case 'run':
        return await run(line.args, environment);
    }
  } catch (error) {
    process.stderr.write(`ringmq: ${describeError(error)}\n`);
    return exitCodeOf(error);
  }
}

/** Loads only what the command needs: help and version need none of the broker, a client command no server. */
async function run(args: Arguments, environment: NodeJS.ProcessEnv): Promise<number> {
  if (args.command === 'start' || args.command === 'broker' || args.command === 'namesrv') {
    // The broker's threads read and write files themselves; only the root looks up a name or reads a setting by Node's pool.
    environment['UV_THREADPOOL_SIZE'] ??= '2';
    const [{ serverArguments }, { runBroker }] = await Promise.all([import('./server-arguments.ts'), import('./start.ts')]);
    return await runBroker(serverArguments(args.command satisfies Role, args), environment, readVersion());
  }
  const { runCommand } = await import('./run-command.ts');
  return await runCommand(args, environment);
}

/** From the package's own description: one folder up from the sources, two from the built files. */
function readVersion(): string {
  for (const path of ['../package.json', '../../package.json']) {
    let description: { name?: string; version?: string };
    try {
      description = JSON.parse(readFileSync(new URL(path, import.meta.url), 'utf8'));
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code === 'ENOENT') continue;
      throw error;
    }
    if (description.name === 'ringmq' && description.version !== undefined) return description.version;
  }
  throw new Error('The package has no package.json beside it');
}

const UNREACHABLE: ReadonlySet<string> = new Set(['MQ_CLIENT_NOT_CONNECTED', 'MQ_CLIENT_CONNECTION_LOST', 'MQ_CLIENT_TIMEOUT']);

export function exitCodeOf(error: unknown): number {
  if (error instanceof UsageError) return exitCodes.usage;
  const code = (error as { code?: unknown }).code;
  if (typeof code !== 'string') return exitCodes.failed;
  if (UNREACHABLE.has(code)) return exitCodes.unreachable;
  if (code === 'MQ_PORT_IN_USE') return exitCodes.portInUse;
  if (code === 'MQ_PORT_REFUSED') return exitCodes.portRefused;
  if (code === 'MQ_RUNTIME_ESCALATION') return exitCodes.escalation;
  if (code.startsWith('MQ_CONFIG_')) return exitCodes.config;
  if (code.startsWith('MQ_STORAGE_') || code.startsWith('MQ_STORE_')) return exitCodes.store;
  return exitCodes.failed;
}

/** Errors with a code of ours say all in their text; any other is a bug, and its place matters. */
export function describeError(error: unknown): string {
  if (!(error instanceof Error)) return String(error);
  const { code } = error as { code?: unknown };
  if (typeof code !== 'string' || !code.startsWith('MQ_')) return error.stack ?? error.message;
  // A remark is a broker's word: it stays on its line and moves no cursor.
  return `${printableText(error.message)}${remedyOf(code)} [${code}]`;
}

/** What the client's own errors cannot know: how a command is told otherwise. */
function remedyOf(code: string): string {
  if (code === 'MQ_CLIENT_NOT_CONNECTED')
    return '; does it run there? Name servers come from --namesrv-addr or NAMESRV_ADDR; `ringmq doctor` looks for the cause';
  if (code === 'MQ_CLIENT_TIMEOUT') return '; give it longer with --timeout, or look with `ringmq doctor`';
  return '';
}
