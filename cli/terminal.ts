/**
 * Where a command's words go: results to standard output, the rest to standard error. Knows whether somebody looks (a terminal) and how wide that is.
 * A reader that goes away (`| head`) ends the command, as other commands end.
 */
import { stripVTControlCharacters } from 'node:util';
import { type Column, formatTable } from './text-table.ts';

/** What a stream must be able to; tests give their own. */
export type OutputStream = {
  write(text: string): boolean;
  once(event: 'drain', listener: () => void): unknown;
  readonly isTTY?: boolean;
  readonly columns?: number;
  readonly rows?: number;
};

export type Style = 'bold' | 'dim' | 'red' | 'green' | 'yellow';
const CODES: Readonly<Record<Style, readonly [number, number]>> = {
  bold: [1, 22],
  dim: [2, 22],
  red: [31, 39],
  green: [32, 39],
  yellow: [33, 39],
};

export class Terminal {
  readonly #out: OutputStream;
  readonly #error: OutputStream;
  readonly #colours: boolean;
  /** Set when the command shall print JSON. */
  isJson = false;

  /** @param environment NO_COLOR (not empty) and TERM=dumb switch colours off (https://no-color.org); COLUMNS tells the width of what tells none. */
  constructor(out: OutputStream, error: OutputStream, environment: Readonly<Record<string, string | undefined>>) {
    this.#out = out;
    this.#error = error;
    this.#colours = out.isTTY === true && (environment['NO_COLOR'] ?? '') === '' && environment['TERM'] !== 'dumb';
  }

  get isTty(): boolean {
    return this.#out.isTTY === true;
  }

  /** Whether standard error is looked at: only then progress is shown. */
  get hasProgress(): boolean {
    return this.#error.isTTY === true;
  }

  /** Columns of the terminal; Infinity when standard output is none: a pipe gets all. */
  get columns(): number {
    return this.isTty ? Math.max(20, this.#out.columns ?? 80) : Number.POSITIVE_INFINITY;
  }

  get rows(): number {
    return this.#out.rows ?? 24;
  }

  /** Columns for lines on standard error. */
  get noteColumns(): number {
    return this.#error.isTTY === true ? Math.max(20, this.#error.columns ?? 80) : Number.POSITIVE_INFINITY;
  }

  style(style: Style, text: string): string {
    if (!this.#colours || text === '') return text;
    const [on, off] = CODES[style];
    return `\x1b[${on}m${text}\x1b[${off}m`;
  }

  /** A line of the result, or several. */
  print(line: string): void {
    this.#out.write(`${harmless(line)}\n`);
  }

  /** Resolves when the reader has room; for those that print without end. */
  async printSlowly(line: string): Promise<void> {
    if (!this.#out.write(`${harmless(line)}\n`)) await new Promise<void>((resolve) => this.#out.once('drain', resolve));
  }

  /** A JSON value on a line of its own. */
  json(value: unknown): void {
    this.print(JSON.stringify(value));
  }

  table(layout: readonly Column[], rows: readonly (readonly string[])[]): void {
    this.print(formatTable(layout, rows, this.columns, (line) => this.style('bold', line)));
  }

  /** A line that is no result: a warning, what was done. */
  note(line: string): void {
    const shown = harmless(line);
    this.#error.write(`${this.#error.isTTY === true ? shown : stripVTControlCharacters(shown)}\n`);
  }

  /** Raw text to a terminal's standard error, for progress. */
  raw(text: string): void {
    this.#error.write(text);
  }

  /** Draws from the top left corner and clears what was there. */
  redraw(lines: readonly string[]): void {
    const shown = lines.slice(0, this.rows - 1);
    this.#out.write(`\x1b[H${shown.map((line) => `${line}\x1b[K`).join('\n')}\n\x1b[J`);
  }

  clear(): void {
    this.#out.write('\x1b[2J\x1b[H');
  }
}

/** Names and remarks come from brokers: whatever moves a cursor or reorders a line becomes `?`; our own colours and ends of lines stay. */
function harmless(text: string): string {
  return text.replaceAll(/\x1b\[[0-9]{1,2}m|[\x00-\x08\x0b-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069]/g, (found) =>
    found.length > 1 ? found : '?',
  );
}
