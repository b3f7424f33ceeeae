import { spawnSync } from 'node:child_process';
import { chmodSync, existsSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'tap';
import { commands } from '../../cli/command-table.ts';
import { completionScript } from '../../cli/completion.ts';

const has = (shell: string): boolean => spawnSync(shell, ['--version']).status === 0;

test('completionScript for bash offers commands, options, values and names of the cluster', {
  skip: !has('bash') && 'no bash',
}, async (t) => {
  const folder = mkdtempSync(join(tmpdir(), 'ringmq-test-'));
  t.teardown(() => rmSync(folder, { recursive: true, force: true }));
  const fake = join(folder, 'ringmq');
  writeFileSync(
    fake,
    "#!/bin/sh\ncase \"$1\" in topics) echo orders; echo payments; echo '$(touch pwned)'; echo '`touch pwned`'; echo 'two words';; groups) echo billing;; esac\n",
  );
  chmodSync(fake, 0o755);
  const complete = (...words: string[]): string[] => {
    const script = `${completionScript('bash', commands)}\nCOMP_WORDS=(${words.map((word) => `'${word}'`).join(' ')}); COMP_CWORD=${words.length - 1}; _ringmq; printf '%s\\n' "\${COMPREPLY[@]}"`;
    const { stdout, stderr } = spawnSync('bash', ['--norc', '-c', script], {
      encoding: 'utf8',
      cwd: folder,
      env: { PATH: `${folder}:${process.env.PATH}` },
    });
    t.equal(stderr, '', words.join(' '));
    return stdout.split('\n').filter((line) => line !== '');
  };
  t.same(complete('ringmq', 'to'), ['topics', 'top']);
  t.same(complete('ringmq', 'topics', 'c'), ['create', 'change']);
  t.same(complete('ringmq', 'topics', 'show', ''), ['orders', 'payments']);
  t.same(complete('ringmq', 'send', 'ord'), ['orders']);
  t.same(complete('ringmq', 'groups', 'reset', 'b'), ['billing']);
  t.same(complete('ringmq', 'groups', 'reset', 'billing', 'p'), ['payments'], 'the second operand is a topic');
  t.same(complete('ringmq', 'send', 'orders', '--del'), ['--delay-level']);
  t.same(complete('ringmq', 'topics', 'create', 'x', '--perm', 'r'), ['rw', 'r']);
  t.same(complete('ringmq', 'completion', ''), ['bash', 'zsh', 'fish']);
  t.same(complete('ringmq', 'topics', '--j'), ['--json'], 'options of the default command');
  t.notOk(existsSync(join(folder, 'pwned')), 'a name that is a command is not run');
});

test('completionScript for fish and zsh is what the shell can read', async (t) => {
  for (const shell of ['zsh', 'fish'] as const) {
    const script = completionScript(shell, commands);
    for (const { name } of commands) t.match(script, name.split(' ').at(-1) as string, `${shell}: ${name}`);
    if (!has(shell)) continue;
    const { status, stderr } = spawnSync(shell, ['-n'], { input: script, encoding: 'utf8' });
    t.equal(status, 0, stderr);
  }
});
