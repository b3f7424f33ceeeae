/**
 * PathRef: the one kind of actor reference. Holds a path, the thread that hosts it, and, on that thread, the cell found last time.
 * Owned by whoever asked for it; cannot fail.
 */
import type { ActorMessage, ActorRef } from './actor.ts';

/** What a reference remembers of the cell it found; the host knows the rest. */
export interface FoundCell {
  readonly state: 'running' | 'suspended' | 'gone';
}

/** Delivers what a reference is told. */
export interface RefHost {
  tell(ref: PathRef, message: ActorMessage): boolean;
}

export class PathRef implements ActorRef<ActorMessage> {
  readonly path: string;
  /** Index of the hosting thread; −1: no placement rule fits, and what is told becomes a dead letter. */
  readonly thread: number;
  /** Found by the host at the first message; replaced when that cell has gone. */
  cell: FoundCell | undefined;
  readonly #host: RefHost;

  constructor(host: RefHost, thread: number, path: string) {
    this.#host = host;
    this.thread = thread;
    this.path = path;
  }

  tell(message: ActorMessage): boolean {
    return this.#host.tell(this, message);
  }

  /** What a log line shows. */
  toString(): string {
    return this.path;
  }
}
