import { test } from 'tap';
import { formatLogLine } from '../../cli/console-log.ts';

const time = new Date(Date.UTC(2026, 0, 2, 3, 4, 5, 6));

test('formatLogLine writes one line: time, level, text, fields', async (t) => {
  t.equal(
    formatLogLine(time, 'info', 'started', { port: 1, path: 'a b', list: [1, 2] }),
    '2026-01-02T03:04:05.006Z INFO  started port=1 path="a b" list=[1,2]\n',
  );
  t.equal(formatLogLine(time, 'error', 'x'), '2026-01-02T03:04:05.006Z ERROR x\n');
});

test('formatLogLine lets nobody forge a line or a terminal command', async (t) => {
  const line = formatLogLine(time, 'warn', 'bad topic\n2026 INFO fine', { topic: '\x1b[2J"=\r\n' });
  t.equal(line.split('\n').length, 2, 'one line and its end');
  t.notMatch(line, /\x1b/);
  t.ok(formatLogLine(time, 'warn', 'x'.repeat(100_000)).length < 3000);
  t.match(formatLogLine(time, 'error', 'x', { error: new Error('boom') }), /error="Error: boom \| at /);
});
