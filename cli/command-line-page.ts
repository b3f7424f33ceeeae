/** Renders docs/command-line.md from the table of commands. Pure. */
import type { CommandSpec } from './command-spec.ts';
import { exitCodeSentences } from './exit-codes.ts';
import { optionSentence, optionTerm, usageLine } from './help.ts';

export function renderCommandLinePage(commands: readonly CommandSpec[]): string {
  const summary = commands.map(
    (command) => `| [\`ringmq ${cell(usageLine(command))}\`](#${anchor(command)}) | ${cell(command.sentence)} |`,
  );
  const codes = exitCodeSentences.map(([code, sentence]) => `| ${code} | ${cell(sentence)} |`);
  return `# Command line

<!-- Written by \`npm run docs\` from cli/command-table.ts: change that. -->

| command | what it does |
| --- | --- |
${summary.join('\n')}

- Results go to standard output, everything else (progress, warnings, errors) to standard error.
- Tables fit the terminal: what does not is cut with \`…\`. In a pipe nothing is cut. Colours are for terminals only; \`NO_COLOR\` switches them off.
- Where a command has \`--json\`, the members listed here keep their names and meaning; others may come.
- A misspelt command, option, topic or group is answered with the nearest there is.
- Brokers and name servers may be ringmq's or RocketMQ's. What an older broker does not serve is said by name.

${commands.map(section).join('\n\n')}

## Exit codes

| code | meaning |
| ---: | --- |
${codes.join('\n')}
`;
}

function section(command: CommandSpec): string {
  const parts = [`## ringmq ${command.name}`, `\`ringmq ${usageLine(command)}\`: ${command.sentence}.`];
  const rows = [
    ...command.operands.map(({ name, sentence }) => `| \`${name}\` | ${cell(sentence)} |`),
    ...command.options.map((option) => `| \`${cell(optionTerm(option))}\` | ${cell(optionSentence(option))} |`),
  ];
  if (rows.length > 0) parts.push(`| | |\n| --- | --- |\n${rows.join('\n')}`);
  for (const note of command.notes ?? []) parts.push(note);
  if (command.examples !== undefined)
    parts.push(`\`\`\`sh\n${command.examples.map(([line, sentence]) => `# ${sentence}\n${line}`).join('\n')}\n\`\`\``);
  if (command.json !== undefined)
    parts.push(
      `\`--json\` prints ${command.json.what}:\n\n| member | |\n| --- | --- |\n${command.json.fields
        .map(([name, sentence]) => `| \`${name}\` | ${cell(sentence)} |`)
        .join('\n')}`,
    );
  return parts.join('\n\n');
}

function anchor(command: CommandSpec): string {
  return `ringmq-${command.name.replaceAll(' ', '-')}`;
}

function cell(text: string): string {
  return text.replaceAll('|', '\\|');
}
