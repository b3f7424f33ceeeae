/**
 * The body of SEND_BATCH_MESSAGE (320): several messages of one topic, back to back, nothing around them. What they share stands in the request's
 * header. The broker reads it where it lies (record-writer.ts); this is the client's side.
 * Source: RocketMQ 5.3 `MessageDecoder.encodeMessages`.
 *
 *    0  totalSize  4      12  flag              4
 *    4  magic      4 (0)  16  bodyLength        4, body
 *    8  bodyCrc    4 (0)      propertiesLength  2, properties
 */
import { PROPERTIES_BYTES_MAX, writeInt32 } from '../../../model/message-record.ts';
import { BodyError } from '../errors.ts';

const FIXED_BYTES = 22;

/** `properties`: as formatProperties writes them. */
export type BatchMessage = { readonly flag: number; readonly body: Uint8Array; readonly properties: string };

/** The body of a batch. Throws BodyError when a message's properties are longer than their length field says. */
export function encodeMessageBatch(messages: readonly BatchMessage[]): Uint8Array {
  const properties = messages.map((message) => Buffer.from(message.properties));
  let bytes = 0;
  for (const [index, message] of messages.entries()) bytes += FIXED_BYTES + message.body.length + (properties[index] as Buffer).length;
  const batch = new Uint8Array(bytes);
  let at = 0;
  for (const [index, { body, flag }] of messages.entries()) {
    const text = properties[index] as Buffer;
    if (text.length > PROPERTIES_BYTES_MAX)
      throw new BodyError(`Message ${index} of the batch has properties of ${text.length} bytes; ${PROPERTIES_BYTES_MAX} are allowed`);
    writeInt32(batch, at, FIXED_BYTES + body.length + text.length);
    writeInt32(batch, at + 12, flag);
    writeInt32(batch, at + 16, body.length);
    batch.set(body, at + 20);
    at += 20 + body.length;
    batch[at] = text.length >>> 8;
    batch[at + 1] = text.length;
    batch.set(text, at + 2);
    at += 2 + text.length;
  }
  return batch;
}
