/**
 * What both forms of a command's header carry, and their limits.
 */
import type { Language } from './language-code.ts';

/** A header holds at most this: properties of 32767 bytes, all escaped, are 196 KB. */
export const HEADER_BYTES_MAX = 1024 * 1024;
/** Header fields of one command; real requests have up to 25. */
export const EXT_FIELDS_MAX = 256;

/** A command's header without its body. */
export type CommandHeader = {
  code: number;
  language: Language;
  version: number;
  opaque: number;
  flag: number;
  remark: string | null;
  /** Header fields by name; numbers and booleans of JSON as their decimal text. */
  ext: Map<string, string>;
};

/** Header fields to send; null and undefined ones are left out, as Java leaves them out. */
export type ExtFields = ReadonlyMap<string, string> | Readonly<Record<string, string | number | boolean | null | undefined>>;
