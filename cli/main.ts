/** The command: arguments in, exit code out. Errors become one line on standard error that says what to do. */
import { readFileSync } from 'node:fs';
import { parseArguments, UsageError } from './arguments.ts';
import { exitCodes } from './exit-codes.ts';
import { helpText } from './help.ts';

export async function main(args: readonly string[], environment: NodeJS.ProcessEnv): Promise<number> {
  try {
    const parsed = parseArguments(args);
    switch (parsed.command) {
      case 'help':
        process.stdout.write(helpText());
        return exitCodes.stopped;
      case 'version':
        process.stdout.write(`ringmq ${readVersion()}\n`);
        return exitCodes.stopped;
      default: {
        // Loaded only here: help and version need none of the broker.
        const { runBroker } = await import('./start.ts');
        return await runBroker(parsed, environment, readVersion());
      }
    }
  } catch (error) {
    process.stderr.write(`ringmq: ${describeError(error)}\n`);
    return exitCodeOf(error);
  }
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

export function exitCodeOf(error: unknown): number {
  if (error instanceof UsageError) return exitCodes.usage;
  const code = (error as { code?: unknown }).code;
  if (typeof code !== 'string') return exitCodes.failed;
  if (code === 'MQ_PORT_IN_USE') return exitCodes.portInUse;
  if (code === 'MQ_PORT_REFUSED') return exitCodes.portRefused;
  if (code === 'MQ_RUNTIME_ESCALATION') return exitCodes.escalation;
  if (code.startsWith('MQ_CONFIG_')) return exitCodes.config;
  if (code.startsWith('MQ_STORAGE_') || code.startsWith('MQ_STORE_')) return exitCodes.store;
  return exitCodes.failed;
}

/** Errors with a code of ours say all in their text; any other is a bug, and its place matters. */
function describeError(error: unknown): string {
  if (!(error instanceof Error)) return String(error);
  const { code } = error as { code?: unknown };
  return typeof code === 'string' && code.startsWith('MQ_') ? `${error.message} [${code}]` : (error.stack ?? error.message);
}
