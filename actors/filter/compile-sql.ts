/**
 * Compiles a SQL92 filter to closures over a message's properties. Pure; no code is generated from text. Three-valued logic with a fourth
 * outcome, an error of evaluation (a property that is no number where one is needed), which ends the evaluation: the message does not match.
 * Source: RocketMQ 5.3 `ComparisonExpression`, `LogicExpression`, `UnaryExpression`, `BooleanConstantExpression`.
 */
import { parseSql } from './parse-sql.ts';
import type { Comparison, NumberType, SqlExpression } from './sql-expression.ts';
import { SqlFault } from './sql-tokens.ts';

/** Where a filter gets its properties from: the value of the property that `names[index]` of the filter names. */
export interface PropertySource {
  property(index: number): string | undefined;
}

export type SqlFilter = {
  /** The properties that the filter looks at. */
  readonly names: readonly string[];
  matches(source: PropertySource): boolean;
};

export type SqlRefusal = { readonly remark: string; readonly at: number };

/** A filter, or why the expression is none and at which character. */
export function compileSql(text: string): SqlFilter | SqlRefusal {
  try {
    const names: string[] = [];
    const test = compileTruth(parseSql(text), names);
    return { names, matches: (source) => test(source) === TRUE };
  } catch (error) {
    if (!(error instanceof SqlFault)) throw error;
    return { remark: `${error.message}, at character ${error.at + 1}`, at: error.at };
  }
}

type Truth = 0 | 1 | 2 | 3;
const FALSE = 0;
const TRUE = 1;
const UNKNOWN = 2;
const ERROR = 3;

type TruthOf = (source: PropertySource) => Truth;
type TextOf = (source: PropertySource) => string | undefined;
type Numeric = number | bigint;

const truth = (value: boolean): Truth => (value ? TRUE : FALSE);
const constant =
  (value: Truth): TruthOf =>
  () =>
    value;

function compileTruth(expression: SqlExpression, names: string[]): TruthOf {
  switch (expression.kind) {
    case 'boolean':
      return constant(truth(expression.value));
    case 'null':
    case 'string':
    case 'number':
      return constant(UNKNOWN);
    case 'negated': {
      // Nothing, but what it is the minus of may fail.
      const operand = compileTruth(expression.operand, names);
      return (source) => (operand(source) === ERROR ? ERROR : UNKNOWN);
    }
    case 'property': {
      const text = textOf(expression, names);
      return (source) => (text(source) === undefined ? UNKNOWN : FALSE);
    }
    case 'not': {
      const operand = compileTruth(expression.operand, names);
      return (source) => {
        const value = operand(source);
        return value >= UNKNOWN ? value : value === TRUE ? FALSE : TRUE;
      };
    }
    case 'and':
      return compileLogic(expression.left, expression.right, FALSE, names);
    case 'or':
      return compileLogic(expression.left, expression.right, TRUE, names);
    case 'compare':
      return compileComparison(expression.comparison, expression.left, expression.right, names);
    case 'is-null':
      return compileIsNull(expression.operand, names);
    case 'in': {
      const text = textOf(expression.operand, names);
      const values = new Set(expression.values);
      return (source) => {
        const value = text(source);
        return value === undefined ? UNKNOWN : truth(values.has(value));
      };
    }
    case 'text-test':
      return compileTextTest(expression, names);
    default:
      return expression satisfies never;
  }
}

/** AND and OR: `decisive` on one side decides, whatever the other says; the right side is not asked then. */
function compileLogic(leftSide: SqlExpression, rightSide: SqlExpression, decisive: Truth, names: string[]): TruthOf {
  const left = compileTruth(leftSide, names);
  const right = compileTruth(rightSide, names);
  return (source) => {
    const first = left(source);
    if (first === decisive || first === ERROR) return first;
    const second = right(source);
    if (second === decisive || second === ERROR) return second;
    return first === UNKNOWN ? UNKNOWN : second;
  };
}

function compileIsNull(operand: SqlExpression, names: string[]): TruthOf {
  if (operand.kind === 'string' || operand.kind === 'number') return constant(FALSE);
  if (operand.kind === 'property') {
    const text = textOf(operand, names);
    return (source) => truth(text(source) === undefined);
  }
  const value = compileTruth(operand, names);
  return (source) => {
    const known = value(source);
    return known === ERROR ? ERROR : truth(known === UNKNOWN);
  };
}

function compileTextTest(expression: Extract<SqlExpression, { kind: 'text-test' }>, names: string[]): TruthOf {
  const { operand, value, isNot } = expression;
  // Nothing contains the empty text: what is looked at is not even asked, and cannot fail.
  if (value === '') return constant(FALSE);
  // Of what is no text nothing is said.
  if (!isText(operand)) {
    const asked = compileTruth(operand, names);
    return (source) => (asked(source) === ERROR ? ERROR : FALSE);
  }
  const text = textOf(operand, names);
  const method = { CONTAINS: 'includes', STARTSWITH: 'startsWith', ENDSWITH: 'endsWith' } as const;
  const test = method[expression.test];
  return (source) => {
    const found = text(source);
    return found === undefined ? FALSE : truth(found[test](value) !== isNot);
  };
}

function textOf(expression: SqlExpression, names: string[]): TextOf {
  if (expression.kind === 'string') {
    const { value } = expression;
    return () => value;
  }
  const { name } = expression as Extract<SqlExpression, { kind: 'property' }>;
  let index = names.indexOf(name);
  if (index < 0) index = names.push(name) - 1;
  return (source) => source.property(index);
}

const isText = (expression: SqlExpression): boolean => expression.kind === 'property' || expression.kind === 'string';

function compileComparison(comparison: Comparison, left: SqlExpression, right: SqlExpression, names: string[]): TruthOf {
  if (left.kind === 'number' && right.kind === 'number') return constant(truth(compareNumbers(comparison, left.value, right.value)));
  const whenAbsent = ABSENCES[comparison];
  if (isText(left) && isText(right)) return compileTexts(comparison, left, right, names);
  if (isText(left) && right.kind === 'number') return compileWithNumber(comparison, left, right, false, names);
  if (isText(right) && left.kind === 'number') return compileWithNumber(comparison, right, left, true, names);
  // One side at least is true, false or nothing: only equality is left, and the order of what can never be compared.
  const first = presence(left, names);
  const second = presence(right, names);
  const whenEqual = truth(comparison === '=');
  const whenNot = truth(comparison !== '=');
  const text = isText(left) ? textOf(left, names) : null;
  const isMixed = left.kind === 'number' || right.kind === 'number';
  return (source) => {
    const a = first(source);
    if (a === ERROR) return ERROR;
    const b = second(source);
    if (b === ERROR) return ERROR;
    if (a === UNKNOWN || b === UNKNOWN) return whenAbsent(a === UNKNOWN, b === UNKNOWN);
    if (isText(right)) return ERROR;
    if (isMixed) return whenNot;
    const isTrue = text === null ? a : truth((text(source) as string).toLowerCase() === 'true');
    return isTrue === b ? whenEqual : whenNot;
  };
}

/** What a comparison says when one side, or both, have no value. Two absent values are equal; an absent right side differs from a left one. */
const ABSENCES: Record<Comparison, (isLeftAbsent: boolean, isRightAbsent: boolean) => Truth> = {
  '=': (isLeft, isRight) => (isLeft && isRight ? TRUE : isLeft ? UNKNOWN : FALSE),
  '<>': (isLeft, isRight) => (isLeft && isRight ? FALSE : isLeft ? UNKNOWN : TRUE),
  '<': () => UNKNOWN,
  '<=': () => UNKNOWN,
  '>': () => UNKNOWN,
  '>=': () => UNKNOWN,
};

function compileTexts(comparison: Comparison, left: SqlExpression, right: SqlExpression, names: string[]): TruthOf {
  const isEquality = comparison === '=' || comparison === '<>';
  const whenAbsent = ABSENCES[comparison];
  const first = textOf(left, names);
  const second = textOf(right, names);
  return (source) => {
    const a = first(source);
    const b = second(source);
    if (a === undefined || b === undefined) return whenAbsent(a === undefined, b === undefined);
    if (isEquality) return truth((a === b) === (comparison === '='));
    const x = toDouble(a);
    const y = toDouble(b);
    return x === undefined || y === undefined ? ERROR : truth(compareNumbers(comparison, x, y));
  };
}

/** TRUE or FALSE when there is a value: of texts and numbers always TRUE. */
function presence(expression: SqlExpression, names: string[]): TruthOf {
  if (expression.kind === 'number') return constant(TRUE);
  if (!isText(expression)) return compileTruth(expression, names);
  const text = textOf(expression, names);
  return (source) => (text(source) === undefined ? UNKNOWN : TRUE);
}

/** A text beside a literal is read as the literal's type. */
function compileWithNumber(
  comparison: Comparison,
  side: SqlExpression,
  literal: Extract<SqlExpression, { kind: 'number' }>,
  isReversed: boolean,
  names: string[],
): TruthOf {
  const text = textOf(side, names);
  const { value, type } = literal;
  const read = readers[type];
  const whenAbsent = ABSENCES[comparison](!isReversed, isReversed);
  return (source) => {
    const found = text(source);
    if (found === undefined) return whenAbsent;
    const number = read(found);
    if (number === undefined) return ERROR;
    return truth(isReversed ? compareNumbers(comparison, value, number) : compareNumbers(comparison, number, value));
  };
}

function compareNumbers(comparison: Comparison, a: Numeric, b: Numeric): boolean {
  const order = a < b ? -1 : a > b ? 1 : orderOfEquals(a, b);
  switch (comparison) {
    case '=':
      return order === 0;
    case '<>':
      return order !== 0;
    case '<':
      return order < 0;
    case '<=':
      return order <= 0;
    case '>':
      return order > 0;
    case '>=':
      return order >= 0;
    default:
      return comparison satisfies never;
  }
}

/** As `Double.compareTo`: NaN is above all and equal to itself, −0 below 0. */
function orderOfEquals(a: Numeric, b: Numeric): number {
  const first = Number(a);
  const second = Number(b);
  if (Number.isNaN(first) || Number.isNaN(second)) return Number(Number.isNaN(first)) - Number(Number.isNaN(second));
  if (first !== 0) return 0;
  return Number(Object.is(second, -0)) - Number(Object.is(first, -0));
}

const INTEGER = /^[+-]?[0-9]+$/;
const DOUBLE = /^[+-]?(?:[0-9]+\.?[0-9]*|\.[0-9]+)(?:[eE][+-]?[0-9]+)?[fFdD]?$/;
const SAFE_DIGITS = 15;

/** As Java reads texts; undefined: it is not one. */
const readers: Record<NumberType, (text: string) => Numeric | undefined> = {
  int: (text) => {
    const value = toInteger(text);
    return value !== undefined && value >= -0x80000000 && value <= 0x7fffffff ? value : undefined;
  },
  long: (text) => {
    const value = toInteger(text);
    return value !== undefined && value >= -(2n ** 63n) && value < 2n ** 63n ? value : undefined;
  },
  double: toDouble,
};

function toInteger(text: string): Numeric | undefined {
  if (!INTEGER.test(text)) return undefined;
  // Integers have one zero: Number('-0') is another.
  if (text.length <= SAFE_DIGITS) return Number(text) + 0;
  // No number of 64 bits has more digits, leading zeros aside.
  return text.length > 1_000 ? undefined : BigInt(text.startsWith('+') ? text.slice(1) : text);
}

function toDouble(text: string): number | undefined {
  // What Java trims.
  const trimmed = text.replace(/^[\u0000-\u0020]+|[\u0000-\u0020]+$/g, '');
  if (DOUBLE.test(trimmed)) return Number(trimmed.replace(/[fFdD]$/, ''));
  const named = /^([+-]?)(NaN|Infinity)$/.exec(trimmed);
  if (named !== null) return named[2] === 'NaN' ? Number.NaN : named[1] === '-' ? Number.NEGATIVE_INFINITY : Number.POSITIVE_INFINITY;
  return toHexDouble(trimmed);
}

const HEX = /^([+-]?)0[xX]([0-9a-fA-F]*)\.?([0-9a-fA-F]*)[pP]([+-]?[0-9]+)[fFdD]?$/;
const HEX_DIGITS_MAX = 256;

function toHexDouble(text: string): number | undefined {
  const parts = HEX.exec(text);
  if (parts === null) return undefined;
  const [, sign, whole = '', fraction = '', exponent = ''] = parts;
  const digits = whole + fraction;
  if (digits === '' || digits.length > HEX_DIGITS_MAX) return undefined;
  const value = Number(BigInt(`0x${digits}`)) * 2 ** (Number(exponent) - 4 * fraction.length);
  return sign === '-' ? -value : value;
}
