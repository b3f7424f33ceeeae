/**
 * Pop record: the body of a journal record, which tells what happened to the messages that a group pops of a topic. JSON, so that a tool can read it:
 *
 *   {"v":1,"g":group,"t":topic,"n":number,"w":1 when it is the whole state,"e":[[retry, queue id, letter, …],…]}
 *
 *   p popTime invisibleMs next (first count)…       s (first count)…             c offset popTime invisibleMs
 *   r next                                          o popTime invisibleMs attemptId next attempts[] (first count)…
 *   d offset (ordered, done)                        v offset visibleAt (ordered, changed)
 *
 * Numbers of one group and topic grow. Pure. What cannot be read gives null: somebody else's record, or a later form.
 */
import type { PopRetry } from '../../model/pop-topic.ts';
import type { PopEvent } from './pop-events.ts';

/** Tag of journal records: others in the topic are a Java broker's. */
export const POP_RECORD_TAG = 'ringmq-pop';
const VERSION = 1;

export type QueueEvent = { readonly retry: PopRetry; readonly queueId: number; readonly event: PopEvent };
export type PopRecord = {
  readonly group: string;
  readonly topic: string;
  readonly number: number;
  /** The events make the state from nothing: what was before does not count. */
  readonly isWhole: boolean;
  readonly events: readonly QueueEvent[];
};

type Item = readonly [number, number, string, ...(number | string | readonly number[])[]];

export function encodePopRecord({ group, topic, number, isWhole, events }: PopRecord): Uint8Array {
  return Buffer.from(JSON.stringify({ v: VERSION, g: group, t: topic, n: number, ...(isWhole ? { w: 1 } : {}), e: events.map(itemOf) }));
}

function itemOf({ retry, queueId, event }: QueueEvent): Item {
  switch (event.kind) {
    case 'popped':
      return [retry, queueId, 'p', event.popTime, event.invisibleMs, event.next, ...runsOf(event.offsets)];
    case 'settled':
      return [retry, queueId, 's', ...runsOf(event.offsets)];
    case 'changed':
      return [retry, queueId, 'c', event.offset, event.popTime, event.invisibleMs];
    case 'reset':
      return [retry, queueId, 'r', event.next];
    case 'ordered':
      return [retry, queueId, 'o', event.popTime, event.invisibleMs, event.attemptId, event.next, event.attempts, ...runsOf(event.offsets)];
    case 'ordered-settled':
      return [retry, queueId, 'd', event.offset];
    case 'ordered-changed':
      return [retry, queueId, 'v', event.offset, event.visibleAt];
  }
}

/** Pairs of first offset and count; neighbours together. */
function runsOf(offsets: readonly number[]): number[] {
  const runs: number[] = [];
  for (const offset of offsets) {
    const last = runs.length - 2;
    if (last >= 0 && offset === runs[last]! + runs[last + 1]!) runs[last + 1]!++;
    else runs.push(offset, 1);
  }
  return runs;
}

/** Messages of one event at most: what says more is no record of ours. */
const OFFSETS_MAX = 1_000_000;

function offsetsOf(runs: readonly unknown[]): number[] {
  const offsets: number[] = [];
  for (let at = 0; at + 1 < runs.length; at += 2) {
    const first = whole(runs[at]);
    const count = whole(runs[at + 1]);
    if (offsets.length + count > OFFSETS_MAX) throw new RangeError('too many offsets');
    for (let index = 0; index < count; index++) offsets.push(first + index);
  }
  return offsets;
}

function whole(value: unknown): number {
  if (!Number.isSafeInteger(value)) throw new RangeError('no integer');
  return value as number;
}

export function decodePopRecord(body: Uint8Array): PopRecord | null {
  try {
    const parsed = JSON.parse(Buffer.from(body.buffer, body.byteOffset, body.length).toString()) as Record<string, unknown>;
    const { v, g, t, n, w, e } = parsed;
    if (v !== VERSION || typeof g !== 'string' || typeof t !== 'string' || !Array.isArray(e)) return null;
    return { group: g, topic: t, number: whole(n), isWhole: w === 1, events: e.map(eventOf) };
  } catch (error) {
    if (error instanceof SyntaxError || error instanceof RangeError || error instanceof TypeError) return null;
    throw error;
  }
}

function eventOf(item: unknown): QueueEvent {
  const [retry, queueId, letter, ...rest] = item as unknown[];
  if (retry !== 0 && retry !== 1 && retry !== 2) throw new RangeError('no such retry');
  return { retry, queueId: whole(queueId), event: readEvent(letter, rest) };
}

function readEvent(letter: unknown, rest: readonly unknown[]): PopEvent {
  switch (letter) {
    case 'p':
      return {
        kind: 'popped',
        popTime: whole(rest[0]),
        invisibleMs: whole(rest[1]),
        next: whole(rest[2]),
        offsets: offsetsOf(rest.slice(3)),
      };
    case 's':
      return { kind: 'settled', offsets: offsetsOf(rest) };
    case 'c':
      return { kind: 'changed', offset: whole(rest[0]), popTime: whole(rest[1]), invisibleMs: whole(rest[2]) };
    case 'r':
      return { kind: 'reset', next: whole(rest[0]) };
    case 'o': {
      const offsets = offsetsOf(rest.slice(5));
      const attempts = (rest[4] as unknown[]).map(whole);
      if (attempts.length !== offsets.length) throw new RangeError('attempts for other messages');
      const [popTime, invisibleMs, next] = [whole(rest[0]), whole(rest[1]), whole(rest[3])];
      return { kind: 'ordered', popTime, invisibleMs, attemptId: String(rest[2]), next, attempts, offsets };
    }
    case 'd':
      return { kind: 'ordered-settled', offset: whole(rest[0]) };
    case 'v':
      return { kind: 'ordered-changed', offset: whole(rest[0]), visibleAt: whole(rest[1]) };
    default:
      throw new RangeError('no such event');
  }
}
