/**
 * JSON as fastjson writes it: beside plain JSON it has bare integers as keys (`{0:"a"}`) and objects as keys (`{{"topic":"T"}:5}`), and 64-bit
 * integers. Plain JSON goes through JSON.parse; only what that rejects through the parser below. Fails with a BodyError.
 * Bounded: nesting, and memory by the size of the text. No key can reach what objects inherit.
 * Source: fastjson 1.2.83 as RocketMQ uses it.
 */
import { BodyError } from '../errors.ts';

/** Objects and lists within one another. */
export const JSON_DEPTH_MAX = 64;

export type JsonValue = null | boolean | number | bigint | string | JsonValue[] | JsonObject | JsonKeyedMap;

/** An object as JSON has it; read its members with `Object.hasOwn` or `Object.entries` only. */
export type JsonObject = { [name: string]: JsonValue };

/** An object that has objects among its keys. */
export class JsonKeyedMap {
  readonly entries: (readonly [JsonValue, JsonValue])[];

  constructor(entries: (readonly [JsonValue, JsonValue])[]) {
    this.entries = entries;
  }
}

/** The value in a body's bytes. */
export function parseJsonBody(bytes: Uint8Array): JsonValue {
  return parseTolerantJson(Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length).toString('utf8'));
}

/** The value of a text. Integers beyond ±(2^53 − 1) come as bigint. */
export function parseTolerantJson(text: string): JsonValue {
  refuseDepth(text);
  try {
    // Only a text with so many digits in a row can hold an integer that a double would bend.
    return LONG_DIGITS.test(text)
      ? JSON.parse(text, keepLongs as (this: unknown, key: string, value: unknown) => unknown)
      : JSON.parse(text);
  } catch {
    return new TolerantParser(text).parse();
  }
}

const LONG_DIGITS = /[0-9]{16}/;
const INTEGER = /^-?[0-9]{1,40}$/;

function keepLongs(this: unknown, _key: string, value: unknown, context: { source?: string }): unknown {
  if (typeof value !== 'number' || Number.isSafeInteger(value) || context.source === undefined) return value;
  return INTEGER.test(context.source) ? BigInt(context.source) : value;
}

/** Counts brackets outside strings, before any parser recurses or builds. */
function refuseDepth(text: string): void {
  let depth = 0;
  let isString = false;
  for (let at = 0; at < text.length; at++) {
    const unit = text.charCodeAt(at);
    if (isString) {
      if (unit === 0x5c) at++;
      else if (unit === 0x22) isString = false;
    } else if (unit === 0x22) {
      isString = true;
    } else if (unit === 0x7b || unit === 0x5b) {
      if (++depth > JSON_DEPTH_MAX) throw new BodyError(`The JSON is nested deeper than ${JSON_DEPTH_MAX}`);
    } else if (unit === 0x7d || unit === 0x5d) {
      depth--;
    }
  }
}

const NUMBER = /-?[0-9]+(?:\.[0-9]+)?(?:[eE][+-]?[0-9]+)?/y;
const WORD = /true|false|null/y;
const BLANKS = /[ \t\r\n]*/y;

class TolerantParser {
  readonly #text: string;
  #at = 0;

  constructor(text: string) {
    this.#text = text;
  }

  parse(): JsonValue {
    const value = this.#value();
    this.#skipBlanks();
    if (this.#at < this.#text.length) throw this.#error('something after the value');
    return value;
  }

  #value(): JsonValue {
    this.#skipBlanks();
    const character = this.#text[this.#at];
    if (character === '{') return this.#object();
    if (character === '[') return this.#list();
    if (character === '"') return this.#string();
    const word = this.#match(WORD);
    if (word !== null) return word === 'null' ? null : word === 'true';
    const number = this.#match(NUMBER);
    if (number === null) throw this.#error('a value is needed');
    const value = Number(number);
    return Number.isSafeInteger(value) || !INTEGER.test(number) ? value : BigInt(number);
  }

  #list(): JsonValue[] {
    const list: JsonValue[] = [];
    this.#at++;
    if (this.#takes(']')) return list;
    for (;;) {
      list.push(this.#value());
      if (this.#takes(']')) return list;
      if (!this.#takes(',')) throw this.#error('`,` or `]` is needed');
    }
  }

  #object(): JsonObject | JsonKeyedMap {
    const entries: [JsonValue, JsonValue][] = [];
    let hasObjectKeys = false;
    this.#at++;
    if (!this.#takes('}')) {
      for (;;) {
        const key = this.#key();
        if (typeof key === 'object') hasObjectKeys = true;
        if (!this.#takes(':')) throw this.#error('`:` is needed');
        entries.push([key, this.#value()]);
        if (this.#takes('}')) break;
        if (!this.#takes(',')) throw this.#error('`,` or `}` is needed');
      }
    }
    return hasObjectKeys ? new JsonKeyedMap(entries) : (Object.fromEntries(entries) as JsonObject);
  }

  #key(): JsonValue {
    this.#skipBlanks();
    const character = this.#text[this.#at];
    if (character === '"') return this.#string();
    if (character === '{') return this.#object();
    const number = this.#match(NUMBER);
    if (number === null || !INTEGER.test(number)) throw this.#error('a key is needed: a string, an integer or an object');
    return number;
  }

  #string(): string {
    const start = this.#at;
    for (let at = start + 1; at < this.#text.length; at++) {
      const unit = this.#text.charCodeAt(at);
      if (unit === 0x5c) {
        at++;
      } else if (unit === 0x22) {
        this.#at = at + 1;
        return this.#literal(this.#text.slice(start, at + 1));
      }
    }
    throw this.#error('a string without its end');
  }

  #literal(text: string): string {
    try {
      return JSON.parse(text) as string;
    } catch (cause) {
      throw new BodyError(`The JSON is broken before ${this.#at}: a string with an unknown escape or a control character`, { cause });
    }
  }

  #match(pattern: RegExp): string | null {
    pattern.lastIndex = this.#at;
    const match = pattern.exec(this.#text);
    if (match === null) return null;
    this.#at = pattern.lastIndex;
    return match[0];
  }

  #takes(character: string): boolean {
    this.#skipBlanks();
    if (this.#text[this.#at] !== character) return false;
    this.#at++;
    return true;
  }

  #skipBlanks(): void {
    BLANKS.lastIndex = this.#at;
    BLANKS.exec(this.#text);
    this.#at = BLANKS.lastIndex;
  }

  #error(need: string): BodyError {
    return new BodyError(`The JSON is broken at ${this.#at}: ${need}`);
  }
}
