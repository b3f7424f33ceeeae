/**
 * The unit of a consume queue: one message's place in the commit log. Pure; big-endian.
 * Source: RocketMQ 5.3 `ConsumeQueue`.
 *
 *    0  physicalOffset 8   |   8  size 4   |   12  tagCode 8
 */
import { readInt32, readInt64, writeInt32 } from '../../model/message-record.ts';

export const QUEUE_UNIT_BYTES = 20;
/** Size of a unit that stands for no message: before a queue's first one in its file, or for a damaged one. */
export const NO_MESSAGE_SIZE = 0x7fffffff;

/** Writes a unit at `at`; the tag code is an int32, sign-extended as Java does. */
export function writeQueueUnit(bytes: Uint8Array, at: number, physicalOffset: number, size: number, tagHash: number): void {
  writeInt32(bytes, at, Math.floor(physicalOffset / 0x1_0000_0000));
  writeInt32(bytes, at + 4, physicalOffset | 0);
  writeInt32(bytes, at + 8, size);
  writeInt32(bytes, at + 12, tagHash >> 31);
  writeInt32(bytes, at + 16, tagHash);
}

/** Replaces a unit's tag code by 64 bits of another kind: the time of delivery of a delayed message. */
export function writeUnitTime(bytes: Uint8Array, at: number, timeMs: number): void {
  writeInt32(bytes, at + 12, Math.floor(timeMs / 0x1_0000_0000));
  writeInt32(bytes, at + 16, timeMs | 0);
}

export function unitPhysicalOffset(bytes: Uint8Array, at: number): number {
  return readInt64(bytes, at);
}

/** Where the record after the unit's own begins, were it the next in the log. */
export function unitEnd(bytes: Uint8Array, at: number): number {
  return unitPhysicalOffset(bytes, at) + unitSize(bytes, at);
}

/** 0: nothing was ever written here. `NO_MESSAGE_SIZE`: no message. */
export function unitSize(bytes: Uint8Array, at: number): number {
  return readInt32(bytes, at + 8);
}

/** Bytes of the messages that the first `count` units stand for. */
export function sizeOfUnits(units: Uint8Array, count: number): number {
  let bytes = 0;
  for (let i = 0; i < count; i++) bytes += unitSize(units, i * QUEUE_UNIT_BYTES);
  return bytes;
}

export function unitTagHigh(bytes: Uint8Array, at: number): number {
  return readInt32(bytes, at + 12);
}

export function unitTagLow(bytes: Uint8Array, at: number): number {
  return readInt32(bytes, at + 16);
}

/** The tag code as a time in ms, for the delay topic. */
export function unitTime(bytes: Uint8Array, at: number): number {
  return readInt64(bytes, at + 12);
}

/**
 * Physical offset of units that stand for no message: before a queue's first message in its file (as Java writes it), and
 * in place of a message that was damaged. Only the second kind may lie between messages, so a search must tell them apart.
 */
export const HEAD_MARK = 0;
export const GAP_MARK = 1;

export function isGapUnit(bytes: Uint8Array, at: number): boolean {
  return unitSize(bytes, at) === NO_MESSAGE_SIZE && unitPhysicalOffset(bytes, at) === GAP_MARK;
}

/** Fills `count` units from `at` on with units that stand for no message. */
export function writeNoMessageUnits(bytes: Uint8Array, at: number, count: number, mark: number): void {
  for (let unit = 0; unit < count; unit++) writeQueueUnit(bytes, at + unit * QUEUE_UNIT_BYTES, mark, NO_MESSAGE_SIZE, 0);
}
