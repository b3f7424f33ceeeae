/**
 * Reads Java properties text, the form of RocketMQ's `broker.conf`: `key=value`, `key: value`, `key value`, comments with
 * `#` and `!`, lines continued by a backslash, `\uXXXX` and the other escapes. Pure. Fails with ConfigTextError.
 * Source: `java.util.Properties.load`, which RocketMQ's `BrokerStartup -c` uses.
 */
import { ConfigTextError } from './errors.ts';

/** One setting and where it stands. */
export type PropertyLine = { readonly key: string; readonly value: string; readonly line: number };

const TEXT_CHARS_MAX = 1_048_576;
const ENTRIES_MAX = 10_000;
const ESCAPES: Readonly<Record<string, string>> = { t: '\t', n: '\n', r: '\r', f: '\f' };

export function parsePropertiesText(text: string, source: string): PropertyLine[] {
  if (text.length > TEXT_CHARS_MAX) throw new ConfigTextError(source, `${text.length} characters, at most ${TEXT_CHARS_MAX}`);
  const entries: PropertyLine[] = [];
  // Some editors begin a file with a byte order mark; Java would make it part of the first key.
  const lines = text.replace(/^\uFEFF/, '').split(/\r\n|\n|\r/);
  let at = 0;
  while (at < lines.length) {
    const line = at + 1;
    let logical = lines[at++]!.replace(/^[ \t\f]+/, '');
    if (logical === '' || logical[0] === '#' || logical[0] === '!') continue;
    while (endsInOddBackslashes(logical) && at < lines.length) logical = logical.slice(0, -1) + lines[at++]!.replace(/^[ \t\f]+/, '');
    if (endsInOddBackslashes(logical)) logical = logical.slice(0, -1);
    if (entries.length === ENTRIES_MAX) throw new ConfigTextError(source, `more than ${ENTRIES_MAX} settings`);
    entries.push({ ...splitLine(logical, source, line), line });
  }
  return entries;
}

function endsInOddBackslashes(line: string): boolean {
  let count = 0;
  while (count < line.length && line[line.length - 1 - count] === '\\') count++;
  return count % 2 === 1;
}

function splitLine(logical: string, source: string, line: number): { key: string; value: string } {
  let end = 0;
  while (end < logical.length && !' \t\f=:'.includes(logical[end]!)) end += logical[end] === '\\' ? 2 : 1;
  const key = logical.slice(0, end);
  const value = logical.slice(end).replace(/^[ \t\f]*[=:]?[ \t\f]*/, '');
  // Java keeps blanks at a value's end; no option of ours can use them, and they are invisible to who looks for the mistake.
  return { key: resolveEscapes(key, source, line), value: resolveEscapes(value, source, line).trimEnd() };
}

function resolveEscapes(raw: string, source: string, line: number): string {
  if (!raw.includes('\\')) return raw;
  let out = '';
  for (let i = 0; i < raw.length; i++) {
    if (raw[i] !== '\\') {
      out += raw[i];
      continue;
    }
    const escaped = raw[++i] ?? '';
    if (escaped !== 'u') {
      out += ESCAPES[escaped] ?? escaped;
      continue;
    }
    const hex = raw.slice(i + 1, i + 5);
    if (!/^[0-9a-fA-F]{4}$/.test(hex)) throw new ConfigTextError(source, `line ${line}: \\u needs four hexadecimal digits, found "${hex}"`);
    out += String.fromCharCode(Number.parseInt(hex, 16));
    i += 4;
  }
  return out;
}
