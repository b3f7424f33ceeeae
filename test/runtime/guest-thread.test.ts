import { test } from 'tap';
import type { Actor, ActorContext, ActorRef } from '../../runtime/actor.ts';
import { ActorSystem } from '../../runtime/actor-system.ts';
import { createGuest } from '../../runtime/thread/guest-thread.ts';
import type { ThreadLoop } from '../../runtime/thread/thread-loop.ts';
import type { GuestBirth } from '../../runtime/thread/thread-words.ts';
import type { EchoCommand, EchoReply } from './support/echo-thread.ts';

const module = new URL('./support/echo-thread.ts', import.meta.url);

async function start(t: { after(run: () => Promise<void>): void }): Promise<ActorSystem> {
  const system = await ActorSystem.start({
    root: {
      id: 'top',
      strategy: 'one-for-one',
      intensity: 5,
      periodMs: 10_000,
      children: [{ name: 's0', group: 'shards', loop: 'event', module }],
    },
    placement: [{ prefix: 'echo/', group: 'shards' }],
    guests: ['visitor'],
    log: () => {},
  });
  t.after(() => system.stop());
  return system;
}

function join(birth: GuestBirth, failed: (error: Error) => void = () => {}): ThreadLoop {
  // As a thread of its own gets it.
  const guest = createGuest(structuredClone(birth), { log: () => {}, failed });
  guest.runOnEvents(() => {});
  return guest;
}

function ask(guest: ThreadLoop, value: number): Promise<EchoReply | undefined> {
  return new Promise((resolve) => {
    const target: ActorRef<EchoCommand> = guest.ref('echo/a');
    guest.ask<EchoReply, EchoCommand>(target, (replyTo) => ({ kind: 'echo', value, replyTo }), 5_000, resolve);
    guest.requestTurn();
  });
}

/** Hears when an actor of the guest has gone. */
class Watcher implements Actor<{ kind: 'look' } | { kind: 'gone' }> {
  readonly #gone: () => void;
  constructor(gone: () => void) {
    this.#gone = gone;
  }

  started(context: ActorContext): void {
    context.watch(context.ref('visitor/here') as ActorRef<never>, { kind: 'gone' });
  }

  receive(message: { kind: 'look' } | { kind: 'gone' }): void {
    if (message.kind === 'gone') this.#gone();
  }
}

class Here implements Actor<{ kind: 'hello' }> {
  receive(): void {}
}

test('createGuest makes a thread of the caller a member of a system: it asks, is told, and its leaving is seen as a death', async (t) => {
  const system = await start(t);
  t.same(system.context.threadsOf('guest'), [2]);
  const birth = system.guestBirth('visitor');
  t.equal(birth.generation, 1);
  const guest = join(birth);
  guest.spawn('visitor/here', () => new Here());
  t.same([(await ask(guest, 7))?.value, (await ask(guest, 8))?.value], [7, 8]);
  const gone = new Promise<void>((resolve) => {
    system.context.spawn('root/watcher', () => new Watcher(resolve));
  });
  await ask(guest, 9);
  await guest.drain();
  system.guestLeft('visitor');
  await gone;
  const second = system.guestBirth('visitor');
  t.equal(second.generation, 2, 'the name is free for another one');
  const again = join(second);
  t.equal((await ask(again, 10))?.value, 10);
  again.end();
  system.guestLeft('visitor');
});

test('createGuest tells a failure, and runs no turn after it', async (t) => {
  const system = await start(t);
  const failures: string[] = [];
  const guest = join(system.guestBirth('visitor'), (error) => failures.push(error.message));
  await ask(guest, 1);
  guest.fail(new Error('broken'));
  guest.fail(new Error('once more'));
  t.match(failures[0], /broken/);
  let turns = 0;
  guest.addTurnEnd(() => turns++);
  guest.requestTurn();
  await new Promise((resolve) => setImmediate(resolve));
  t.equal(turns, 0);
  system.guestLeft('visitor');
});
