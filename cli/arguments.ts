/** The command line: which command, which flags. Pure. Fails with UsageError, whose text says what would be right. */
import { parseArgs } from 'node:util';
import { type ConfigEntry, type Role, shortcuts } from '../actors/broker/broker-config.ts';

export class UsageError extends Error {
  readonly code = 'MQ_USAGE';

  constructor(reason: string) {
    super(`${reason}; see ringmq --help`);
    this.name = 'UsageError';
  }
}

export type Arguments =
  | { readonly command: 'help' | 'version' }
  | {
      readonly command: Role;
      readonly file: string | undefined;
      /** By the name of the environment variable that the flag overrides. */
      readonly flags: Readonly<Record<string, string | undefined>>;
      /** From `--set key=value`. */
      readonly entries: readonly ConfigEntry[];
    };

const roles: readonly Role[] = ['start', 'broker', 'namesrv'];

export function parseArguments(args: readonly string[]): Arguments {
  let parsed: { values: Record<string, string | boolean | (string | boolean)[] | undefined>; positionals: string[] };
  try {
    parsed = parseArgs({
      args: [...args],
      allowPositionals: true,
      options: {
        help: { type: 'boolean', short: 'h' },
        version: { type: 'boolean', short: 'v' },
        config: { type: 'string', short: 'c' },
        set: { type: 'string', multiple: true },
        ...Object.fromEntries(shortcuts.map(({ flag }) => [flag, { type: 'string' as const }])),
      },
    });
  } catch (error) {
    // parseArgs says which flag, and why.
    throw new UsageError(error instanceof Error ? error.message.replace(/\. To specify.*$/s, '') : String(error));
  }
  const { values, positionals } = parsed;
  if (values['help'] === true) return { command: 'help' };
  if (values['version'] === true) return { command: 'version' };
  const [command, ...rest] = positionals;
  if (command === undefined || command === 'help') return { command: 'help' };
  if (command === 'version') return { command: 'version' };
  const role = roles.find((each) => each === command);
  if (role === undefined) throw new UsageError(`Unknown command "${command}": must be start, broker or namesrv`);
  if (rest.length > 0) throw new UsageError(`Unknown argument "${rest[0]}" behind ${command}`);
  const flags: Record<string, string | undefined> = {};
  for (const { environment, flag } of shortcuts) flags[environment] = values[flag] as string | undefined;
  const entries = ((values['set'] ?? []) as string[]).map((setting) => {
    const at = setting.indexOf('=');
    if (at <= 0) throw new UsageError(`--set ${setting}: must be key=value`);
    return { key: setting.slice(0, at), value: setting.slice(at + 1), source: '--set' };
  });
  return { command: role, file: values['config'] as string | undefined, flags, entries };
}
