/** What a command is given and what it gives back. */
import type { Arguments } from './command-line.ts';
import type { Terminal } from './terminal.ts';

export type CommandContext = {
  readonly args: Arguments;
  readonly terminal: Terminal;
  readonly environment: Readonly<Record<string, string | undefined>>;
  readonly stdin: NodeJS.ReadStream;
  /** From the first call on, SIGINT and SIGTERM abort this instead of ending the process; a second one ends it. */
  readonly interrupt: () => AbortSignal;
};

/** Resolves with the exit code. */
export type Command = (context: CommandContext) => Promise<number>;
