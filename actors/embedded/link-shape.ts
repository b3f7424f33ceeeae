/**
 * The shape of a client's way to a broker (client/transport.ts has its promises): actors may not import the client, so the same types
 * stand here once more; index.ts, which sees both, would not compile if they were not the same. Types only.
 */
import type { PullMessageRequest, PullMessageResponse } from '../../protocol/remoting/requests/pull-message.ts';
import type { SendMessageRequest, SendMessageResponse } from '../../protocol/remoting/requests/send-message.ts';

export interface LinkEvents {
  opened(): void;
  frame(bytes: Uint8Array, start: number, end: number): void;
  drained(): void;
  closed(reason: string): void;
}

export interface Link {
  send(head: Uint8Array, body: Uint8Array | null): boolean;
  close(): void;
  readonly direct: DirectPath | null;
}

export interface DirectPath {
  send(request: SendMessageRequest, body: Uint8Array, done: (answer: DirectSendAnswer) => void): boolean;
  pull(request: PullMessageRequest, done: (answer: DirectPullAnswer) => void): () => void;
}

export type DirectSendAnswer = { readonly code: number; readonly remark: string | null; readonly response: SendMessageResponse | null };

export type DirectPullAnswer = {
  readonly code: number;
  readonly remark: string | null;
  readonly response: PullMessageResponse | null;
  readonly body: Uint8Array;
};
