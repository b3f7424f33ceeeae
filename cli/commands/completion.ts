/** `ringmq completion SHELL`: prints the script that makes a shell complete the command line. */
import type { Command } from '../command.ts';
import { commands, type SHELLS } from '../command-table.ts';
import { completionScript } from '../completion.ts';
import { exitCodes } from '../exit-codes.ts';

export const completion: Command = async ({ args, terminal }) => {
  terminal.print(completionScript(args.operand(0) as (typeof SHELLS)[number], commands).trimEnd());
  return exitCodes.stopped;
};
