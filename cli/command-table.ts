/** All commands, in the order of the help. The servers' options are the shortcuts of the configuration. */
import { shortcuts } from '../actors/broker/broker-config.ts';
import type { CommandSpec, OptionSpec } from './command-spec.ts';
import { groupCommands } from './command-table-groups.ts';
import { messageCommands } from './command-table-messages.ts';
import { topicCommands } from './command-table-topics.ts';
import { watchCommands } from './command-table-watch.ts';

const serverOptions: readonly OptionSpec[] = [
  ...shortcuts.map(({ flag, argument, environment, sentence }) => ({ flag, argument, environment, sentence })),
  {
    flag: 'config',
    short: 'c',
    argument: 'FILE',
    completes: 'file',
    sentence: 'a RocketMQ broker.conf, or any of the keys of docs/configuration.md',
  },
  { flag: 'set', argument: 'KEY=VALUE', isMultiple: true, sentence: 'one setting of such a file' },
];

const STOP_NOTE = 'Stop it with Ctrl+C or SIGTERM: it drains and flushes; a second signal ends it at once.';

export const SHELLS = ['bash', 'zsh', 'fish'] as const;

export const commands: readonly CommandSpec[] = [
  {
    name: 'start',
    sentence: 'a name server and a broker in one process, in the foreground',
    operands: [],
    options: serverOptions,
    notes: [STOP_NOTE],
    examples: [
      ['ringmq start', 'on 127.0.0.1:9876 and 127.0.0.1:10911, data in ./data'],
      ['ringmq start --flush sync --set fileReservedTime=24', 'acknowledges when the disk has a message; keeps a day'],
    ],
  },
  {
    name: 'broker',
    sentence: 'a broker that registers with other name servers',
    operands: [],
    options: serverOptions,
    notes: [STOP_NOTE],
    examples: [['ringmq broker --namesrv-addr "10.0.0.1:9876;10.0.0.2:9876"', 'registers with both']],
  },
  { name: 'namesrv', sentence: 'a name server alone', operands: [], options: serverOptions, notes: [STOP_NOTE] },
  ...messageCommands,
  ...topicCommands,
  ...groupCommands,
  ...watchCommands,
  {
    name: 'completion',
    sentence: 'prints what makes a shell complete commands, options and names',
    operands: [{ name: 'SHELL', isRequired: true, values: SHELLS, sentence: 'bash, zsh or fish' }],
    options: [],
    examples: [
      ['source <(ringmq completion bash)', 'in ~/.bashrc'],
      ['source <(ringmq completion zsh)', 'in ~/.zshrc'],
      ['ringmq completion fish > ~/.config/fish/completions/ringmq.fish', 'once'],
    ],
  },
];
