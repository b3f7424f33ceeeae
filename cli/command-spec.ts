/** What a command is: its words, operands, options, and what it prints. Help, completion, the parser and docs/command-line.md come from it. */
import type { OptionKind } from './option-value.ts';

/** What a shell may offer for a word. */
export type Completion = 'topic' | 'group' | 'file' | 'none';

export type OptionSpec = {
  /** Without the dashes. */
  readonly flag: string;
  readonly short?: string;
  /** How its value is called; absent for a switch. */
  readonly argument?: string;
  /** How its value is read; text when absent. */
  readonly value?: OptionKind;
  readonly isMultiple?: boolean;
  /** Shown, and by whom it is applied: the command. */
  readonly default?: string;
  readonly environment?: string;
  readonly completes?: Completion;
  readonly sentence: string;
};

export type OperandSpec = {
  readonly name: string;
  readonly isRequired?: boolean;
  /** Takes all that are left; only the last may. */
  readonly isMultiple?: boolean;
  readonly completes?: Completion;
  /** The words that it may be. */
  readonly values?: readonly string[];
  readonly sentence: string;
};

export type CommandSpec = {
  /** One word, or two: `topics create`. */
  readonly name: string;
  /** The command that is meant when only the first word is given. */
  readonly isDefault?: boolean;
  readonly sentence: string;
  readonly operands: readonly OperandSpec[];
  readonly options: readonly OptionSpec[];
  /** More to know, a paragraph each. */
  readonly notes?: readonly string[];
  readonly examples?: readonly (readonly [line: string, sentence: string])[];
  /** Members of what `--json` prints; only members that are here are a promise. */
  readonly json?: { readonly what: string; readonly fields: readonly (readonly [name: string, sentence: string])[] };
};
