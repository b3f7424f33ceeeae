/** Renders the option table as docs/configuration.md. Pure. */
import { shortcuts } from './broker-config.ts';
import { brokerOptions, type Option } from './broker-options.ts';

export function renderConfigurationPage(): string {
  const options = Object.values(brokerOptions) as unknown as readonly Option<unknown>[];
  const groups = [...new Set(options.map((option) => option.group))];
  const sections = groups.map((group) => {
    const rows = options.filter((option) => option.group === group).map(renderRow);
    return `## ${group}\n\n| key | default | range | what it does |\n| --- | --- | --- | --- |\n${rows.join('\n')}\n`;
  });
  const words = shortcuts.map(
    ({ environment, flag, argument, sentence }) => `| \`${environment}\` | \`--${flag} ${cell(argument)}\` | ${cell(sentence)} |`,
  );
  return `# Configuration

<!-- Written by \`npm run docs\` from actors/broker/broker-options.ts: change it there. -->

Read once at the start, from these in turn; a later one wins:

1. the defaults below;
2. a file, \`--config FILE\`: RocketMQ's \`broker.conf\` as it is (Java properties: \`key=value\`, \`#\` comments, \`\\\` at a line's end, \`\\uXXXX\`);
3. single settings, \`--set key=value\`;
4. the environment;
5. flags.

A value outside its range stops the start and names key, value, range and where it came from. A key of RocketMQ's that has no effect here is named in a
warning; so is an unknown key, with the nearest known one. Keys marked ¹ are this project's own; all others are RocketMQ's.

## Environment and flags

| environment | flag | what it does |
| --- | --- | --- |
${words.join('\n')}

${sections.join('\n')}`;
}

function renderRow(option: Option<unknown>): string {
  const shown = option.format(option.default);
  const unit = option.unit === '' || shown === '' ? '' : ` ${option.unit}`;
  const key = `\`${option.key}\`${option.origin === 'ringmq' ? ' ¹' : ''}`;
  return `| ${key} | ${shown === '' ? '(empty)' : `\`${shown}\`${unit}`} | ${cell(option.range)} | ${cell(option.sentence)} |`;
}

function cell(text: string): string {
  return text.replaceAll('|', '\\|');
}
