/** The options of `start`, `broker` and `namesrv` as the configuration takes them. Pure. Fails with UsageError. */
import { type ConfigEntry, type Role, shortcuts } from '../actors/broker/broker-config.ts';
import type { Arguments } from './command-line.ts';

export type ServerArguments = {
  readonly command: Role;
  readonly file: string | undefined;
  /** By the name of the environment variable that the option overrides. */
  readonly flags: Readonly<Record<string, string | undefined>>;
  /** From `--set key=value`. */
  readonly entries: readonly ConfigEntry[];
};

export function serverArguments(command: Role, args: Arguments): ServerArguments {
  const flags: Record<string, string | undefined> = {};
  for (const { environment, flag } of shortcuts) flags[environment] = args.text(flag);
  const entries = args.texts('set').map((setting) => {
    const at = setting.indexOf('=');
    if (at <= 0) args.refuse(`--set ${setting}: must be key=value`);
    return { key: setting.slice(0, at), value: setting.slice(at + 1), source: '--set' };
  });
  return { command, file: args.text('config'), flags, entries };
}
