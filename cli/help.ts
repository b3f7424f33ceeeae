/** What `ringmq --help` and `ringmq COMMAND --help` print, from the table of commands. Pure. */
import type { CommandSpec, OptionSpec } from './command-spec.ts';
import { exitCodeSentences } from './exit-codes.ts';
import { padText, textWidth } from './text-width.ts';

/** Help is read, not parsed: lines wider than this are hard to. */
const HELP_COLUMNS_MAX = 100;

/** All commands, a line each. */
export function helpText(commands: readonly CommandSpec[], columns: number): string {
  const width = Math.min(columns, HELP_COLUMNS_MAX);
  const codes = exitCodeSentences.map(([code, sentence]) => [String(code), sentence] as const);
  return `ringmq: a message broker and name server for RocketMQ clients

Usage: ringmq COMMAND [operands] [options]

Commands
${definitions(
  commands.map((command) => [usageLine(command), command.sentence] as const),
  width,
)}

ringmq COMMAND --help tells more of each. ringmq --version prints the version.

Exit codes
${definitions(codes, width)}
`;
}

/** One command, or all whose first word is `name`. */
export function commandHelp(name: string, commands: readonly CommandSpec[], columns: number): string {
  const width = Math.min(columns, HELP_COLUMNS_MAX);
  const one = commands.find((command) => command.name === name);
  if (one !== undefined) return oneCommand(one, width);
  const family = commands.filter((command) => command.name.startsWith(`${name} `));
  return `Usage: ringmq ${name} COMMAND [operands] [options]

Commands
${definitions(
  family.map((command) => [
    usageLine(command),
    command.isDefault === true ? `${command.sentence} (also without the word)` : command.sentence,
  ]),
  width,
)}

ringmq ${name} COMMAND --help tells more of each.
`;
}

/** `topics create TOPIC`, required operands bare and others in brackets. */
export function usageLine(command: CommandSpec): string {
  const operands = command.operands.map(({ name, isRequired, isMultiple }) => {
    const word = isMultiple === true ? `${name}...` : name;
    return isRequired === true ? word : `[${word}]`;
  });
  return [command.name, ...operands].join(' ');
}

/** `-t, --tag TAG` */
export function optionTerm({ flag, short, argument }: OptionSpec): string {
  return `${short === undefined ? '' : `-${short}, `}--${flag}${argument === undefined ? '' : ` ${argument}`}`;
}

/** Its sentence, and where its value comes from when it is not given. */
export function optionSentence(option: OptionSpec): string {
  const more = [];
  if (option.isMultiple === true) more.push('may be given again');
  if (option.environment !== undefined) more.push(`environment: ${option.environment}`);
  if (option.default !== undefined) more.push(`default: ${option.default}`);
  return more.length === 0 ? option.sentence : `${option.sentence} (${more.join('; ')})`;
}

function oneCommand(command: CommandSpec, width: number): string {
  const parts = [wrap(`ringmq ${command.name}: ${command.sentence}`, width).join('\n'), `Usage: ringmq ${usageLine(command)} [options]`];
  if (command.operands.length > 0) {
    const operands = command.operands.map(({ name, sentence }) => [name, sentence] as const);
    parts.push(`Operands\n${definitions(operands, width)}`);
  }
  const options = [
    ...command.options.map((option) => [optionTerm(option), optionSentence(option)] as const),
    ['-h, --help', 'this'] as const,
  ];
  parts.push(`Options\n${definitions(options, width)}`);
  for (const note of command.notes ?? []) parts.push(wrap(note, width).join('\n'));
  if (command.examples !== undefined) {
    const examples = command.examples.map(([line, sentence]) => `  # ${sentence}\n  ${line}`);
    parts.push(`Examples\n${examples.join('\n')}`);
  }
  if (command.json !== undefined)
    parts.push(`${wrap(`--json prints ${command.json.what}`, width).join('\n')}\n${definitions(command.json.fields, width)}`);
  return `${parts.join('\n\n')}\n`;
}

/** Two columns, the second wrapped within its own; terms that are too wide have a line of their own. */
function definitions(entries: readonly (readonly [term: string, sentence: string])[], width: number): string {
  const widest = entries.reduce((most, [term]) => Math.max(most, textWidth(term)), 0);
  const termColumns = Math.min(widest, Math.floor(width * 0.4));
  const indent = ' '.repeat(termColumns + 4);
  return entries
    .flatMap(([term, sentence]) => {
      const lines = wrap(sentence, Math.max(20, width - termColumns - 4));
      const isWide = textWidth(term) > termColumns;
      const first = isWide ? `  ${term}` : `  ${padText(term, termColumns)}  ${lines[0] ?? ''}`;
      return [first.trimEnd(), ...(isWide ? lines : lines.slice(1)).map((line) => indent + line)];
    })
    .join('\n');
}

function wrap(text: string, width: number): string[] {
  const lines: string[] = [];
  let line = '';
  for (const word of text.split(' ')) {
    if (line !== '' && textWidth(line) + 1 + textWidth(word) > width) {
      lines.push(line);
      line = word;
    } else line = line === '' ? word : `${line} ${word}`;
  }
  if (line !== '') lines.push(line);
  return lines;
}
