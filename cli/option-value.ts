/**
 * Values of options: what each kind takes, and what it becomes. Pure; the time now is a parameter. A value that does not fit gives undefined,
 * and the caller names the option, the value and `needs`.
 */

/** How an option's value is read. */
export type OptionKind =
  | { readonly kind: 'text' }
  | { readonly kind: 'integer'; readonly min: number; readonly max: number }
  /** Milliseconds, from `500ms`, `10s`, `5m`, `2h`, `1d`; a bare number is seconds. */
  | { readonly kind: 'duration'; readonly minMs: number; readonly maxMs: number }
  | { readonly kind: 'choice'; readonly values: readonly string[] };

const UNITS: Readonly<Record<string, number>> = { ms: 1, s: 1000, m: 60_000, h: 3_600_000, d: 86_400_000 };

/** The value of a text; undefined when it does not fit. */
export function parseOptionValue(text: string, kind: OptionKind): string | number | undefined {
  switch (kind.kind) {
    case 'text':
      return text;
    case 'integer': {
      const value = /^[0-9]{1,15}$/.test(text) ? Number(text) : Number.NaN;
      return value >= kind.min && value <= kind.max ? value : undefined;
    }
    case 'duration': {
      const ms = parseDuration(text);
      return ms !== undefined && ms >= kind.minMs && ms <= kind.maxMs ? ms : undefined;
    }
    case 'choice':
      return kind.values.includes(text) ? text : undefined;
  }
}

/** What a value has to be, as a sentence ends. */
export function describeKind(kind: OptionKind): string {
  switch (kind.kind) {
    case 'text':
      return 'a text';
    case 'integer':
      return `an integer from ${kind.min} to ${kind.max}`;
    case 'duration':
      return `a time such as 500ms, 10s, 5m or 2h, from ${formatDuration(kind.minMs)} to ${formatDuration(kind.maxMs)}`;
    case 'choice':
      return `one of ${kind.values.join(', ')}`;
  }
}

/** Milliseconds of `10s` and the like; undefined when it is no such text. */
export function parseDuration(text: string): number | undefined {
  const match = /^([0-9]{1,9}(?:\.[0-9]{1,3})?)(ms|s|m|h|d)?$/.exec(text);
  if (match === null) return undefined;
  return Math.round(Number(match[1]) * (UNITS[match[2] ?? 's'] as number));
}

/** The shortest text of a duration that loses nothing to speak of: `1.5 s`, `3 min`, `2 h`. */
export function formatDuration(ms: number): string {
  if (ms < 1000) return `${Math.round(ms * 10) / 10} ms`;
  if (ms < 120_000) return `${Math.round(ms / 100) / 10} s`;
  if (ms < 7_200_000) return `${Math.round(ms / 60_000)} min`;
  if (ms < 172_800_000) return `${Math.round(ms / 3_600_000)} h`;
  return `${Math.round(ms / 86_400_000)} d`;
}

/** A place in a topic: an end of each queue, a time, or an offset. */
export type Place =
  | { readonly at: 'begin' | 'end' }
  | { readonly at: 'time'; readonly ms: number }
  | { readonly at: 'offset'; readonly offset: number };

export const PLACE_NEEDS = 'begin, end, an offset, a time such as 2026-01-31T08:00 (local, or with Z), or a time ago such as -10m';

/** Reads a place. A time is of the local zone unless it says otherwise. */
export function parsePlace(text: string, nowMs: number): Place | undefined {
  if (text === 'begin' || text === 'end') return { at: text };
  if (/^[0-9]{1,15}$/.test(text)) return { at: 'offset', offset: Number(text) };
  if (text.startsWith('-')) {
    const ago = parseDuration(text.slice(1));
    return ago === undefined ? undefined : { at: 'time', ms: nowMs - ago };
  }
  if (!/^[0-9]{4}-[0-9]{2}-[0-9]{2}([T ][0-9]{2}:[0-9]{2}(:[0-9]{2}(\.[0-9]{1,3})?)?(Z|[+-][0-9]{2}:[0-9]{2})?)?$/.test(text))
    return undefined;
  // A date alone would be taken as one of UTC.
  const ms = Date.parse(text.length === 10 ? `${text}T00:00` : text.replace(' ', 'T'));
  return Number.isNaN(ms) ? undefined : { at: 'time', ms };
}
