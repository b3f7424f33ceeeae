/**
 * Tokens of a SQL92 filter, made one at a time as the parser asks: what follows a complete expression is never looked at, as in RocketMQ. Pure.
 * Source: RocketMQ 5.3 `SelectorParser.jj`.
 */

/** Why an expression is refused, and where: `at` counts characters from 0. */
export class SqlFault extends Error {
  readonly at: number;

  constructor(text: string, at: number) {
    super(text);
    this.at = at;
  }
}

export type SqlTokenKind = 'word' | 'keyword' | 'string' | 'integer' | 'float' | 'symbol' | 'end';

/** `text`: of a keyword in upper case, of a string its value, of anything else as written. */
export type SqlToken = { readonly kind: SqlTokenKind; readonly text: string; readonly at: number };

const KEYWORDS = new Set(['NOT', 'AND', 'OR', 'BETWEEN', 'IN', 'TRUE', 'FALSE', 'NULL', 'IS', 'CONTAINS', 'STARTSWITH', 'ENDSWITH']);

// Sticky, without nested repetition: linear in the length of the text.
const BLANK = /[ \t\n\r\f]+/y;
/** Ends with its line: without that it is two signs. */
const LINE_COMMENT = /--[^\n\r]*[\n\r]/y;
const BLOCK_COMMENT = /\/\*[\s\S]*?\*\//y;
const WORD = /[A-Za-z_$][A-Za-z0-9_$]*/y;
const FLOAT = /[0-9]+\.[0-9]*(?:[eE][+-]?[0-9]+)?|\.[0-9]+(?:[eE][+-]?[0-9]+)?|[0-9]+[eE][+-]?[0-9]+/y;
const INTEGER = /0|[1-9][0-9]*[lL]?/y;
const STRING = /'(?:[^']|'')*'/y;
const SYMBOL = /<>|<=|>=|[=<>(),+-]/y;

export class SqlTokens {
  readonly #text: string;
  #at = 0;

  constructor(text: string) {
    this.#text = text;
  }

  next(): SqlToken {
    while (this.#take(BLANK) !== null || this.#take(LINE_COMMENT) !== null || this.#take(BLOCK_COMMENT) !== null);
    const at = this.#at;
    if (at === this.#text.length) return { kind: 'end', text: '', at };
    const word = this.#take(WORD);
    if (word !== null) {
      const upper = word.toUpperCase();
      return KEYWORDS.has(upper) ? { kind: 'keyword', text: upper, at } : { kind: 'word', text: word, at };
    }
    const float = this.#take(FLOAT);
    if (float !== null) return { kind: 'float', text: float, at };
    const integer = this.#take(INTEGER);
    if (integer !== null) return { kind: 'integer', text: integer, at };
    const string = this.#take(STRING);
    if (string !== null) return { kind: 'string', text: string.slice(1, -1).replaceAll("''", "'"), at };
    const symbol = this.#take(SYMBOL);
    if (symbol !== null) return { kind: 'symbol', text: symbol, at };
    const found = this.#text[at] as string;
    throw new SqlFault(found === "'" ? 'a string without its closing quote' : `unexpected character ${JSON.stringify(found)}`, at);
  }

  #take(pattern: RegExp): string | null {
    pattern.lastIndex = this.#at;
    const found = pattern.exec(this.#text)?.[0] ?? null;
    if (found !== null) this.#at += found.length;
    return found;
  }
}
