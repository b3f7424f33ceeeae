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
  | { kind: 'count'; replyTo: ActorRef<{ kind: 'count'; received: number }> }
  | { kind: 'note' };

class EchoActor implements Actor<EchoCommand> {
  readonly #thread: ThreadContext;
  #received = 0;

  constructor(thread: ThreadContext) {
    this.#thread = thread;
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
    }
  }
}

export function main(thread: ThreadContext, data: unknown): void {
  const options = (data ?? {}) as { failStart?: boolean; stops?: SharedArrayBuffer };
  if (options.failStart === true) throw new Error('told not to start');
  thread.register('echo/', { create: () => new EchoActor(thread) });
  thread.register(`${thread.name}/echo/`, { create: () => new EchoActor(thread) });
  const stops = options.stops;
  if (stops !== undefined) {
    const words = new Int32Array(stops);
    thread.onStop(() => {
      const order = Atomics.add(words, 0, 1) + 1;
      Atomics.store(words, thread.index, order);
    });
  }
}
