/**
 * Where some properties lie in a record's bytes, found without making a string. Pure. Whoever looks says which names it knows and what each means
 * to it; a name that means OTHER_WAY makes the whole something for a more general way.
 */

export const NAME_END = 1;
export const VALUE_END = 2;
/** Of a name: what has it is not for whoever looks. */
export const OTHER_WAY = 255;
/** Of a name: it has no range, whoever looks leaves it out. */
export const DROPPED = 254;

type Name = { readonly bytes: Uint8Array; readonly meaning: number };

/** Names known by their bytes. */
export class PropertyNames {
  /** By length. */
  readonly #names: readonly (readonly Name[])[];
  /** Meanings below it have ranges. */
  readonly count: number;
  /** Of the name that has a meaning, in bytes. */
  readonly lengths: readonly number[];

  /** @param meanings numbers from 0 on, each of one name, or DROPPED, or OTHER_WAY */
  constructor(meanings: readonly (readonly [string, number])[]) {
    const known = meanings.map(([name, meaning]) => ({ bytes: Buffer.from(name), meaning }));
    const longest = Math.max(...known.map(({ bytes }) => bytes.length));
    this.#names = Array.from({ length: longest + 1 }, (_, length) => known.filter(({ bytes }) => bytes.length === length));
    const own = known.filter(({ meaning }) => meaning < DROPPED);
    this.count = own.length;
    this.lengths = Array.from({ length: own.length }, (_, meaning) => own.find((one) => one.meaning === meaning)!.bytes.length);
  }

  /** −1: it is none of them. */
  meaningOf(bytes: Uint8Array, at: number, length: number): number {
    const names = this.#names[length];
    if (names === undefined) return -1;
    for (let i = 0; i < names.length; i++) if (isSame(bytes, at, names[i]!.bytes)) return names[i]!.meaning;
    return -1;
  }
}

/** The ranges of one record's properties; filled again for each. */
export class PropertyRanges {
  readonly names: PropertyNames;
  readonly #starts: Int32Array;
  readonly #ends: Int32Array;

  constructor(names: PropertyNames) {
    this.names = names;
    this.#starts = new Int32Array(names.count);
    this.#ends = new Int32Array(names.count);
  }

  /** Reads `name \x01 value \x02 …`. False: a name means OTHER_WAY, a known one comes twice, or it is not as a broker writes it. */
  read(bytes: Uint8Array, start: number, end: number): boolean {
    this.#ends.fill(0);
    for (let at = start; at < end; at++) {
      const nameAt = at;
      while (at < end && bytes[at]! > VALUE_END) at++;
      const valueAt = at + 1;
      if (at >= end || bytes[at] !== NAME_END) return false;
      at = valueAt;
      while (at < end && bytes[at] !== VALUE_END) at++;
      const meaning = this.names.meaningOf(bytes, nameAt, valueAt - 1 - nameAt);
      if (meaning === OTHER_WAY || at >= end || at === valueAt) return false;
      if (meaning < 0 || meaning === DROPPED) continue;
      if (this.#ends[meaning] !== 0) return false;
      this.#starts[meaning] = valueAt;
      this.#ends[meaning] = at;
    }
    return true;
  }

  has(meaning: number): boolean {
    return this.#ends[meaning] !== 0;
  }

  /** First byte of its value. */
  start(meaning: number): number {
    return this.#starts[meaning]!;
  }

  /** Behind its value; 0: there is none. */
  end(meaning: number): number {
    return this.#ends[meaning]!;
  }

  /** First byte of its name. */
  itemStart(meaning: number): number {
    return this.#starts[meaning]! - 1 - this.names.lengths[meaning]!;
  }

  /** Its value as a decimal number of up to 15 digits; −1: it is none. */
  number(bytes: Uint8Array, meaning: number): number {
    return decimal(bytes, this.#starts[meaning]!, this.#ends[meaning]!);
  }
}

/** The decimal number of up to 15 digits in [start, end); −1: it is none. */
export function decimal(bytes: Uint8Array, start: number, end: number): number {
  if (end <= start || end - start > 15) return -1;
  let value = 0;
  for (let at = start; at < end; at++) {
    const digit = bytes[at]! - 0x30;
    if (digit < 0 || digit > 9) return -1;
    value = value * 10 + digit;
  }
  return value;
}

function isSame(bytes: Uint8Array, at: number, name: Uint8Array): boolean {
  for (let i = 0; i < name.length; i++) if (bytes[at + i] !== name[i]) return false;
  return true;
}
