/** Asks somebody at the terminal before something is destroyed. Fails with CommandError when the answer is another, or nobody is there. */
import { createInterface } from 'node:readline/promises';
import type { CommandContext } from './command.ts';
import { CommandError } from './errors.ts';

/** Goes on when `--yes` was given or the user types `word`. */
export async function confirm({ args, stdin }: CommandContext, question: string, word: string): Promise<void> {
  if (args.isSet('yes')) return;
  if (stdin.isTTY !== true)
    throw new CommandError('MQ_CLI_NOT_CONFIRMED', `${question} Nobody is at the terminal to be asked: give --yes to do it`);
  const reader = createInterface({ input: stdin, output: process.stderr });
  const closed = new Promise<string>((resolve) => reader.once('close', () => resolve('')));
  try {
    const answer = await Promise.race([reader.question(`${question} Type ${word} to do it: `), closed]);
    if (answer.trim() !== word) throw new CommandError('MQ_CLI_NOT_CONFIRMED', 'Nothing was done');
  } finally {
    reader.close();
  }
}
