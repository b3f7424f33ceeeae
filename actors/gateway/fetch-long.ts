/**
 * A body that is too long for one message between threads, fetched part by part from the gateway that keeps it (client-calls.ts). Holds
 * the parts until the last one is there; gives up when the keeper does not answer in time or has let it go.
 */
import type { ActorRef } from '../../runtime/actor.ts';
import type { ThreadContext } from '../../runtime/thread/thread-context.ts';

/** Bytes of a body in one message: it must fit one record between threads. */
export const PART_BYTES: number = 128 * 1024;
const PART_MAX_MS = 2_500;

/** Told to the actor `gateway/<shard>`: the part of a body from byte `at` on; empty when it is not kept any more. */
export type FetchAnswer = {
  readonly kind: 'fetch-answer';
  readonly ticket: number;
  readonly at: number;
  readonly replyTo: ActorRef<AnswerPart>;
};
export type AnswerPart = { readonly kind: 'answer-part'; readonly body: Uint8Array };

/** The first part of a body of `bytes` bytes; the rest is kept under `ticket`. */
export type LongBody = { readonly body: Uint8Array; readonly bytes: number; readonly ticket: number };

/** @param gateway path of the keeper. @param onBody null: the rest could not be had. May be called at once. */
export function fetchLong(thread: ThreadContext, gateway: string, long: LongBody, onBody: (body: Uint8Array | null) => void): void {
  fetchRest(thread, gateway, long, [long.body], long.body.length, onBody);
}

function fetchRest(
  thread: ThreadContext,
  gateway: string,
  long: LongBody,
  parts: Uint8Array[],
  at: number,
  onBody: (body: Uint8Array | null) => void,
): void {
  const { bytes, ticket } = long;
  if (at >= bytes) {
    onBody(parts.length === 1 ? parts[0]! : Buffer.concat(parts));
    return;
  }
  thread.ask<AnswerPart, FetchAnswer>(
    thread.ref(gateway),
    (replyTo) => ({ kind: 'fetch-answer', ticket, at, replyTo }),
    PART_MAX_MS,
    (part) => {
      if (part === undefined || part.body.length === 0) onBody(null);
      else fetchRest(thread, gateway, long, [...parts, part.body], at + part.body.length, onBody);
      thread.requestTurn();
    },
  );
}
