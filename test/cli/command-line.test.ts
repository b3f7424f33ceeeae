import { readFileSync } from 'node:fs';
import { test } from 'tap';
import { parseCommandLine } from '../../cli/command-line.ts';
import { renderCommandLinePage } from '../../cli/command-line-page.ts';
import type { CommandSpec } from '../../cli/command-spec.ts';
import { commands } from '../../cli/command-table.ts';
import { exitCodeSentences, exitCodes } from '../../cli/exit-codes.ts';
import { commandHelp, helpText } from '../../cli/help.ts';
import { serverArguments } from '../../cli/server-arguments.ts';
import { textWidth } from '../../cli/text-width.ts';

const run = (...words: string[]) => {
  const line = parseCommandLine(words, commands);
  if (line.action !== 'run') throw new Error(`${words.join(' ')} is ${line.action}`);
  return line.args;
};

test('parseCommandLine finds commands of one and of two words, and help for each', async (t) => {
  t.same(parseCommandLine([], commands), { action: 'help', command: undefined });
  t.same(parseCommandLine(['--help'], commands), { action: 'help', command: undefined });
  t.same(parseCommandLine(['-v'], commands), { action: 'version' });
  t.same(parseCommandLine(['send', '-h'], commands), { action: 'help', command: 'send' });
  t.same(parseCommandLine(['help', 'topics'], commands), { action: 'help', command: 'topics' });
  t.same(parseCommandLine(['topics', '--help'], commands), { action: 'help', command: 'topics' });
  t.same(parseCommandLine(['topics', 'show', '--help'], commands), { action: 'help', command: 'topics show' });
  t.equal(run('topics').command, 'topics list', 'the first word alone means its default');
  t.equal(run('topics', '--json').command, 'topics list');
  t.equal(run('topics', 'show', 'orders').operand(0), 'orders');
});

test('parseCommandLine reads options by their kinds, in any order', async (t) => {
  const args = run('send', '--count=3', 'orders', '-k', 'a', 'body', '-k', 'b', '--timeout', '1m', '--', '--not-an-option');
  t.same(args.operands, ['orders', 'body', '--not-an-option']);
  t.equal(args.number('count'), 3);
  t.equal(args.number('timeout'), 60_000);
  t.same(args.texts('key'), ['a', 'b']);
  t.equal(args.text('tag'), undefined);
  t.equal(args.isSet('json'), false);
  t.equal(run('tail', 'orders', '--from', '-10m').text('from'), '-10m', 'a value may begin with a dash');
  t.throws(() => args.text('colour'), /send has no option --colour/, 'asking for what the table does not have is a bug');
});

test('parseCommandLine refuses what it does not know, with the word at fault and the nearest there is', async (t) => {
  const table: [words: string[], message: RegExp][] = [
    [['begin'], /Unknown command "begin": must be one of start, broker/],
    [['topcis'], /Unknown command "topcis" \(did you mean "topics"\?\)/],
    [['topics', 'crate', 'x'], /Unknown command "topics crate" \(did you mean "create"\?\).*see ringmq topics --help/],
    [['help', 'sned'], /did you mean "send"\?/],
    [['--json', 'topics'], /--json stands before the command/],
    [['start', 'now'], /Unknown argument "now" behind start/],
    [['start', '--port', '1'], /Unknown option --port of start/],
    [['send', 'x', '--delay-lvl', '1'], /Unknown option --delay-lvl of send \(did you mean "--delay-level"\?\)/],
    [['send', 'x', '-Z'], /Unknown option -Z of send/],
    [['start', '--config'], /--config needs a value: --config FILE/],
    [['tail', 'x', '--json=yes'], /--json takes no value, not "yes"/],
    [['send', 'x', '--count', '0'], /--count is "0", must be an integer from 1 to 1000000000/],
    [['send', 'x', '--count', '1e3'], /--count is "1e3"/],
    [['send', 'x', '--timeout', 'soon'], /--timeout is "soon", must be a time such as/],
    [['topics', 'create', 'x', '--perm', 'rx'], /--perm is "rx", must be one of rw, r, w, none \(did you mean/],
    [['send'], /send needs TOPIC/],
    [['completion', 'bsh'], /SHELL is "bsh" \(did you mean "bash"\?\)/],
    [['topics', 'show', 'a', 'b'], /Unknown argument "b" behind topics show/],
    [['__proto__'], /Unknown command "__proto__"/],
    [['send', 'x', '--constructor', 'y'], /Unknown option --constructor/],
    [['send', 'x', '--__proto__=y'], /Unknown option --__proto__/],
  ];
  for (const [words, message] of table) t.throws(() => parseCommandLine(words, commands), { code: 'MQ_USAGE', message }, words.join(' '));
});

test('commands: the table is sound', async (t) => {
  const names = commands.map(({ name }) => name);
  t.equal(new Set(names).size, names.length, 'each name once');
  for (const command of commands as readonly CommandSpec[]) {
    const flags = command.options.flatMap(({ flag, short }) => (short === undefined ? [flag] : [flag, short]));
    t.equal(new Set([...flags, 'help', 'h']).size, flags.length + 2, `${command.name}: each option once, and none is help`);
    t.ok(
      command.operands.slice(0, -1).every(({ isMultiple }) => isMultiple !== true),
      `${command.name}: only the last operand takes all`,
    );
    t.equal(
      command.json !== undefined,
      command.options.some(({ flag }) => flag === 'json'),
      `${command.name}: JSON is described`,
    );
  }
});

test('serverArguments gives the configuration what it takes', async (t) => {
  const start = serverArguments('start', run('start', '--config', 'a.conf', '--broker-addr=127.0.0.1:1', '--set', 'a=b=c', '--set', 'd='));
  t.match(start, { command: 'start', file: 'a.conf', flags: { BROKER_ADDR: '127.0.0.1:1', FLUSH: undefined } });
  t.same(start.entries, [
    { key: 'a', value: 'b=c', source: '--set' },
    { key: 'd', value: '', source: '--set' },
  ]);
  t.throws(() => serverArguments('start', run('start', '--set', 'x')), { code: 'MQ_USAGE', message: /--set x: must be key=value/ });
});

test('helpText names every command and exit code, within the width', async (t) => {
  t.same(
    exitCodeSentences.map(([code]) => code),
    Object.values(exitCodes),
  );
  for (const columns of [60, 100]) {
    const text = helpText(commands, columns);
    for (const { name } of commands) t.match(text, `  ${name}`);
    for (const [code] of exitCodeSentences) t.match(text, new RegExp(`^ +${code} `, 'm'));
    for (const { name } of commands) {
      for (const line of commandHelp(name, commands, columns).split('\n')) {
        if (!/^\s+(ringmq|#|source|journalctl)/.test(line)) t.ok(textWidth(line) <= columns, `${name} at ${columns}: ${line}`);
      }
    }
  }
  t.match(commandHelp('topics', commands, 80).replaceAll(/\s+/g, ' '), /topics list the topics, .*\(also without the word\)/);
  t.match(
    commandHelp('send', commands, 100).replaceAll(/\s+/g, ' '),
    '-n, --namesrv-addr HOST:PORT name server; several with ; between them (environment: NAMESRV_ADDR; default: 127.0.0.1:9876)',
  );
});

test('renderCommandLinePage gives docs/command-line.md', async (t) => {
  const page = readFileSync(new URL('../../docs/command-line.md', import.meta.url), 'utf8');
  t.equal(page, renderCommandLinePage(commands), 'run `npm run docs` after a change of the commands');
});

test('commands: every example is a command line that can be meant', async (t) => {
  for (const { name, examples } of commands) {
    for (const [line] of examples ?? []) {
      // What stands behind the command's name up to the next command of the shell, quotes taken away.
      const words = /ringmq ([^|>)]*)/.exec(line)?.[1]?.match(/"[^"]*"|'[^']*'|\S+/g) ?? [];
      const parsed = parseCommandLine(
        words.map((word) => word.replaceAll(/^["']|["']$/g, '')),
        commands,
      );
      t.match(parsed, { action: 'run', command: { name } }, line);
    }
  }
});
