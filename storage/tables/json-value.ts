/**
 * Reading values that came out of a JSON file: each of the wanted kind, or a default. Pure. Files come from Java brokers,
 * other versions and hands, so nothing is taken on trust and nothing unknown is an error.
 */

/** The object's own fields, or null. */
export function objectOf(value: unknown): Record<string, unknown> | null {
  return typeof value === 'object' && value !== null && !Array.isArray(value) ? (value as Record<string, unknown>) : null;
}

/** Own entries of an object; none for anything else. */
export function entriesOf(value: unknown): [string, unknown][] {
  const object = objectOf(value);
  return object === null ? [] : Object.entries(object);
}

/** An integer within ±2^53, from a number or its decimal text; larger ones saturate. */
export function integerOf(value: unknown, otherwise: number): number {
  const number = typeof value === 'string' && value.trim() !== '' ? Number(value) : value;
  if (typeof number !== 'number' || Number.isNaN(number)) return otherwise;
  return Math.max(-Number.MAX_SAFE_INTEGER, Math.min(Number.MAX_SAFE_INTEGER, Math.trunc(number)));
}

export function booleanOf(value: unknown, otherwise: boolean): boolean {
  return typeof value === 'boolean' ? value : otherwise;
}

export function textOf(value: unknown, otherwise: string): string {
  return typeof value === 'string' ? value : otherwise;
}

/** Texts by name; what is no text is left out. A map, so that no name can be a prototype's. */
export function textMapOf(value: unknown): Map<string, string> {
  const map = new Map<string, string>();
  for (const [name, text] of entriesOf(value)) if (typeof text === 'string') map.set(name, text);
  return map;
}

/** An object without a prototype from a map's entries: names may be anything. */
export function objectFrom<V>(entries: Iterable<readonly [string, V]>): Record<string, V> {
  const object = Object.create(null) as Record<string, V>;
  for (const [name, value] of entries) object[name] = value;
  return object;
}
