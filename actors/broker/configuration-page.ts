/** Renders the option table as docs/configuration.md. Pure. */
import { shortcuts } from './broker-config.ts';
import { brokerOptions } from './broker-options.ts';
import type { Option, OptionChange } from './options/option.ts';

export function renderConfigurationPage(): string {
  const options = Object.values(brokerOptions) as unknown as readonly Option<unknown>[];
  const groups = [...new Set(options.map((option) => option.group))];
  const sections = groups.map((group) => {
    const rows = options.filter((option) => option.group === group).map(renderRow);
    return `## ${group}\n\n| key | default | range | change | what it does |\n| --- | --- | --- | --- | --- |\n${rows.join('\n')}\n`;
  });
  const words = shortcuts.map(
    ({ environment, flag, argument, sentence }) => `| \`${environment}\` | \`--${flag} ${cell(argument)}\` | ${cell(sentence)} |`,
  );
  return `# Configuration

<!-- Written by \`npm run docs\` from actors/broker/options/: change it there. -->

Read at the start, from these in turn; a later one wins:

1. the defaults below;
2. a file, \`--config FILE\`: RocketMQ's \`broker.conf\` as it is (Java properties: \`key=value\`, \`#\` comments, \`\\\` at a line's end, \`\\uXXXX\`);
3. what was changed while the broker ran, in \`config/ringmq.properties\` of the store;
4. single settings, \`--set key=value\`;
5. the environment;
6. flags.

A value outside its range stops the start and names key, value, range and where it came from. A key of RocketMQ's that has no effect here is named in a
warning; so is an unknown key, with the nearest known one. Keys marked ¹ are this project's own; all others are RocketMQ's.

## Changes while it runs

\`mqadmin updateBrokerConfig -b HOST:PORT -k KEY -v VALUE\` and \`updateNamesrvConfig\` (the group *Name server*) change settings, \`getBrokerConfig\` and
\`getNamesrvConfig\` show them. The column *change* says what a change does:

- **live**: works at once, on every thread before it is answered;
- **restart**: taken and saved, works from the next start on; the answer's remark says so, and \`settingsAwaitingRestart\` in \`getBrokerConfig\`;
- **file**: refused (16), as is every key that names a path or a command: change it in the file and start again.

All settings of one request are taken or none. A value outside its range is refused (29) with key, value and range. A key that is unknown or has no effect here
changes nothing and is named in the remark (a Java broker takes it without a word). What was changed is saved to \`config/ringmq.properties\` in the store, never to the
file that \`--config\` names: take a line out of it to go back. A name server without a broker (\`ringmq namesrv\`) has no store: there a change lasts as long as the process.

## Addresses for several networks

A broker that clients of several networks reach at different addresses listens on every interface and says which address is whose:

\`\`\`properties
bindAddress=0.0.0.0
brokerIP1=broker.example.com
advertisedListeners=10.0.0.0/8=10.1.2.3:10911;192.168.0.0/16=192.168.7.3:10911;fd00::/8=[fd00::3]:10911
\`\`\`

A ringmq name server answers each asker with the address of the most specific network that it is in: by its own address or, when that is in none, by the address
of the name server that it reached; all others get \`brokerIP1\` and the port. That holds for routes and for what tools ask of the cluster. A Java name server passes the
setting over and gives \`brokerIP1\` to all; a Java broker is told as it registers. Identifiers of messages (\`offsetMsgId\`) bear \`brokerIP1\`: a tool that looks a message up by
one has to reach that address.

## Environment and flags

| environment | flag | what it does |
| --- | --- | --- |
${words.join('\n')}

The command keeps the compiled code of its modules in the user's cache folder (\`~/.cache/ringmq\`, or under \`XDG_CACHE_HOME\`; macOS: \`~/Library/Caches\`, Windows:
\`LOCALAPPDATA\`), so that the next start is shorter. \`NODE_COMPILE_CACHE\` names another folder, \`NODE_DISABLE_COMPILE_CACHE=1\` turns it off. The folder may be removed at any time.

${sections.join('\n')}`;
}

const CHANGES: Readonly<Record<OptionChange, string>> = { live: '**live**', restart: 'restart', file: 'file' };

function renderRow(option: Option<unknown>): string {
  const shown = option.format(option.default);
  const unit = option.unit === '' || shown === '' ? '' : ` ${option.unit}`;
  const key = `\`${option.key}\`${option.origin === 'ringmq' ? ' ¹' : ''}`;
  return `| ${key} | ${shown === '' ? '(empty)' : `\`${shown}\`${unit}`} | ${cell(option.range)} | ${CHANGES[option.change]} | ${cell(option.sentence)} |`;
}

function cell(text: string): string {
  return text.replaceAll('|', '\\|');
}
