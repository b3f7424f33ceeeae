import { test } from 'tap';
import { parseArguments } from '../../cli/arguments.ts';
import { exitCodeSentences, exitCodes } from '../../cli/exit-codes.ts';
import { helpText } from '../../cli/help.ts';

test('parseArguments knows its commands and flags', async (t) => {
  t.same(parseArguments([]), { command: 'help' });
  t.same(parseArguments(['start', '--help']), { command: 'help' });
  t.same(parseArguments(['-v']), { command: 'version' });
  const start = parseArguments(['start', '--config', 'a.conf', '--broker-addr=127.0.0.1:1', '--set', 'a=b=c', '--set', 'd=']);
  t.match(start, { command: 'start', file: 'a.conf', flags: { BROKER_ADDR: '127.0.0.1:1', FLUSH: undefined } });
  t.same((start as { entries: unknown }).entries, [
    { key: 'a', value: 'b=c', source: '--set' },
    { key: 'd', value: '', source: '--set' },
  ]);
  t.match(parseArguments(['broker']), { command: 'broker' });
  t.match(parseArguments(['namesrv', '--shards', '2']), { command: 'namesrv', flags: { SHARDS: '2' } });
});

test('parseArguments refuses what it does not know, with the word at fault', async (t) => {
  const table: [args: string[], message: RegExp][] = [
    [['begin'], /Unknown command "begin": must be start, broker or namesrv/],
    [['start', 'now'], /Unknown argument "now" behind start/],
    [['start', '--port', '1'], /--port/],
    [['start', '--config'], /--config/],
    [['start', '--set', 'x'], /--set x: must be key=value/],
  ];
  for (const [args, message] of table) t.throws(() => parseArguments(args), { code: 'MQ_USAGE', message });
});

test('helpText names every exit code once', async (t) => {
  t.same(
    exitCodeSentences.map(([code]) => code),
    Object.values(exitCodes),
  );
  for (const [code, sentence] of exitCodeSentences) t.match(helpText(), `${code}  ${sentence}`);
});
