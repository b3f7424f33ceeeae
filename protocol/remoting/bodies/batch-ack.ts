/**
 * BATCH_ACK_MESSAGE (200151): many popped messages are done, grouped by the pop that gave them. Members by one letter or two, as clients send
 * them, or by their whole names. Fails with a BodyError that names the member.
 * Source: RocketMQ 5.3 `BatchAckMessageRequestBody`, `BatchAck`, `BitSetSerializerDeserializer`.
 */
import { type PopRetry, popRetryOf } from '../../../model/pop-topic.ts';
import { BodyError } from '../errors.ts';
import { type BodyReader, bodyObject } from './body-reader.ts';
import { jsonBody } from './json-writer.ts';

/** Pops in one request, and how far behind a pop's first message its last one may lie. */
export const BATCH_ACKS_MAX = 4096;
const SPAN_MAX = 65_536;

/** `topic` is the topic itself, whatever `retry` says; `offsets` are ascending. */
export type BatchAck = {
  readonly group: string;
  readonly topic: string;
  readonly retry: PopRetry;
  readonly startOffset: number;
  readonly queueId: number;
  readonly reviveQueueId: number;
  readonly popTime: number;
  readonly invisibleMs: number;
  readonly offsets: readonly number[];
};

export function decodeBatchAck(bytes: Uint8Array): { readonly brokerName: string; readonly acks: readonly BatchAck[] } {
  const reader = bodyObject(bytes, 'a BatchAckMessage');
  const items = reader.objects('acks');
  if (items.length > BATCH_ACKS_MAX) throw new BodyError(`${items.length} items in acks; ${BATCH_ACKS_MAX} are allowed`);
  return { brokerName: reader.optionalString('brokerName') ?? '', acks: items.map(readAck) };
}

function readAck(item: BodyReader): BatchAck {
  const either = (short: string, long: string): string =>
    item.value(short) === undefined && item.value(long) !== undefined ? long : short;
  const retryText = item.optionalString(either('r', 'retry')) ?? '0';
  const retry = popRetryOf(retryText);
  if (retry === null) throw new BodyError(`r of an item of acks is "${retryText.slice(0, 32)}"; 0, 1 or 2 is needed`);
  const startOffset = item.long(either('so', 'startOffset'), 0);
  return {
    group: item.string(either('c', 'consumerGroup')),
    topic: item.string(either('t', 'topic')),
    retry,
    startOffset,
    queueId: item.int(either('q', 'queueId'), 0),
    reviveQueueId: item.int(either('rq', 'reviveQueueId'), 0),
    popTime: item.long(either('pt', 'popTime'), 0),
    invisibleMs: item.long(either('it', 'invisibleTime'), 0),
    offsets: bitsOf(item.string(either('b', 'bitSet'))).map((bit) => startOffset + bit),
  };
}

/** Bit i is in byte i >> 3, the lowest first. */
function bitsOf(base64: string): number[] {
  const bytes = Buffer.from(base64, 'base64');
  if (bytes.length * 8 > SPAN_MAX) throw new BodyError(`b of an item of acks has ${bytes.length * 8} bits; ${SPAN_MAX} are allowed`);
  const bits: number[] = [];
  for (let at = 0; at < bytes.length; at++) for (let bit = 0; bit < 8; bit++) if (((bytes[at]! >> bit) & 1) === 1) bits.push(at * 8 + bit);
  return bits;
}

export function encodeBatchAck(brokerName: string, acks: readonly BatchAck[]): Uint8Array {
  const items = acks.map((ack) => {
    const bits = ack.offsets.map((offset) => offset - ack.startOffset);
    const bytes = Buffer.alloc(bits.length === 0 ? 0 : (Math.max(...bits) >> 3) + 1);
    for (const bit of bits) bytes[bit >> 3]! |= 1 << (bit & 7);
    const { group: c, topic: t, retry, startOffset: so, queueId: q, reviveQueueId: rq, popTime: pt, invisibleMs: it } = ack;
    return { b: bytes.toString('base64'), c, it, pt, q, r: String(retry), rq, so, t };
  });
  return jsonBody({ acks: items, brokerName });
}
