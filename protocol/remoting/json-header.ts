/**
 * The JSON form of a command's header, both ways. Lenient where clients differ: extFields values may be strings, numbers or booleans,
 * unknown members are ignored; strict in what we send: every extFields value is a string, members in Java's order, no blanks.
 * Fails with a FrameError. Source: RocketMQ `RemotingSerializable`, fastjson's output order.
 */
import { utf8Text } from '../../model/utf8.ts';
import { type CommandHeader, EXT_FIELDS_MAX, type ExtFields } from './command-header.ts';
import { FrameError } from './errors.ts';
import { languageNamed } from './language-code.ts';

export function decodeJsonHeader(bytes: Uint8Array, start: number, end: number): CommandHeader {
  const text = utf8Text(bytes, start, end);
  const parsed = parseObject(text, undefined);
  const remark = own(parsed, 'remark');
  return {
    code: intMember(parsed, 'code'),
    language: languageNamed(String(own(parsed, 'language') ?? '')),
    version: intMember(parsed, 'version'),
    opaque: intMember(parsed, 'opaque'),
    flag: intMember(parsed, 'flag'),
    remark: typeof remark === 'string' ? remark : null,
    ext: extFields(parsed, text),
  };
}

/** @param ext written as it is given, without a table in between: this is what a send costs its sender. */
export function encodeJsonHeader(header: Omit<CommandHeader, 'ext'>, ext: ExtFields | null): Uint8Array {
  let text = `{"code":${header.code}`;
  const fields = ext === null ? '' : extFieldsText(ext);
  if (fields !== '') text += `,"extFields":{${fields}}`;
  text += `,"flag":${header.flag},"language":"${header.language}","opaque":${header.opaque}`;
  if (header.remark !== null) text += `,"remark":${JSON.stringify(header.remark)}`;
  text += `,"serializeTypeCurrentRPC":"JSON","version":${header.version}}`;
  return Buffer.from(text);
}

function extFieldsText(ext: ExtFields): string {
  let text = '';
  if (ext instanceof Map) {
    for (const [name, value] of ext) text += `${text === '' ? '' : ','}${JSON.stringify(name)}:${JSON.stringify(value)}`;
    return text;
  }
  const values = ext as Readonly<Record<string, string | number | boolean | null | undefined>>;
  for (const name of Object.keys(values)) {
    const value = values[name];
    if (value === null || value === undefined) continue;
    // Every value is a text to the reader; numbers and booleans have nothing to escape.
    text += `${text === '' ? '' : ','}${JSON.stringify(name)}:${typeof value === 'string' ? JSON.stringify(value) : `"${value}"`}`;
  }
  return text;
}

const QUOTE = 0x22;
const BACKSLASH = 0x5c;
const OPEN = 0x7b;
const CLOSE = 0x7d;
const OPEN_LIST = 0x5b;
const CLOSE_LIST = 0x5d;
const COMMA = 0x2c;
const COLON = 0x3a;

/** The value of the top-level member `code`, by a scan of compact JSON; −1 when it is not found there. */
export function jsonHeaderCode(bytes: Uint8Array, start: number, end: number): number {
  if (bytes[start] !== OPEN) return -1;
  let depth = 1;
  let isKey = true;
  for (let at = start + 1; at < end; at++) {
    const byte = bytes[at] as number;
    if (byte === QUOTE) {
      const open = at;
      for (at++; at < end && bytes[at] !== QUOTE; at++) if (bytes[at] === BACKSLASH) at++;
      if (isKey && depth === 1 && at - open === 5 && isCodeKey(bytes, open + 1)) return numberAt(bytes, at + 1, end);
    } else if (byte === OPEN || byte === OPEN_LIST) {
      depth++;
      isKey = byte === OPEN;
    } else if (byte === CLOSE || byte === CLOSE_LIST) {
      if (--depth === 0) return -1;
    } else if (byte === COMMA) {
      isKey = true;
    } else if (byte === COLON) {
      isKey = false;
    }
  }
  return -1;
}

function isCodeKey(bytes: Uint8Array, at: number): boolean {
  return bytes[at] === 0x63 && bytes[at + 1] === 0x6f && bytes[at + 2] === 0x64 && bytes[at + 3] === 0x65;
}

/** A plain decimal right after a colon at `at`; −1 when it is anything else. */
function numberAt(bytes: Uint8Array, at: number, end: number): number {
  if (bytes[at] !== COLON) return -1;
  let value = -1;
  for (let digitAt = at + 1; digitAt < end; digitAt++) {
    const digit = (bytes[digitAt] as number) - 0x30;
    if (digit < 0 || digit > 9) return (bytes[digitAt] === COMMA || bytes[digitAt] === CLOSE) && value <= 0x7fffffff ? value : -1;
    value = (value < 0 ? 0 : value) * 10 + digit;
  }
  return -1;
}

type JsonObject = Readonly<Record<string, unknown>>;
type Reviver = (this: unknown, key: string, value: unknown, context: { source?: string }) => unknown;

function parseObject(text: string, reviver: Reviver | undefined): JsonObject {
  let parsed: unknown;
  try {
    parsed = JSON.parse(text, reviver as ((this: unknown, key: string, value: unknown) => unknown) | undefined);
  } catch {
    throw new FrameError('malformed-header', `The header is not JSON: ${snippet(text)}`);
  }
  if (typeof parsed !== 'object' || parsed === null || Array.isArray(parsed))
    throw new FrameError('malformed-header', `The header is not a JSON object: ${snippet(text)}`);
  return parsed as JsonObject;
}

/** Own members only: a header cannot reach what objects inherit. */
function own(object: JsonObject, name: string): unknown {
  return Object.hasOwn(object, name) ? object[name] : undefined;
}

function intMember(header: JsonObject, name: string): number {
  const value = own(header, name) ?? 0;
  const number = typeof value === 'string' && value !== '' ? Number(value) : value;
  if (typeof number !== 'number' || (number | 0) !== number)
    throw new FrameError('malformed-header', `The header's ${name} is ${snippet(JSON.stringify(value))}, a 32-bit integer is needed`);
  return number;
}

/** Digits of numbers beyond 2^53, kept by a second parse that few headers need. */
const keepDigits: Reviver = (_key, value, context) =>
  typeof value === 'number' && !Number.isSafeInteger(value) && context.source !== undefined ? context.source : value;

function extFields(header: JsonObject, text: string): Map<string, string> {
  const fields = new Map<string, string>();
  let ext = own(header, 'extFields') ?? null;
  if (ext === null) return fields;
  if (typeof ext !== 'object' || Array.isArray(ext)) throw new FrameError('malformed-header', "The header's extFields are not an object");
  if (Object.values(ext).some((value) => typeof value === 'number' && !Number.isSafeInteger(value)))
    ext = parseObject(text, keepDigits)['extFields'] as JsonObject;
  const names = Object.keys(ext);
  if (names.length > EXT_FIELDS_MAX)
    throw new FrameError('malformed-header', `${names.length} header fields; ${EXT_FIELDS_MAX} are allowed`);
  for (const name of names) {
    const value = (ext as JsonObject)[name];
    if (typeof value === 'string') fields.set(name, value);
    else if (typeof value === 'number' || typeof value === 'boolean') fields.set(name, String(value));
    // Java's clients never nest; fastjson would keep the text of what is nested.
    else if (value !== null && value !== undefined) fields.set(name, JSON.stringify(value));
  }
  return fields;
}

function snippet(text: string): string {
  return text.length <= 80 ? text : `${text.slice(0, 80)}…`;
}
