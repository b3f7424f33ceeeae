/**
 * Writes bodies as Java's clients and the Go client read them: compact, members in alphabetical order, null members left out, and tables that
 * are keyed by a message queue with the key as an object, brokerName first: the Go client cuts such texts apart by hand.
 */
import type { MessageQueue } from '../../../model/queue-id.ts';

/** The bytes of a JSON value; members that are undefined or null are left out, the order is the caller's. */
export function jsonBody(value: unknown): Uint8Array {
  return Buffer.from(jsonText(value));
}

/** The text of a JSON value without its null members. */
export function jsonText(value: unknown): string {
  return JSON.stringify(value, (_name, member: unknown) => (member === null ? undefined : member));
}

/** A message queue as a key or a value. */
export function queueJson(queue: MessageQueue): string {
  return `{"brokerName":${JSON.stringify(queue.brokerName)},"queueId":${queue.queueId},"topic":${JSON.stringify(queue.topic)}}`;
}

/** `{{queue}:value,…}`: a table by message queue; the values are JSON texts. */
export function queueTableJson(entries: Iterable<readonly [MessageQueue, string]>): string {
  let text = '{';
  for (const [queue, value] of entries) text += `${text.length > 1 ? ',' : ''}${queueJson(queue)}:${value}`;
  return `${text}}`;
}
