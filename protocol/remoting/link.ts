/**
 * A client's way to a broker, whatever carries it: what the client asks of it and what it tells. The client runs over such links
 * (client/transport.ts opens them), a broker in the same process offers them (actors/embedded). Types only; everything here is called on the
 * thread of the client, and calls back on it.
 *
 * A link without sockets has the choice: frames only (`direct` is null: every request is a frame, as over TCP), or frames for all that is
 * rare and `direct` for sends and pulls, which then are never encoded.
 */
import type { PullMessageRequest, PullMessageResponse } from './requests/pull-message.ts';
import type { SendMessageRequest, SendMessageResponse } from './requests/send-message.ts';

/** What a link tells. First `opened` or `closed`; after `closed` nothing more. */
export interface LinkEvents {
  opened(): void;
  /**
   * A whole frame, answer or request of the peer: `start` is its length field, `end` one past its last byte. The bytes are only valid during
   * the call. Frames are checked by FrameReader's rules before they come here (length, serializer, header within the frame).
   */
  frame(bytes: Uint8Array, start: number, end: number): void;
  /** After a `send` that said false: there is room again. */
  drained(): void;
  /** The link is gone, once, whoever ended it; not told after `close`. */
  closed(reason: string): void;
}

export interface Link {
  /**
   * Sends one frame: `head` is the frame up to its body (encodeCommandHead) or all of it, `body` what follows. Both belong to the link from
   * now on until they are sent: nobody changes them. False: taken, but enough waits (the transport's limit); send no more before `drained`.
   * A frame that is sent before `opened` or after `closed` is dropped.
   */
  send(head: Uint8Array, body: Uint8Array | null): boolean;
  /** Ends the link; nothing is told any more, answers under way are lost. */
  close(): void;
  /** The shorter way to the same broker, valid between `opened` and `closed`; null: there is none. */
  readonly direct: DirectPath | null;
}

/**
 * Sends and pulls without frames. Semantics are those of the requests: the same checks, the same answers, the same order among the sends of
 * one link. The client applies its own time limits: `done` after that is ignored, and no `done` at all after the link has closed is right.
 */
export interface DirectPath {
  /**
   * SEND_MESSAGE_V2 (310), or SEND_BATCH_MESSAGE (320) when `request.batch`. The body may be reused by the caller when the call returns: it is
   * copied (into the lane) within it. `done` may be called within the call for a refusal; true: taken. False: no room now, not taken;
   * try again after `LinkEvents.drained`.
   */
  send(request: SendMessageRequest, body: Uint8Array, done: (answer: DirectSendAnswer) => void): boolean;
  /**
   * PULL_MESSAGE (11), held as its sysFlag says. `body` of the answer holds stored records back to back and belongs to the client from then on: never
   * a view of memory that is written again. Returns what drops the request when its answer is no longer wanted.
   */
  pull(request: PullMessageRequest, done: (answer: DirectPullAnswer) => void): () => void;
}

/** `response` is there with the codes that say that the message is stored: 0, 10, 11, 12. */
export type DirectSendAnswer = { readonly code: number; readonly remark: string | null; readonly response: SendMessageResponse | null };

/** `response` is there with the codes 0, 19, 20, 21. */
export type DirectPullAnswer = {
  readonly code: number;
  readonly remark: string | null;
  readonly response: PullMessageResponse | null;
  readonly body: Uint8Array;
};
