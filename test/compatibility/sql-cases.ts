/** Random SQL92 expressions and properties from a seed, right ones and wrong ones, of the kinds in which implementations differ. Pure. */

export type SqlCase = { readonly expression: string; readonly properties: Readonly<Record<string, string>> };

const NUMBERS = '0 1 5 10 2147483647 2147483648 9223372036854775807 9223372036854775808 5L 7l 1.5 .5 1. 1e2 0.0 -3 +4 -0.0 007 1E-2'.split(
  ' ',
);
const STRINGS = ["'x'", "'abc'", "''", "'5'", "'it''s'", "'true'", "'1.5'"];
const PROPERTIES = ['a', 'b', 'c', '$x', '_y', 'A'];
const VALUES =
  '1|5|10|x|abc||true|TRUE|false|1.5|-3|+4|2147483648|9223372036854775807|9223372036854775808| 5|5 |0x1p3|NaN|Infinity|1e2|-0.0|0|2d|-2|5L'.split(
    '|',
  );
const ODDITIES = ['=', '<>', 'foo', ')', 'LIKE', "'x'", '/* c */ AND', '-- z\n OR', 'AND NOT', '#', 'IS', '+ 1 >'];
const DEPTH_MAX = 4;

export function sqlCases(seed: number, count: number): SqlCase[] {
  const generator = new Generator(seed);
  return Array.from({ length: count }, () => generator.next());
}

class Generator {
  #state: number;

  constructor(seed: number) {
    this.#state = seed >>> 0;
  }

  next(): SqlCase {
    let expression = this.#expression(Math.floor(this.#chance() * DEPTH_MAX));
    if (this.#chance() < 0.05) {
      const at = Math.floor(this.#chance() * expression.length);
      const rest = this.#chance() < 0.5 ? '' : this.#pick(["'", '(', ')', '.', '%', '=', '1']) + expression.slice(at);
      expression = expression.slice(0, at) + rest;
    }
    if (this.#chance() < 0.1) expression = expression.replace(/AND|OR|NOT|IN|BETWEEN/g, (word) => word.toLowerCase());
    const properties: Record<string, string> = {};
    for (const name of PROPERTIES.slice(0, -1)) if (this.#chance() < 0.7) properties[name] = this.#pick(VALUES);
    return { expression, properties };
  }

  /** Mulberry32. */
  #chance(): number {
    this.#state = (this.#state + 0x6d2b79f5) >>> 0;
    let mixed = this.#state;
    mixed = Math.imul(mixed ^ (mixed >>> 15), mixed | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 0x1_0000_0000;
  }

  #pick(from: readonly string[]): string {
    return from[Math.floor(this.#chance() * from.length)] as string;
  }

  #value(depth: number): string {
    const kind = this.#chance();
    if (kind < 0.45 || depth <= 0) return this.#pick(PROPERTIES);
    if (kind < 0.7) return this.#pick(NUMBERS);
    if (kind < 0.85) return this.#pick(STRINGS);
    if (kind < 0.9) return this.#pick(['TRUE', 'FALSE', 'NULL', 'true']);
    if (kind < 0.93) return `(${this.#expression(depth - 1)})`;
    return this.#pick(['+', '-', 'NOT ', '- ']) + this.#value(depth - 1);
  }

  #expression(depth: number): string {
    const kind = this.#chance();
    if (depth <= 0 || kind < 0.42) return this.#test(Math.max(depth, 1));
    const left = this.#expression(depth - 1);
    if (kind < 0.62) return `${left} AND ${this.#expression(depth - 1)}`;
    if (kind < 0.8) return `${left} OR ${this.#expression(depth - 1)}`;
    if (kind < 0.88) return `NOT (${left})`;
    if (kind < 0.95) return `(${left})`;
    return `${left} ${this.#pick(ODDITIES)} ${this.#expression(depth - 1)}`;
  }

  #test(depth: number): string {
    const kind = this.#chance();
    const not = this.#chance() < 0.3 ? 'NOT ' : '';
    const left = this.#value(depth);
    if (kind < 0.4) return `${left} ${this.#pick(['=', '<>', '>', '>=', '<', '<='])} ${this.#value(depth)}`;
    if (kind < 0.5) return `${left} IS ${not}NULL`;
    if (kind < 0.62) return `${left} ${not}BETWEEN ${this.#value(depth)} AND ${this.#value(depth)}`;
    if (kind < 0.74) {
      const items = Array.from({ length: 1 + Math.floor(this.#chance() * 3) }, () =>
        this.#chance() < 0.97 ? this.#pick(STRINGS) : this.#pick(NUMBERS),
      );
      return `${left} ${not}IN (${items.join(', ')})`;
    }
    if (kind < 0.88) {
      const right = this.#chance() < 0.95 ? this.#pick(STRINGS) : this.#value(depth);
      return `${left} ${not}${this.#pick(['CONTAINS', 'STARTSWITH', 'ENDSWITH'])} ${right}`;
    }
    return left;
  }
}
