/**
 * Stored messages, read by the rules of the record format alone, apart from `model/message-record.ts`; and the properties
 * and batch items that a producer writes. Fails by throwing on bytes that are no record.
 * Source: RocketMQ `MessageDecoder`.
 */
import { crc32 } from 'node:zlib';

export type RawMessage = {
  topic: string;
  queueId: number;
  queueOffset: number;
  physicalOffset: number;
  flag: number;
  sysFlag: number;
  bornTimestamp: number;
  storeTimestamp: number;
  bornHost: string;
  storeHost: string;
  reconsumeTimes: number;
  preparedTransactionOffset: number;
  body: Buffer;
  properties: Record<string, string>;
};

const MAGIC_V1 = 0xdaa320a7;

/** All records of a pull's body. */
export function decodeMessages(bytes: Buffer): RawMessage[] {
  const messages: RawMessage[] = [];
  for (let at = 0; at < bytes.length; ) {
    const size = bytes.readInt32BE(at);
    if (size < 91 || at + size > bytes.length) throw new Error(`A record of ${size} bytes at ${at} of ${bytes.length}`);
    messages.push(decodeMessage(bytes.subarray(at, at + size)));
    at += size;
  }
  return messages;
}

function decodeMessage(record: Buffer): RawMessage {
  if (record.readUInt32BE(4) !== MAGIC_V1) throw new Error(`Magic ${record.readUInt32BE(4).toString(16)}`);
  const bodyLength = record.readInt32BE(84);
  const body = record.subarray(88, 88 + bodyLength);
  const crc = crc32(body) & 0x7fffffff;
  if (crc !== record.readInt32BE(8)) throw new Error(`Body CRC ${record.readInt32BE(8)}, computed ${crc}`);
  let at = 88 + bodyLength;
  const topicLength = record.readInt8(at);
  const topic = record.toString('utf8', at + 1, at + 1 + topicLength);
  at += 1 + topicLength;
  const propertiesLength = record.readInt16BE(at);
  const properties = record.toString('utf8', at + 2, at + 2 + propertiesLength);
  at += 2 + propertiesLength;
  if (at !== record.length) throw new Error(`A record of ${record.length} bytes whose fields take ${at}`);
  return {
    topic,
    queueId: record.readInt32BE(12),
    queueOffset: Number(record.readBigInt64BE(20)),
    physicalOffset: Number(record.readBigInt64BE(28)),
    flag: record.readInt32BE(16),
    sysFlag: record.readInt32BE(36),
    bornTimestamp: Number(record.readBigInt64BE(40)),
    storeTimestamp: Number(record.readBigInt64BE(56)),
    bornHost: host(record, 48),
    storeHost: host(record, 64),
    reconsumeTimes: record.readInt32BE(72),
    preparedTransactionOffset: Number(record.readBigInt64BE(76)),
    body: Buffer.from(body),
    properties: decodeProperties(properties),
  };
}

function host(record: Buffer, at: number): string {
  return `${[...record.subarray(at, at + 4)].join('.')}:${record.readInt32BE(at + 4)}`;
}

export function decodeProperties(text: string): Record<string, string> {
  const properties: Record<string, string> = {};
  for (const item of text.split('\x02')) {
    const cut = item.indexOf('\x01');
    if (cut > 0 && cut < item.length - 1) properties[item.slice(0, cut)] = item.slice(cut + 1);
  }
  return properties;
}

export function encodeProperties(properties: Readonly<Record<string, string>>): string {
  return Object.entries(properties)
    .map(([name, value]) => `${name}\x01${value}\x02`)
    .join('');
}

/** The body of a batch: its messages back to back. */
export function encodeBatch(items: readonly { body: Uint8Array; properties: Readonly<Record<string, string>> }[]): Buffer {
  return Buffer.concat(
    items.map(({ body, properties }) => {
      const text = Buffer.from(encodeProperties(properties), 'utf8');
      const item = Buffer.alloc(4 + 4 + 4 + 4 + 4 + body.length + 2 + text.length);
      item.writeInt32BE(item.length, 0);
      item.writeInt32BE(body.length, 16);
      item.set(body, 20);
      item.writeInt16BE(text.length, 20 + body.length);
      item.set(text, 22 + body.length);
      return item;
    }),
  );
}
