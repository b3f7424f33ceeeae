/**
 * A message that is to be sent: what a program gives, checked, and what travels. Pure but for compression. Fails with MQ_CLIENT_ARGUMENT,
 * before anything is sent. Source: RocketMQ 5.3 `Message`, `Validators`, `MessageClientIDSetter`, `MessageConst`.
 */
import { deflateSync } from 'node:zlib';
import { UNIQUE_KEY_BYTES, UniqueKeyWriter } from '../model/message-id.ts';
import * as property from '../model/message-property.ts';
import { PROPERTIES_BYTES_MAX } from '../model/message-record.ts';
import type { MessageQueue } from '../model/queue-id.ts';
import { COMPRESSED_FLAG } from '../model/system-flag.ts';
import { TOPICS_FORBIDDEN_FOR_SEND, topicNameFault } from '../model/topic.ts';
import type { ClientEnvironment } from './environment.ts';
import { ClientError } from './errors.ts';

/** What every message may have beside its topic and its body. */
export type MessageOptions = {
  /** One tag, by which consumers choose. */
  readonly tag?: string;
  /** Keys to find the message by; none may have blanks. */
  readonly keys?: string | readonly string[];
  /** The program's own; names and values are not empty, and none of RocketMQ's. */
  readonly properties?: Readonly<Record<string, string>>;
  /** 1 to 18: delivered 1 s, 5 s, 10 s, 30 s, 1 to 10 min, 20 min, 30 min, 1 h, 2 h later, unless the broker has other levels. */
  readonly delayLevel?: number;
  /** Messages of one key go to one queue; sent one after the other they are consumed in that order. */
  readonly shardingKey?: string;
  /** The very queue; no other is tried. */
  readonly queue?: MessageQueue;
  /** False: the broker need not wait for the disk or a replica before it answers. */
  readonly waitsForStore?: boolean;
  /** An integer of the program's own. */
  readonly flag?: number;
};

export type OutgoingMessage = MessageOptions & {
  readonly topic: string;
  /** A text is sent as UTF-8. */
  readonly body: Uint8Array | string;
};

/** A message, ready to travel. */
export type PreparedMessage = {
  readonly topic: string;
  readonly body: Uint8Array;
  readonly properties: string;
  readonly uniqueKey: string;
  readonly sysFlag: number;
  readonly flag: number;
  readonly delayLevel: number;
  readonly shardingKey: string | null;
  readonly queue: MessageQueue | null;
};

export const DELAY_LEVEL_MAX = 18;
const COMPRESSION_LEVEL = 5;
/** Separators of properties and of keys. */
const UNSEPARATED = /^[^\u0001\u0002]+$/;

/** Properties that mean something to clients or brokers; a program may not set them. */
const RESERVED: ReadonlySet<string> = new Set(
  (Object.values(property) as unknown[]).filter((value) => typeof value === 'string' && value !== property.TRANSIENT_PREFIX) as string[],
);

/** Makes unique keys in Java's form, and messages ready. One a sender. */
export class MessagePreparer {
  readonly #environment: ClientEnvironment;
  readonly #keys: UniqueKeyWriter;
  readonly #key = Buffer.alloc(2 * UNIQUE_KEY_BYTES);
  readonly #bodyBytesMax: number;
  readonly #compressAboveBytes: number;
  #monthStartMs = Number.NaN;
  #monthSeenMs = 0;

  /** @param bodyBytesMax of one message or batch. @param compressAboveBytes bodies above this are compressed; Infinity: none. */
  constructor(environment: ClientEnvironment, bodyBytesMax: number, compressAboveBytes: number) {
    this.#environment = environment;
    this.#bodyBytesMax = bodyBytesMax;
    this.#compressAboveBytes = compressAboveBytes;
    const instance = Math.floor(environment.random() * 2 ** 32) | 0;
    this.#keys = new UniqueKeyWriter(environment.hostAddress, environment.processId, instance);
  }

  /** @param isCompressible false within a batch, whose messages share one flag. */
  prepare(message: OutgoingMessage, isCompressible: boolean = true): PreparedMessage {
    const fault = topicNameFault(message.topic);
    if (fault !== null) refuse(fault);
    if (TOPICS_FORBIDDEN_FOR_SEND.has(message.topic)) refuse(`Nobody may send to topic ${message.topic}, it is the broker's own`);
    const { delayLevel = 0, flag = 0 } = message;
    if (!Number.isInteger(delayLevel) || delayLevel < 0 || delayLevel > DELAY_LEVEL_MAX)
      refuse(`delayLevel is ${delayLevel}; 0 (none) to ${DELAY_LEVEL_MAX} are allowed`);
    if ((flag | 0) !== flag) refuse(`flag is ${flag}; a 32-bit integer is needed`);
    const uniqueKey = this.#uniqueKey();
    const properties = propertiesText(message, delayLevel, uniqueKey);
    if (properties.length > PROPERTIES_BYTES_MAX || Buffer.byteLength(properties) > PROPERTIES_BYTES_MAX)
      refuse(`The message's properties have ${Buffer.byteLength(properties)} bytes; ${PROPERTIES_BYTES_MAX} are allowed`);
    let body: Uint8Array = typeof message.body === 'string' ? Buffer.from(message.body) : message.body;
    if (!(body instanceof Uint8Array)) refuse('The body is neither bytes nor text');
    if (body.length > this.#bodyBytesMax) refuse(`The body has ${body.length} bytes; ${this.#bodyBytesMax} are allowed`);
    if (body.length === 0) refuse('The body is empty; brokers refuse that: send at least one byte');
    let sysFlag = 0;
    if (isCompressible && body.length > this.#compressAboveBytes) {
      const compressed = deflateSync(body, { level: COMPRESSION_LEVEL });
      if (compressed.length < body.length) {
        body = compressed;
        sysFlag = COMPRESSED_FLAG;
      }
    }
    const { shardingKey = null, queue = null, topic } = message;
    return { topic, body, properties, uniqueKey, sysFlag, flag, delayLevel, shardingKey, queue };
  }

  /** Java counts a key's time from the beginning of the month, and its tools read it so. */
  #uniqueKey(): string {
    const nowMs = this.#environment.now();
    if (!(nowMs - this.#monthSeenMs < 60_000 && nowMs >= this.#monthSeenMs)) {
      this.#monthStartMs = this.#environment.monthStart(nowMs);
      this.#monthSeenMs = nowMs;
    }
    this.#keys.write(nowMs - this.#monthStartMs, this.#key, 0);
    return this.#key.toString('latin1');
  }
}

function propertiesText(message: OutgoingMessage, delayLevel: number, uniqueKey: string): string {
  const { keys, properties, shardingKey, tag } = message;
  let text = `${property.UNIQ_KEY}\u0001${uniqueKey}\u0002`;
  if (tag !== undefined) text += pair(property.TAGS, tag);
  if (keys !== undefined) text += pair(property.KEYS, keysText(typeof keys === 'string' ? [keys] : keys));
  if (delayLevel > 0) text += pair(property.DELAY_TIME_LEVEL, String(delayLevel));
  if (shardingKey !== undefined) text += pair(property.SHARDING_KEY, shardingKey);
  if (message.waitsForStore === false) text += pair(property.WAIT_STORE_MSG_OK, 'false');
  if (properties === undefined) return text;
  for (const [name, value] of Object.entries(properties)) {
    if (RESERVED.has(name)) refuse(`The property ${name} is RocketMQ's own; give yours another name`);
    if (typeof value !== 'string') refuse(`The property ${name} is no text`);
    text += pair(name, value);
  }
  return text;
}

function keysText(keys: readonly string[]): string {
  for (const key of keys) if (/\s/.test(key) || key === '') refuse(`The key ${JSON.stringify(key.slice(0, 80))} is empty or has a blank`);
  return keys.join(' ');
}

function pair(name: string, value: string): string {
  if (!UNSEPARATED.test(name) || !UNSEPARATED.test(value))
    refuse(`The property ${JSON.stringify(name.slice(0, 80))} has an empty name or value, or one with U+0001 or U+0002 in it`);
  return `${name}\u0001${value}\u0002`;
}

function refuse(message: string): never {
  throw new ClientError('MQ_CLIENT_ARGUMENT', message);
}
