/** Finds a command's code, gives it its surroundings, and loads nothing that it does not need. */
import assert from 'node:assert/strict';
import type { Command } from './command.ts';
import type { Arguments } from './command-line.ts';
import { exitCodes } from './exit-codes.ts';
import { Terminal } from './terminal.ts';

const loaders: Readonly<Record<string, () => Promise<Command>>> = {
  send: async () => (await import('./commands/send.ts')).send,
  tail: async () => (await import('./commands/tail.ts')).tail,
  'topics list': async () => (await import('./commands/topics-list.ts')).listTopics,
  'topics show': async () => (await import('./commands/topics-show.ts')).showTopic,
  'topics create': async () => (await import('./commands/topics-change.ts')).createTopic,
  'topics change': async () => (await import('./commands/topics-change.ts')).changeTopic,
  'topics delete': async () => (await import('./commands/topics-delete.ts')).deleteTopic,
  'groups list': async () => (await import('./commands/groups-list.ts')).listGroups,
  'groups show': async () => (await import('./commands/groups-show.ts')).showGroup,
  'groups members': async () => (await import('./commands/groups-show.ts')).showMembers,
  'groups reset': async () => (await import('./commands/groups-reset.ts')).resetGroup,
  'groups pause': async () => (await import('./commands/groups-change.ts')).pauseGroup,
  'groups resume': async () => (await import('./commands/groups-change.ts')).resumeGroup,
  'groups delete': async () => (await import('./commands/groups-change.ts')).deleteGroup,
  top: async () => (await import('./commands/top.ts')).top,
  bench: async () => (await import('./commands/bench.ts')).bench,
  doctor: async () => (await import('./commands/doctor.ts')).doctor,
  completion: async () => (await import('./commands/completion.ts')).completion,
};

/** Resolves with the exit code. */
export async function runCommand(args: Arguments, environment: NodeJS.ProcessEnv): Promise<number> {
  const load = loaders[args.command];
  assert(load !== undefined, `Command ${args.command} of the table has code`);
  const terminal = new Terminal(process.stdout, process.stderr, environment);
  terminal.isJson = args.has('json') && args.isSet('json');
  // Whoever reads may have seen enough: `| head`.
  process.stdout.on('error', (error: NodeJS.ErrnoException) => {
    if (error.code === 'EPIPE') process.exit(exitCodes.stopped);
    throw error;
  });
  const command = await load();
  return await command({ args, terminal, environment, stdin: process.stdin, interrupt: onceInterrupted });
}

let interruption: AbortController | undefined;

function onceInterrupted(): AbortSignal {
  if (interruption !== undefined) return interruption.signal;
  const controller = new AbortController();
  interruption = controller;
  for (const [signal, code] of [
    ['SIGINT', exitCodes.interrupted],
    ['SIGTERM', exitCodes.terminated],
  ] as const) {
    process.on(signal, () => {
      if (controller.signal.aborted) process.exit(code);
      controller.abort();
    });
  }
  return controller.signal;
}
