/**
 * Message ids. The offset message id says where a message lies: upper-case hexadecimal of the store's address (4 or 16 bytes), port (4) and
 * commit-log offset (8). The unique key is what a client calls its message; the broker makes one when the client gave none.
 * Source: RocketMQ 5.3 `MessageDecoder.createMessageId`, `MessageClientIDSetter`.
 */
import { MessageTextError } from './errors.ts';
import { type Host, readInt32, readInt64 } from './message-record.ts';

/** Characters of an id of an IPv4 store, and of an IPv6 one. */
export const MESSAGE_ID_V4_CHARS = 32;
export const MESSAGE_ID_V6_CHARS = 56;

const HEX: Uint8Array = Uint8Array.from('0123456789ABCDEF', (digit) => digit.charCodeAt(0));

export type OffsetMessageId = { readonly host: Host; readonly physicalOffset: number };

/** The text of an offset message id. */
export function formatMessageId(host: Host, physicalOffset: number): string {
  const bytes = Buffer.alloc(host.address.length + 12);
  bytes.set(host.address);
  bytes.writeInt32BE(host.port, host.address.length);
  bytes.writeBigInt64BE(BigInt(physicalOffset), host.address.length + 4);
  return bytes.toString('hex').toUpperCase();
}

/** Reads an offset message id. Throws MessageTextError. */
export function parseMessageId(text: string): OffsetMessageId {
  if ((text.length !== MESSAGE_ID_V4_CHARS && text.length !== MESSAGE_ID_V6_CHARS) || !/^[0-9a-fA-F]+$/.test(text))
    throw new MessageTextError(
      `A message id of ${text.length} characters; ${MESSAGE_ID_V4_CHARS} or ${MESSAGE_ID_V6_CHARS} hexadecimal ones are needed`,
    );
  const bytes = Buffer.from(text, 'hex');
  const addressBytes = bytes.length - 12;
  const physicalOffset = readInt64(bytes, addressBytes + 4);
  if (!Number.isSafeInteger(physicalOffset) || physicalOffset < 0)
    throw new MessageTextError(`A message id with the offset ${physicalOffset}`);
  return { host: { address: Uint8Array.from(bytes.subarray(0, addressBytes)), port: readInt32(bytes, addressBytes) }, physicalOffset };
}

/** Writes `source[start, end)` as upper-case hexadecimal into `target` at `at`; returns the end there. */
export function writeHex(source: Uint8Array, start: number, end: number, target: Uint8Array, at: number): number {
  let to = at;
  for (let from = start; from < end; from++) {
    const byte = source[from] as number;
    target[to] = HEX[byte >> 4] as number;
    target[to + 1] = HEX[byte & 15] as number;
    to += 2;
  }
  return to;
}

/** Bytes of a unique key before its text: address, two of the process id, four of the instance, four of time, two of a counter. */
export const UNIQUE_KEY_BYTES = 16;

/**
 * Makes unique keys as Java's client does, without strings: `write` puts 32 characters. Times and counter come from the caller, so that the
 * same class runs under a virtual clock.
 */
export class UniqueKeyWriter {
  readonly #bytes = new Uint8Array(UNIQUE_KEY_BYTES);
  #counter = 0;

  /** @param address IPv4. @param instance tells apart the writers of one process: the thread and its generation. */
  constructor(address: Uint8Array, processId: number, instance: number) {
    this.#bytes.set(address.subarray(0, 4));
    this.#bytes[4] = processId >>> 8;
    this.#bytes[5] = processId;
    writeInt(this.#bytes, 6, instance);
  }

  /** @param now milliseconds; their low 32 bits, so keys of one writer repeat after 49 days at the earliest. */
  write(now: number, target: Uint8Array, at: number): number {
    const counter = this.#counter;
    this.#counter = (counter + 1) & 0xffff;
    writeInt(this.#bytes, 10, now | 0);
    this.#bytes[14] = counter >>> 8;
    this.#bytes[15] = counter;
    return writeHex(this.#bytes, 0, UNIQUE_KEY_BYTES, target, at);
  }
}

function writeInt(bytes: Uint8Array, at: number, value: number): void {
  bytes[at] = value >>> 24;
  bytes[at + 1] = value >>> 16;
  bytes[at + 2] = value >>> 8;
  bytes[at + 3] = value;
}
