/** The tree of a SQL92 filter, as the parser builds it and the compiler reads it. Types only. */

export type Comparison = '=' | '<>' | '<' | '<=' | '>' | '>=';
export type TextTest = 'CONTAINS' | 'STARTSWITH' | 'ENDSWITH';
/** A literal's type decides what a property's text is read as. */
export type NumberType = 'int' | 'long' | 'double';

export type SqlExpression =
  | { readonly kind: 'property'; readonly name: string; readonly at: number }
  | { readonly kind: 'string'; readonly value: string; readonly at: number }
  /** With a sign it counts as computed, not as written. */
  | {
      readonly kind: 'number';
      readonly value: number | bigint;
      readonly type: NumberType;
      readonly isSigned: boolean;
      readonly at: number;
    }
  | { readonly kind: 'boolean'; readonly value: boolean; readonly at: number }
  | { readonly kind: 'null'; readonly at: number }
  /** The minus of what is no number: nothing. */
  | { readonly kind: 'negated'; readonly operand: SqlExpression; readonly at: number }
  | { readonly kind: 'not'; readonly operand: SqlExpression; readonly at: number }
  | { readonly kind: 'and' | 'or'; readonly left: SqlExpression; readonly right: SqlExpression; readonly at: number }
  | {
      readonly kind: 'compare';
      readonly comparison: Comparison;
      readonly left: SqlExpression;
      readonly right: SqlExpression;
      readonly at: number;
    }
  | { readonly kind: 'is-null'; readonly operand: SqlExpression; readonly at: number }
  | { readonly kind: 'in'; readonly operand: SqlExpression; readonly values: readonly string[]; readonly at: number }
  | {
      readonly kind: 'text-test';
      readonly test: TextTest;
      readonly isNot: boolean;
      readonly operand: SqlExpression;
      readonly value: string;
      readonly at: number;
    };
