/**
 * Parses a SQL92 filter. Pure; linear in the length of the text, nested to a limit. Refuses with `SqlFault` what RocketMQ's parser
 * refuses, operands that cannot be compared included, and like it ignores what follows a complete expression.
 * Source: RocketMQ 5.3 `SelectorParser.jj`, `ComparisonExpression.checkLessThanOperand`, `checkEqualOperand`, `createBetween`.
 */
import type { Comparison, NumberType, SqlExpression, TextTest } from './sql-expression.ts';
import { SqlFault, type SqlToken, SqlTokens } from './sql-tokens.ts';

/** Characters of an expression. */
export const SQL_LENGTH_MAX = 65_536;
/** Parentheses and signs within each other; operators in a row are not limited but by the length. */
const DEPTH_MAX = 200;
const LONG_MAX = 2n ** 63n - 1n;
const INT_MAX = 2n ** 31n - 1n;
const ORDERS = new Set(['<', '<=', '>', '>=']);
const TEXT_TESTS = new Set(['CONTAINS', 'STARTSWITH', 'ENDSWITH']);

/** Throws `SqlFault`. The result is a boolean expression. */
export function parseSql(text: string): SqlExpression {
  if (text.length > SQL_LENGTH_MAX) throw new SqlFault(`${text.length} characters, ${SQL_LENGTH_MAX} are the most`, SQL_LENGTH_MAX);
  return new Parser(text).parse();
}

class Parser {
  readonly #tokens: SqlTokens;
  #token: SqlToken;
  #depth = 0;

  constructor(text: string) {
    this.#tokens = new SqlTokens(text);
    this.#token = this.#tokens.next();
  }

  parse(): SqlExpression {
    return asBoolean(this.#or());
  }

  #advance(): SqlToken {
    const token = this.#token;
    this.#token = this.#tokens.next();
    return token;
  }

  #isKeyword(...names: readonly string[]): boolean {
    return this.#token.kind === 'keyword' && names.includes(this.#token.text);
  }

  #isSymbol(symbol: string): boolean {
    return this.#token.kind === 'symbol' && this.#token.text === symbol;
  }

  #expect(isIt: boolean, what: string): SqlToken {
    if (isIt) return this.#advance();
    const { kind, text, at } = this.#token;
    throw new SqlFault(`expected ${what}, found ${kind === 'end' ? 'the end' : JSON.stringify(text)}`, at);
  }

  #keyword(name: string): void {
    this.#expect(this.#isKeyword(name), name);
  }

  #symbol(symbol: string): void {
    this.#expect(this.#isSymbol(symbol), JSON.stringify(symbol));
  }

  #string(): string {
    return this.#expect(this.#token.kind === 'string', 'a string').text;
  }

  #or(): SqlExpression {
    let left = this.#and();
    while (this.#isKeyword('OR')) {
      const { at } = this.#advance();
      left = { kind: 'or', left: asBoolean(left), right: asBoolean(this.#and()), at };
    }
    return left;
  }

  #and(): SqlExpression {
    let left = this.#equality();
    while (this.#isKeyword('AND')) {
      const { at } = this.#advance();
      left = { kind: 'and', left: asBoolean(left), right: asBoolean(this.#equality()), at };
    }
    return left;
  }

  #equality(): SqlExpression {
    let left = this.#comparison();
    for (;;) {
      if (this.#isSymbol('=') || this.#isSymbol('<>')) {
        const { text, at } = this.#advance();
        left = equal(text as Comparison, left, this.#comparison(), at);
      } else if (this.#isKeyword('IS')) {
        const { at } = this.#advance();
        const isNot = this.#isKeyword('NOT');
        if (isNot) this.#advance();
        this.#keyword('NULL');
        const isNull: SqlExpression = { kind: 'is-null', operand: left, at };
        left = isNot ? { kind: 'not', operand: isNull, at } : isNull;
      } else {
        return left;
      }
    }
  }

  #comparison(): SqlExpression {
    let left = this.#unary();
    for (;;) {
      if (this.#token.kind === 'symbol' && ORDERS.has(this.#token.text)) {
        const { text, at } = this.#advance();
        left = order(text as Comparison, left, this.#unary(), at);
        continue;
      }
      const isNot = this.#isKeyword('NOT');
      if (!isNot && !this.#isKeyword('BETWEEN', 'IN', 'CONTAINS', 'STARTSWITH', 'ENDSWITH')) return left;
      const { at } = this.#token;
      if (isNot) this.#advance();
      left = this.#test(left, isNot, at);
    }
  }

  #test(left: SqlExpression, isNot: boolean, at: number): SqlExpression {
    const test = this.#expect(this.#isKeyword('BETWEEN', 'IN', ...TEXT_TESTS), 'BETWEEN, IN, CONTAINS, STARTSWITH or ENDSWITH').text;
    if (TEXT_TESTS.has(test)) return { kind: 'text-test', test: test as TextTest, isNot, operand: left, value: this.#string(), at };
    const positive = test === 'IN' ? this.#in(left, at) : this.#between(left, isNot, at);
    return isNot ? { kind: 'not', operand: positive, at } : positive;
  }

  #in(operand: SqlExpression, at: number): SqlExpression {
    this.#symbol('(');
    const values = [this.#string()];
    while (this.#isSymbol(',')) {
      this.#advance();
      values.push(this.#string());
    }
    this.#symbol(')');
    if (operand.kind !== 'property') throw new SqlFault('left of IN stands a property', operand.at);
    return { kind: 'in', operand, values, at };
  }

  #between(operand: SqlExpression, isNot: boolean, at: number): SqlExpression {
    const low = this.#unary();
    this.#keyword('AND');
    const high = this.#unary();
    const left = order('>=', operand, low, at);
    const right = order('<=', operand, high, at);
    if (!isNot && isLiteral(low) && isLiteral(high) && low.value > high.value) {
      throw new SqlFault(`BETWEEN from ${low.value} to ${high.value}: the lower bound comes first`, low.at);
    }
    return { kind: 'and', left, right, at };
  }

  #unary(): SqlExpression {
    if (++this.#depth > DEPTH_MAX) throw new SqlFault(`nested more than ${DEPTH_MAX} deep`, this.#token.at);
    try {
      if (this.#isSymbol('+')) {
        this.#advance();
        return this.#unary();
      }
      if (this.#isSymbol('-')) {
        const { at } = this.#advance();
        const operand = this.#unary();
        if (operand.kind !== 'number') return { kind: 'negated', operand, at };
        return { ...operand, value: minus(operand), isSigned: true, at };
      }
      if (this.#isKeyword('NOT')) {
        const { at } = this.#advance();
        return { kind: 'not', operand: asBoolean(this.#unary()), at };
      }
      return this.#primary();
    } finally {
      this.#depth--;
    }
  }

  #primary(): SqlExpression {
    const { kind, text, at } = this.#token;
    if (this.#isSymbol('(')) {
      this.#advance();
      const inner = this.#or();
      this.#symbol(')');
      return inner;
    }
    if (this.#isKeyword('TRUE', 'FALSE', 'NULL')) {
      this.#advance();
      return text === 'NULL' ? { kind: 'null', at } : { kind: 'boolean', value: text === 'TRUE', at };
    }
    if (kind === 'word' || kind === 'string' || kind === 'integer' || kind === 'float') {
      this.#advance();
      if (kind === 'word') return { kind: 'property', name: text, at };
      if (kind === 'string') return { kind: 'string', value: text, at };
      return kind === 'integer' ? integer(text, at) : float(text, at);
    }
    throw new SqlFault(`expected a value, found ${kind === 'end' ? 'the end' : JSON.stringify(text)}`, at);
  }
}

function integer(text: string, at: number): SqlExpression {
  const value = BigInt(text.replace(/[lL]$/, ''));
  if (value > LONG_MAX) throw new SqlFault(`${text} is beyond 64 bits, ${LONG_MAX} is the most`, at);
  const type: NumberType = value <= INT_MAX ? 'int' : 'long';
  return { kind: 'number', value: value <= BigInt(Number.MAX_SAFE_INTEGER) ? Number(value) : value, type, isSigned: false, at };
}

function float(text: string, at: number): SqlExpression {
  const value = Number(text);
  // RocketMQ takes the least positive number for the least one.
  if (value < Number.MIN_VALUE) throw new SqlFault(`${text} is not above 0; write 0`, at);
  if (value === Number.POSITIVE_INFINITY) throw new SqlFault(`${text} is beyond the numbers of 64 bits`, at);
  return { kind: 'number', value, type: 'double', isSigned: false, at };
}

function isLiteral(expression: SqlExpression): expression is Extract<SqlExpression, { kind: 'number' }> {
  return expression.kind === 'number' && !expression.isSigned;
}

function isBoolean(expression: SqlExpression): boolean {
  const { kind } = expression;
  return kind !== 'property' && kind !== 'string' && kind !== 'number' && kind !== 'negated';
}

/** A property that stands for itself is one: it never matches. */
function asBoolean(expression: SqlExpression): SqlExpression {
  if (isBoolean(expression) || expression.kind === 'property') return expression;
  throw new SqlFault('it is not true or false', expression.at);
}

function order(comparison: Comparison, left: SqlExpression, right: SqlExpression, at: number): SqlExpression {
  for (const operand of [left, right]) {
    if (isBoolean(operand) || operand.kind === 'string') {
      throw new SqlFault(`${comparison} compares numbers and properties only`, operand.at);
    }
  }
  return { kind: 'compare', comparison, left, right, at };
}

function equal(comparison: Comparison, left: SqlExpression, right: SqlExpression, at: number): SqlExpression {
  for (const operand of [left, right]) {
    if (operand.kind === 'null') throw new SqlFault(`${comparison} does not compare with NULL; say IS NULL or IS NOT NULL`, operand.at);
  }
  if (left.kind === 'boolean' && (right.kind === 'string' || isLiteral(right))) {
    throw new SqlFault('true or false cannot be compared with it', right.at);
  }
  return { kind: 'compare', comparison, left, right, at };
}

/** Integers have one zero, doubles two. */
function minus({ value, type }: Extract<SqlExpression, { kind: 'number' }>): number | bigint {
  if (typeof value === 'bigint') return -value;
  return type === 'double' ? -value : 0 - value;
}
