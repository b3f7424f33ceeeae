/**
 * The command line against the table of commands: which command, with which operands and options, every value checked. Pure.
 * Fails with UsageError, whose text names the word at fault and what would be right.
 */
import assert from 'node:assert/strict';
import { parseArgs } from 'node:util';
import type { CommandSpec, OptionSpec } from './command-spec.ts';
import { describeKind, parseOptionValue } from './option-value.ts';
import { didYouMean } from './suggest.ts';

/** A command line that cannot be meant. */
export class UsageError extends Error {
  readonly code = 'MQ_USAGE';

  constructor(reason: string, command?: string) {
    super(`${reason}; see ringmq ${command === undefined ? '' : `${command} `}--help`);
    this.name = 'UsageError';
  }
}

export type CommandLine =
  | { readonly action: 'version' }
  /** `command` is undefined for help of all; it may be the first word of several commands. */
  | { readonly action: 'help'; readonly command: string | undefined }
  | { readonly action: 'run'; readonly command: CommandSpec; readonly args: Arguments };

type OptionValue = string | number | boolean | readonly (string | number)[];

/** Operands and options of one command. Asking for an option that its table does not have is a bug. */
export class Arguments {
  readonly operands: readonly string[];
  readonly #command: CommandSpec;
  readonly #values: ReadonlyMap<string, OptionValue>;

  constructor(command: CommandSpec, operands: readonly string[], values: ReadonlyMap<string, OptionValue>) {
    this.#command = command;
    this.operands = operands;
    this.#values = values;
  }

  get command(): string {
    return this.#command.name;
  }

  /** An operand that the table requires. */
  operand(index: number): string {
    const operand = this.operands[index];
    assert(operand !== undefined, 'A required operand is there');
    return operand;
  }

  /** Whether the command knows the option at all. */
  has(flag: string): boolean {
    return this.#command.options.some((option) => option.flag === flag);
  }

  isSet(flag: string): boolean {
    this.#spec(flag);
    return this.#values.get(flag) === true;
  }

  text(flag: string): string | undefined {
    this.#spec(flag);
    const value = this.#values.get(flag);
    return value === undefined ? undefined : String(value);
  }

  texts(flag: string): readonly string[] {
    this.#spec(flag);
    return ((this.#values.get(flag) ?? []) as readonly (string | number)[]).map(String);
  }

  /** An integer or a duration in milliseconds. */
  number(flag: string): number | undefined {
    this.#spec(flag);
    const value = this.#values.get(flag);
    assert(value === undefined || typeof value === 'number', `--${flag} is no number`);
    return value;
  }

  /** A word about this command line that only the command could check. */
  refuse(reason: string): never {
    throw new UsageError(reason, this.#command.name);
  }

  #spec(flag: string): void {
    assert(this.has(flag), `${this.#command.name} has no option --${flag}`);
  }
}

export function parseCommandLine(words: readonly string[], commands: readonly CommandSpec[]): CommandLine {
  const [first, second] = words;
  if (first === undefined) return { action: 'help', command: undefined };
  if (first === '--version' || first === '-v' || first === 'version') return { action: 'version' };
  if (first === '--help' || first === '-h') return { action: 'help', command: undefined };
  if (first === 'help') return helpFor(words.slice(1), commands);
  if (first.startsWith('-')) throw new UsageError(`Option ${first} stands before the command; the command comes first`);

  const family = commands.filter(({ name }) => name === first || name.startsWith(`${first} `));
  if (family.length === 0) throw unknownCommand(first, commands);
  const exact = family.find(({ name }) => name === `${first} ${second}`);
  const command = exact ?? family.find(({ name, isDefault }) => name === first || isDefault === true);
  const rest = words.slice(exact === undefined ? 1 : 2);
  // A family without a word of its own takes help as one.
  if (exact === undefined && family.length > 1) {
    if (rest[0] === '--help' || rest[0] === '-h') return { action: 'help', command: first };
    if (second !== undefined && !second.startsWith('-')) {
      const seconds = family.map(({ name }) => name.slice(first.length + 1));
      throw new UsageError(
        `Unknown command "${first} ${second}"${didYouMean(second, seconds)}: must be one of ${seconds.join(', ')}`,
        first,
      );
    }
  }
  if (command === undefined) return { action: 'help', command: first };
  return parseRest(command, rest);
}

function helpFor(words: readonly string[], commands: readonly CommandSpec[]): CommandLine {
  const name = words.join(' ');
  if (name === '') return { action: 'help', command: undefined };
  if (!commands.some((command) => command.name === name || command.name.startsWith(`${name} `))) throw unknownCommand(name, commands);
  return { action: 'help', command: name };
}

function unknownCommand(word: string, commands: readonly CommandSpec[]): UsageError {
  const names = [...new Set([...commands.flatMap(({ name }) => [name, name.split(' ')[0] as string]), 'help', 'version'])];
  const firsts = [...new Set(commands.map(({ name }) => name.split(' ')[0] as string))];
  return new UsageError(`Unknown command "${word}"${didYouMean(word, names)}: must be one of ${firsts.join(', ')}`);
}

function parseRest(command: CommandSpec, words: readonly string[]): CommandLine {
  const options: Record<string, { type: 'string' | 'boolean'; short?: string; multiple?: boolean }> = {
    help: { type: 'boolean', short: 'h' },
  };
  for (const option of command.options) {
    options[option.flag] = {
      type: option.argument === undefined ? 'boolean' : 'string',
      ...(option.short === undefined ? {} : { short: option.short }),
      ...(option.isMultiple === true ? { multiple: true } : {}),
    };
  }
  const { tokens } = parseArgs({ args: [...words], options, allowPositionals: true, strict: false, tokens: true });
  const operands: string[] = [];
  const values = new Map<string, OptionValue>();
  let isHelp = false;
  for (const token of tokens) {
    if (token.kind === 'positional') operands.push(token.value);
    if (token.kind !== 'option') continue;
    if (token.name === 'help') {
      isHelp = true;
      continue;
    }
    const spec = command.options.find(({ flag }) => flag === token.name);
    if (spec === undefined) throw unknownOption(command, token.rawName);
    takeOption(command, spec, token.rawName, token.value, values);
  }
  if (isHelp) return { action: 'help', command: command.name };
  checkOperands(command, operands);
  return { action: 'run', command, args: new Arguments(command, operands, values) };
}

function unknownOption(command: CommandSpec, raw: string): UsageError {
  const flags = command.options.map(({ flag }) => `--${flag}`);
  return new UsageError(`Unknown option ${raw} of ${command.name}${raw.startsWith('--') ? didYouMean(raw, flags) : ''}`, command.name);
}

function takeOption(command: CommandSpec, spec: OptionSpec, raw: string, text: string | undefined, values: Map<string, OptionValue>): void {
  if (spec.argument === undefined) {
    if (text !== undefined) throw new UsageError(`Option ${raw} takes no value, not "${text}"`, command.name);
    values.set(spec.flag, true);
    return;
  }
  if (text === undefined) throw new UsageError(`Option ${raw} needs a value: ${raw} ${spec.argument}`, command.name);
  const kind = spec.value ?? { kind: 'text' };
  const value = parseOptionValue(text, kind);
  if (value === undefined) {
    const near = kind.kind === 'choice' ? didYouMean(text, kind.values) : '';
    throw new UsageError(`Option ${raw} is "${text}", must be ${describeKind(kind)}${near}`, command.name);
  }
  if (spec.isMultiple !== true) values.set(spec.flag, value);
  else values.set(spec.flag, [...((values.get(spec.flag) as readonly (string | number)[] | undefined) ?? []), value]);
}

function checkOperands(command: CommandSpec, operands: readonly string[]): void {
  const missing = command.operands.find((operand, index) => operand.isRequired === true && operands[index] === undefined);
  if (missing !== undefined) throw new UsageError(`${command.name} needs ${missing.name}: ${missing.sentence}`, command.name);
  const isOpen = command.operands.at(-1)?.isMultiple === true;
  if (!isOpen && operands.length > command.operands.length)
    throw new UsageError(`Unknown argument "${operands[command.operands.length]}" behind ${command.name}`, command.name);
  command.operands.forEach(({ name, values }, index) => {
    const operand = operands[index];
    if (operand === undefined || values === undefined || values.includes(operand)) return;
    throw new UsageError(`${name} is "${operand}"${didYouMean(operand, values)}: must be one of ${values.join(', ')}`, command.name);
  });
}
