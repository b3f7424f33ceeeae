/**
 * A thread for tests: actors under 'echo/' answer what they are asked, and fail on command in every way a thread can.
 */
import type { Actor, ActorContext, ActorRef } from '../../../runtime/actor.ts';
import type { ThreadContext } from '../../../runtime/thread/thread-context.ts';

export type EchoReply = { kind: 'echoed'; value: number; thread: string; generation: number; path: string };
export type EchoCommand =
  | { kind: 'echo'; value: number; replyTo: ActorRef<EchoReply> }
  | { kind: 'throw' }
  | { kind: 'stop' }
  | { kind: 'crash-thread' }
  | { kind: 'hang' }
  | { kind: 'eat-memory' }
  | { kind: 'call'; ms: number }
  /** In a call until `release`. */
  | { kind: 'hold' }
  | { kind: 'count'; replyTo: ActorRef<{ kind: 'count'; received: number }> }
  | { kind: 'note' };

const HELD_AT = 14;
const RELEASED_AT = 15;

/** A thread that was given this memory as `stops` is in `hold`. */
export async function untilHeld(stops: SharedArrayBuffer): Promise<void> {
  while (Atomics.load(new Int32Array(stops), HELD_AT) === 0) await new Promise((resolve) => setTimeout(resolve, 1));
}

/** Ends `hold` of the threads that were given this memory as `stops`. */
export function release(stops: SharedArrayBuffer): void {
  const words = new Int32Array(stops);
  Atomics.store(words, RELEASED_AT, 1);
  Atomics.notify(words, RELEASED_AT);
}

class EchoActor implements Actor<EchoCommand> {
  readonly #thread: ThreadContext;
  readonly #stops: SharedArrayBuffer | undefined;
  #received = 0;

  constructor(thread: ThreadContext, stops: SharedArrayBuffer | undefined) {
    this.#thread = thread;
    this.#stops = stops;
  }

  receive(message: EchoCommand, context: ActorContext): void {
    const thread = this.#thread;
    switch (message.kind) {
      case 'echo':
        message.replyTo.tell({
          kind: 'echoed',
          value: message.value,
          thread: thread.name,
          generation: thread.generation,
          path: context.path,
        });
        return;
      case 'note':
        this.#received++;
        return;
      case 'count':
        message.replyTo.tell({ kind: 'count', received: this.#received });
        return;
      case 'throw':
        throw new Error('told to throw');
      case 'stop':
        context.stop();
        return;
      case 'crash-thread':
        thread.fail(new Error('told to crash'));
        return;
      case 'hang':
        for (;;);
      case 'eat-memory': {
        const eaten: number[][] = [];
        for (;;) eaten.push(new Array(10_000).fill(eaten.length));
      }
      case 'call':
        thread.enterCall();
        Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, message.ms);
        thread.leaveCall();
        return;
      case 'hold':
        thread.enterCall();
        Atomics.store(new Int32Array(this.#stops!), HELD_AT, 1);
        Atomics.wait(new Int32Array(this.#stops!), RELEASED_AT, 0);
        thread.leaveCall();
    }
  }
}

export function main(thread: ThreadContext, data: unknown): void {
  const options = (data ?? {}) as { failStart?: boolean; stops?: SharedArrayBuffer };
  if (options.failStart === true) throw new Error('told not to start');
  thread.register('echo/', { create: () => new EchoActor(thread, options.stops) });
  thread.register(`${thread.name}/echo/`, { create: () => new EchoActor(thread, options.stops) });
  const stops = options.stops;
  if (stops !== undefined) {
    const words = new Int32Array(stops);
    thread.onStop(() => {
      const order = Atomics.add(words, 0, 1) + 1;
      Atomics.store(words, thread.index, order);
    });
  }
}
