/**
 * What the root and a worker say to each other beside rings and shared words: the worker's birth data, and its few words home.
 */
import type { MessagePort } from 'node:worker_threads';
import type { LogLevel } from '../actor.ts';
import type { LoopKind } from './thread-context.ts';
import type { ThreadPlace } from './thread-place.ts';

/** `workerData` of every thread. */
export interface ThreadBirth extends ThreadPlace {
  readonly loop: LoopKind;
  readonly heartbeatMs: number;
  readonly module: string;
  readonly data: unknown;
  /** Event threads only: the worker's end of the control link. */
  readonly control: MessagePort | undefined;
}

/** What a thread that is not the system's needs (guest-thread.ts). Plain data and shared memory: it may be posted. */
export interface GuestBirth extends ThreadPlace {
  readonly name: string;
}

/** Worker → root, by the worker's port: it can be written to from a thread that never turns its event loop. */
export type WordHome =
  | { readonly word: 'ready' }
  | { readonly word: 'stopped' }
  | { readonly word: 'failed'; readonly error: ErrorInWords }
  | { readonly word: 'log'; readonly level: LogLevel; readonly text: string; readonly fields: Record<string, unknown> | undefined }
  | { readonly word: 'report'; readonly event: string; readonly detail: Record<string, string | number | boolean> };

/** An error as it survives the way between threads. */
export interface ErrorInWords {
  readonly name: string;
  readonly message: string;
  readonly stack: string;
  readonly code: string;
}

export function errorInWords(error: Error): ErrorInWords {
  const code = (error as { code?: unknown }).code;
  return { name: error.name, message: error.message, stack: error.stack ?? '', code: typeof code === 'string' ? code : '' };
}

export function errorFromWords(words: ErrorInWords): Error {
  const error = new Error(words.message);
  error.name = words.name;
  error.stack = words.stack;
  if (words.code !== '') (error as { code?: string }).code = words.code;
  return error;
}
