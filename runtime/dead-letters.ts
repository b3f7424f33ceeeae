/**
 * Dead letters: messages that found no actor, or a full mailbox at the far end. One a thread. Counts them, keeps the last ones, and logs at a
 * limited rate; cannot fail.
 */
import type { ActorMessage, LogLevel } from './actor.ts';

export type DeadLetterReason = 'no-actor' | 'mailbox-full' | 'actor-stopped' | 'actor-failed' | 'not-a-message' | 'no-placement';

export interface DeadLetter {
  readonly path: string;
  readonly kind: string;
  readonly reason: DeadLetterReason;
  readonly atMs: number;
}

const KEPT = 32;
const LOG_EVERY_MS = 1000;

export class DeadLetters {
  #count = 0;
  #last: DeadLetter[] = [];
  #loggedMs = Number.NEGATIVE_INFINITY;
  #sinceLogged = 0;
  readonly #log: (level: LogLevel, text: string, fields: Record<string, unknown>) => void;

  constructor(log: (level: LogLevel, text: string, fields: Record<string, unknown>) => void) {
    this.#log = log;
  }

  get count(): number {
    return this.#count;
  }

  /** The last 32, oldest first. */
  get last(): readonly DeadLetter[] {
    return this.#last;
  }

  add(path: string, message: ActorMessage, reason: DeadLetterReason, nowMs: number, cause?: Error): void {
    this.#count++;
    this.#sinceLogged++;
    const letter: DeadLetter = { path, kind: String(message.kind), reason, atMs: nowMs };
    this.#last.push(letter);
    if (this.#last.length > KEPT) this.#last.shift();
    if (nowMs - this.#loggedMs < LOG_EVERY_MS) return;
    this.#loggedMs = nowMs;
    const fields: Record<string, unknown> = { path, kind: letter.kind, reason, letters: this.#sinceLogged };
    if (cause !== undefined) fields.error = cause.message;
    this.#log('warn', 'dead letter', fields);
    this.#sinceLogged = 0;
  }
}
