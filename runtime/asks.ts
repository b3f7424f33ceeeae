/**
 * Asks: questions without an answer yet of all actors of one thread, each with a path of its own that its answer is told to. One a host. An answer
 * that is late finds nothing; one question too many is answered at once with nothing, and said in the log.
 */
import type { ActorMessage, ActorRef, LogLevel } from './actor.ts';

/** What asks need of their host. */
export interface AsksPort {
  refHere<R extends ActorMessage>(path: string): ActorRef<R>;
  schedule(delayMs: number, run: () => void): number;
  cancel(timer: number): void;
  /** Runs `run` in this turn or the next. */
  defer(run: () => void): void;
  log(level: LogLevel, text: string, fields?: Record<string, unknown>): void;
}

interface Ask {
  readonly timer: number;
  readonly onReply: (reply: ActorMessage | undefined) => void;
}

export class Asks {
  readonly #port: AsksPort;
  readonly #prefix: string;
  readonly #max: number;
  readonly #open: Map<number, Ask> = new Map();
  #next = 0;

  /** @param prefix of the paths that answers are told to; no actor's begins so. @param max open at once */
  constructor(port: AsksPort, prefix: string, max: number) {
    this.#port = port;
    this.#prefix = prefix;
    this.#max = max;
  }

  ask<R extends ActorMessage, M extends ActorMessage>(
    target: ActorRef<M>,
    build: (replyTo: ActorRef<R>) => M,
    timeoutMs: number,
    onReply: (reply: R | undefined) => void,
  ): void {
    const port = this.#port;
    if (this.#open.size >= this.#max) {
      port.log('warn', 'too many asks without an answer', { asks: this.#open.size, target: target.path });
      port.defer(() => onReply(undefined));
      return;
    }
    const id = this.#next++;
    const message = build(port.refHere<R>(this.#prefix + id));
    const timer = port.schedule(timeoutMs, () => this.#settle(id, undefined));
    this.#open.set(id, { timer, onReply: onReply as (reply: ActorMessage | undefined) => void });
    if (!target.tell(message)) port.defer(() => this.#settle(id, undefined));
  }

  /** Settles the ask whose answers are told to `path`. False: that is no such path. */
  answered(path: string, reply: ActorMessage): boolean {
    if (!path.startsWith(this.#prefix)) return false;
    // A reply that comes after its deadline finds nothing, as it should.
    this.#settle(Number(path.slice(this.#prefix.length)), reply);
    return true;
  }

  /** Nobody waits any more. */
  drop(): void {
    for (const ask of this.#open.values()) this.#port.cancel(ask.timer);
    this.#open.clear();
  }

  #settle(id: number, reply: ActorMessage | undefined): void {
    const ask = this.#open.get(id);
    if (ask === undefined) return;
    this.#open.delete(id);
    this.#port.cancel(ask.timer);
    ask.onReply(reply);
  }
}
