/**
 * Changes of the attributes that topics and groups have: `+key` adds or alters, `-key` takes away; what is not named stays. Pure.
 * A bare key that may stand counts as `+key`: tools write back the table that they have read.
 * Source: RocketMQ 5.4 `AttributeUtil.alterCurrentAttributes`, `LongRangeAttribute`.
 */

/** Characters of one value. */
const VALUE_MAX = 256;

/** What one attribute may be. */
export type AttributeRule = {
  /** False: it stands as it was first given. */
  readonly isChangeable: boolean;
  /** Null for a good value, else what is needed. */
  readonly fault: (value: string) => string | null;
};

export type AttributeChange =
  | { readonly attributes: ReadonlyMap<string, string>; readonly fault: null }
  | { readonly attributes: null; readonly fault: string };

/** @param isNew there is nothing to be taken away yet. */
export function changeAttributes(
  rules: ReadonlyMap<string, AttributeRule>,
  isNew: boolean,
  current: ReadonlyMap<string, string>,
  changes: ReadonlyMap<string, string>,
): AttributeChange {
  const attributes = new Map(current);
  const named = new Set<string>();
  for (const [text, value] of changes) {
    const isBare = rules.has(text);
    const key = isBare ? text : text.slice(1);
    if (!isBare && !/^[+-]/.test(text)) return refuse(`wrong format key: ${show(text)}; write +key to set it, -key to take it away`);
    if (key === '' || /[+-]/.test(key)) return refuse(`kv string format wrong: ${show(text)}`);
    if (named.has(key)) return refuse(`alter duplication key. key: ${show(key)}`);
    named.add(key);
    const rule = rules.get(key);
    if (text.startsWith('-') && !isBare) {
      if (isNew) return refuse(`only add attribute is supported while creating topic. key: ${show(key)}`);
      if (!current.has(key)) return refuse(`attempt to delete a nonexistent key: ${show(key)}`);
    }
    if (rule === undefined) return refuse(`unsupported key: ${show(key)}; known are: ${[...rules.keys()].join(', ')}`);
    // Written back as it was read: no change.
    if (isBare && current.get(key) === value) continue;
    if (!isNew && !rule.isChangeable) return refuse(`attempt to update an unchangeable attribute. key: ${show(key)}`);
    if (text.startsWith('-') && !isBare) {
      attributes.delete(key);
      continue;
    }
    const need = value.length > VALUE_MAX ? `at most ${VALUE_MAX} characters are needed` : rule.fault(value);
    if (need !== null) return refuse(`the value ${show(value)} of ${key} cannot stand: ${need}`);
    attributes.set(key, value);
  }
  return { attributes, fault: null };
}

/** An integer from `min` to `max`. */
export function integerAttribute(isChangeable: boolean, min: number, max: number): AttributeRule {
  const fault = (value: string): string | null => {
    const number = /^-?[0-9]{1,15}$/.test(value) ? Number(value) : Number.NaN;
    return number >= min && number <= max ? null : `an integer from ${min} to ${max} is needed`;
  };
  return { isChangeable, fault };
}

function refuse(fault: string): AttributeChange {
  return { attributes: null, fault };
}

function show(text: string): string {
  return text.length <= 64 ? text : `${text.slice(0, 64)}…`;
}
