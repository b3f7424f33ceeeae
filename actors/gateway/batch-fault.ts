/**
 * What is wrong with a batch before its messages are looked at one by one. Pure. Source: RocketMQ 5.3 `CommitLog.asyncPutMessages`,
 * `MessageDecoder.decodeMessages`.
 */
import { parseProperties } from '../../model/message-property.ts';
import { readInt32 } from '../../model/message-record.ts';
import type { SendHeader } from '../../protocol/remoting/send-header.ts';
import { delayLevelOf } from '../timer/delayed-message.ts';
import { propertiesText } from './properties-text.ts';

/** Bytes beside body and properties in an item of a batch. */
const BATCH_ITEM_FIXED_BYTES = 22;
const DELAY = [68, 69, 76, 65, 89];

/** A batch as a whole cannot be delayed. Nearly no batch names DELAY: then a walk over its properties' bytes is all. */
export function batchDelayFault(header: SendHeader): string | null {
  const { text, propertiesStart, propertiesEnd } = header;
  for (let at = propertiesStart; at <= propertiesEnd - DELAY.length; at++) {
    if (text[at] !== DELAY[0] || !DELAY.every((byte, index) => text[at + index] === byte)) continue;
    const level = delayLevelOf(parseProperties(propertiesText(header) ?? ''));
    return level === null || level > 0 ? 'a batch cannot be delayed; send its messages singly with DELAY, or the batch without' : null;
  }
  return null;
}

/** What is wrong with a batch's body, or null: every length must lead to the next item and the last one to the end. */
export function batchFault(bytes: Uint8Array, start: number, end: number): string | null {
  let items = 0;
  for (let at = start; at < end; items++) {
    const room = end - at;
    if (room < BATCH_ITEM_FIXED_BYTES)
      return `the batch ends within item ${items}: ${room} bytes are left, an item has at least ${BATCH_ITEM_FIXED_BYTES}`;
    const itemBytes = readInt32(bytes, at);
    const bodyBytes = readInt32(bytes, at + 16);
    if (itemBytes < BATCH_ITEM_FIXED_BYTES || itemBytes > room)
      return `item ${items} of the batch claims ${itemBytes} bytes, ${room} are there`;
    if (bodyBytes < 1 || bodyBytes > itemBytes - BATCH_ITEM_FIXED_BYTES)
      return `item ${items} of the batch claims a body of ${bodyBytes} bytes, it may have 1 to ${itemBytes - BATCH_ITEM_FIXED_BYTES}`;
    const propertiesAt = at + 20 + bodyBytes;
    const propertiesBytes = (bytes[propertiesAt]! << 8) | bytes[propertiesAt + 1]!;
    if (propertiesBytes !== itemBytes - BATCH_ITEM_FIXED_BYTES - bodyBytes)
      return `item ${items} of the batch claims ${propertiesBytes} bytes of properties, ${itemBytes - BATCH_ITEM_FIXED_BYTES - bodyBytes} are there`;
    at += itemBytes;
  }
  return items === 0 ? 'the batch is empty' : null;
}
