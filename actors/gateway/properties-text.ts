/**
 * The properties of a send as text, for the ways that are not hot. Pure.
 */
import { unescapeInto } from '../../protocol/remoting/json-scan.ts';
import type { SendHeader } from '../../protocol/remoting/send-header.ts';

/** `name \x01 value \x02 …` without its JSON escapes; null: it holds one that JSON does not have. */
export function propertiesText(header: SendHeader): string | null {
  const { text, propertiesStart: start, propertiesEnd: end } = header;
  if (!header.arePropertiesEscaped) return Buffer.from(text.buffer, text.byteOffset + start, end - start).toString('utf8');
  const plain = Buffer.alloc(end - start);
  const length = unescapeInto(text, start, end, plain, 0);
  return length < 0 ? null : plain.toString('utf8', 0, length);
}
