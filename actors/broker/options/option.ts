/**
 * What a row of the table of settings is, and the kinds of rows: each kind knows how a text is read, written and said to be out of range. Pure.
 */

/** One setting. `parse` gives undefined for a text outside `range`. */
export type Option<T> = {
  readonly key: string;
  /** RocketMQ's own key, or one that only this broker knows. */
  readonly origin: 'rocketmq' | 'ringmq';
  readonly group: OptionGroup;
  /** What a change by a tool does (updateBrokerConfig): works at once, at the next start, or is refused. */
  readonly change: OptionChange;
  readonly type: string;
  readonly default: T;
  readonly range: string;
  readonly unit: string;
  readonly sentence: string;
  readonly parse: (text: string) => T | undefined;
  /** What is wrong with a text that `parse` refuses, where `range` alone would leave one searching. */
  readonly explain?: (text: string) => string;
  readonly format: (value: T) => string;
};

/** `file`: names a path or what a store is made with: only whoever has the files may change it. */
export type OptionChange = 'live' | 'restart' | 'file';

export type OptionGroup =
  | 'Identity and addresses'
  | 'Name server'
  | 'Threads and memory'
  | 'Storage'
  | 'Topics and messages'
  | 'Consuming'
  | 'Transactions'
  | 'Limits'
  | 'Operation';

type Row<T> = Omit<Option<T>, 'type' | 'range' | 'parse' | 'format' | 'origin' | 'unit' | 'change'> & {
  readonly unit?: string;
  readonly change?: OptionChange;
  readonly origin?: 'rocketmq' | 'ringmq';
};

/** Sizes are in bytes. */
export const KIB = 1024;
export const MIB = 1024 * KIB;
export const GIB = 1024 * MIB;
/** What names of clusters, brokers and topics are made of. */
export const NAME = /^[%|a-zA-Z0-9_-]+$/;

/** A whole number from `min` to `max`. */
export function integer(row: Row<number> & { readonly min: number; readonly max: number }): Option<number> {
  const { min, max, ...rest } = row;
  const parse = (text: string): number | undefined => {
    if (!/^-?\d{1,16}$/.test(text)) return undefined;
    const value = Number(text);
    return value >= min && value <= max ? value : undefined;
  };
  return {
    origin: 'rocketmq',
    unit: '',
    change: 'restart',
    ...rest,
    type: 'integer',
    range: `an integer from ${min} to ${max}`,
    parse,
    format: String,
  };
}

/** A power of two from `min` to `max`. */
export function powerOfTwo(row: Row<number> & { readonly min: number; readonly max: number }): Option<number> {
  const inner = integer(row);
  const parse = (text: string): number | undefined => {
    const value = inner.parse(text);
    return value !== undefined && Number.isInteger(Math.log2(value)) ? value : undefined;
  };
  return { ...inner, range: `a power of two from ${row.min} to ${row.max}`, parse };
}

/** `true` or `false`, in whatever case. */
export function boolean(row: Row<boolean>): Option<boolean> {
  const words: Readonly<Record<string, boolean>> = { true: true, false: false };
  const parse = (text: string): boolean | undefined => words[text.toLowerCase()];
  return { origin: 'rocketmq', unit: '', change: 'restart', ...row, type: 'boolean', range: 'true or false', parse, format: String };
}

/** One of some words, in whatever case; `why` says why there are no others. */
export function choice<const T extends string>(
  row: Omit<Row<string>, 'default'> & { readonly default: T; readonly choices: readonly T[]; readonly why?: string },
): Option<T> {
  const { choices, why, ...rest } = row;
  const parse = (text: string): T | undefined => choices.find((each) => each.toLowerCase() === text.toLowerCase());
  const range = choices.join(' or ') + (why === undefined ? '' : ` (${why})`);
  return { origin: 'rocketmq', unit: '', change: 'restart', ...rest, type: 'word', range, parse, format: (value) => value };
}

/** At most `charsMax` characters that match `pattern`. */
export function text(row: Row<string> & { readonly pattern: RegExp; readonly charsMax: number; readonly range: string }): Option<string> {
  const { pattern, charsMax, range, ...rest } = row;
  const parse = (value: string): string | undefined => (value.length <= charsMax && pattern.test(value) ? value : undefined);
  return { origin: 'rocketmq', unit: '', change: 'restart', ...rest, type: 'text', range, parse, format: (value) => value };
}
