/** A stored message as commands show it: for people on one line, for programs as JSON. Pure. */
import { inflateSync, zstdDecompressSync } from 'node:zlib';
import { formatMessageId } from '../model/message-id.ts';
import { KEYS, parseProperties, splitKeys, TAGS, UNIQ_KEY } from '../model/message-property.ts';
import type { Host, MessageRecord } from '../model/message-record.ts';
import { compressionType } from '../model/system-flag.ts';
import { isoTime } from './time-text.ts';

/** Of an inflated body; more is shown as it lies. */
const BODY_BYTES_MAX = 64 * 1024 * 1024;
/** Bytes that are no text are shown up to here. */
const HEX_BYTES_MAX = 64;

export type MessageView = {
  readonly topic: string;
  readonly broker: string;
  readonly queueId: number;
  readonly queueOffset: number;
  readonly msgId: string;
  readonly uniqKey: string | null;
  readonly tag: string | null;
  readonly keys: readonly string[];
  readonly bornTime: string | null;
  readonly storeTime: string | null;
  readonly bornHost: string;
  readonly reconsumeTimes: number;
  readonly properties: Readonly<Record<string, string>>;
  readonly body: string | null;
  readonly bodyBase64: string | null;
};

const strictUtf8 = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true });

export function messageView(record: MessageRecord, broker: string): MessageView {
  const properties = parseProperties(record.properties);
  const bytes = plainBody(record);
  const body = textOf(bytes);
  return {
    topic: record.topic,
    broker,
    queueId: record.queueId,
    queueOffset: record.queueOffset,
    msgId: formatMessageId(record.storeHost, record.physicalOffset),
    uniqKey: properties.get(UNIQ_KEY) ?? null,
    tag: properties.get(TAGS) ?? null,
    keys: splitKeys(properties.get(KEYS) ?? ''),
    bornTime: isoTime(record.bornTimestamp),
    storeTime: isoTime(record.storeTimestamp),
    bornHost: hostText(record.bornHost),
    reconsumeTimes: record.reconsumeTimes,
    // No name of a property can reach what objects inherit.
    properties: Object.assign(Object.create(null) as Record<string, string>, Object.fromEntries(properties)),
    body,
    bodyBase64: body === null ? Buffer.from(bytes).toString('base64') : null,
  };
}

/** `08:00:00.123 broker-a/3@12 tag=new keys=7 {"id":7}` */
export function messageLine(message: MessageView, hasProperties: boolean): string {
  const { body, bodyBase64, broker, keys, properties, queueId, queueOffset, reconsumeTimes, storeTime, tag } = message;
  const parts = [storeTime === null ? '-' : localClock(new Date(storeTime)), `${broker}/${queueId}@${queueOffset}`];
  if (tag !== null) parts.push(`tag=${visibleText(tag)}`);
  if (keys.length > 0) parts.push(`keys=${visibleText(keys.join(','))}`);
  if (reconsumeTimes > 0) parts.push(`retries=${reconsumeTimes}`);
  if (hasProperties)
    parts.push(
      `{${Object.entries(properties)
        .map(([name, value]) => `${visibleText(name)}=${visibleText(value)}`)
        .join(', ')}}`,
    );
  parts.push(body === null ? hexText(Buffer.from(bodyBase64 ?? '', 'base64')) : visibleText(body));
  return parts.join(' ');
}

/** Control characters as escapes: what a message holds cannot move the cursor, and stays on its line. */
export function visibleText(text: string): string {
  return text.replaceAll(/[\x00-\x1f\x7f-\x9f\u2028\u2029\u202a-\u202e\u2066-\u2069]/g, (character) => {
    if (character === '\n') return '\\n';
    if (character === '\t') return '\\t';
    if (character === '\r') return '\\r';
    return `\\u${character.charCodeAt(0).toString(16).padStart(4, '0')}`;
  });
}

/** The body as its sender meant it; as it lies when it cannot be inflated. */
function plainBody({ body, sysFlag }: MessageRecord): Uint8Array {
  const type = compressionType(sysFlag);
  try {
    if (type === 'zlib') return inflateSync(body, { maxOutputLength: BODY_BYTES_MAX });
    if (type === 'zstd') return zstdDecompressSync(body, { maxOutputLength: BODY_BYTES_MAX });
  } catch {
    // The flag lies, or it is a bomb: whoever looks sees the bytes.
    return body;
  }
  return body;
}

function textOf(bytes: Uint8Array): string | null {
  try {
    return strictUtf8.decode(bytes);
  } catch {
    return null;
  }
}

function hexText(bytes: Uint8Array): string {
  const shown = Buffer.from(bytes.subarray(0, HEX_BYTES_MAX)).toString('hex');
  return `0x${shown}${bytes.length > HEX_BYTES_MAX ? `… (${bytes.length} bytes)` : ''}`;
}

function hostText({ address, port }: Host): string {
  if (address.length === 4) return `${address.join('.')}:${port}`;
  const words = Array.from({ length: 8 }, (_, index) =>
    (((address[index * 2] as number) << 8) | (address[index * 2 + 1] as number)).toString(16),
  );
  return `[${words.join(':')}]:${port}`;
}

function localClock(time: Date): string {
  const two = (value: number): string => String(value).padStart(2, '0');
  return `${two(time.getHours())}:${two(time.getMinutes())}:${two(time.getSeconds())}.${String(time.getMilliseconds()).padStart(3, '0')}`;
}
