import { test } from 'tap';
import type { Actor, ActorContext, ActorMessage, ActorRef } from '../../runtime/actor.ts';
import { Simulation } from '../../runtime/simulation.ts';
import { Supervisor } from '../../runtime/supervision/supervisor.ts';

type Note = { kind: 'note'; text: string };

/** Writes down what happens to it. */
class Scribe implements Actor<Note | { kind: 'throw' } | { kind: 'later'; ms: number; text: string } | { kind: 'stop' }> {
  readonly #log: string[];
  readonly #name: string;

  constructor(log: string[], name: string) {
    this.#log = log;
    this.#name = name;
  }

  started(): void {
    this.#log.push(`${this.#name} started`);
  }

  stopped(): void {
    this.#log.push(`${this.#name} stopped`);
  }

  receive(message: Note | { kind: 'throw' } | { kind: 'later'; ms: number; text: string } | { kind: 'stop' }, context: ActorContext): void {
    if (message.kind === 'throw') throw new Error(`${this.#name} was told to`);
    if (message.kind === 'later') context.schedule(message.ms, { kind: 'note', text: message.text } as Note);
    else if (message.kind === 'stop') context.stop();
    else this.#log.push(`${this.#name} ${message.text}`);
  }
}

test('Simulation delivers in order and fires timers at their time', async (t) => {
  const simulation = new Simulation({ seed: 1 });
  const log: string[] = [];
  const scribe = simulation.spawn('scribe', () => new Scribe(log, 's'));
  scribe.tell({ kind: 'later', ms: 100, text: 'b' });
  scribe.tell({ kind: 'later', ms: 50, text: 'a' });
  scribe.tell({ kind: 'note', text: 'now' });
  simulation.advance(49);
  t.same(log, ['s started', 's now']);
  simulation.advance(1);
  t.same(log.slice(2), ['s a']);
  simulation.advance(50);
  t.same(log.slice(3), ['s b']);
  simulation.advance(86_400_000 * 30);
  t.equal(log.length, 4, 'and nothing fires twice in a month');
});

test('ActorContext.ask gives the reply, and undefined after the deadline', async (t) => {
  const simulation = new Simulation({ seed: 3 });
  type Question = { kind: 'question'; replyTo: ActorRef<{ kind: 'answer'; value: number }> };
  const answering = simulation.spawn<Question>('answering', () => ({ receive: (m) => void m.replyTo.tell({ kind: 'answer', value: 42 }) }));
  const silent = simulation.spawn<Question>('silent', () => ({ receive: () => {} }));
  const got: unknown[] = [];
  type Go = { kind: 'go' } | { kind: 'got'; value: number | undefined };
  const asker = simulation.spawn<Go>('asker', () => ({
    receive: (message, context) => {
      if (message.kind === 'got') got.push([message.value, context.monotonicMs()]);
      else {
        for (const target of [answering, silent]) {
          context.ask<{ kind: 'answer'; value: number }, Question>(
            target,
            (replyTo) => ({ kind: 'question', replyTo }),
            500,
            (reply) => ({ kind: 'got', value: reply?.value }) as Go,
          );
        }
      }
    },
  }));
  asker.tell({ kind: 'go' });
  simulation.advance(499);
  t.same(got, [[42, 0]]);
  simulation.advance(2);
  t.same(got, [
    [42, 0],
    [undefined, 500],
  ]);
  t.equal(
    simulation.ask<{ kind: 'answer'; value: number }, Question>(answering, (replyTo) => ({ kind: 'question', replyTo }), 10)?.value,
    42,
  );
  t.equal(
    simulation.ask<{ kind: 'answer'; value: number }, Question>(silent, (replyTo) => ({ kind: 'question', replyTo }), 10),
    undefined,
  );
});

test('an actor that throws is started again in place, with its mailbox kept, and its timers dropped', async (t) => {
  const simulation = new Simulation({ seed: 1 });
  const log: string[] = [];
  const scribe = simulation.spawn('scribe', () => new Scribe(log, 's'));
  scribe.tell({ kind: 'later', ms: 10, text: 'of the first instance' });
  scribe.tell({ kind: 'throw' });
  scribe.tell({ kind: 'note', text: 'kept' });
  simulation.advance(1000);
  t.same(log, ['s started', 's stopped', 's started', 's kept']);
  t.same(simulation.failures, ['s was told to']);
});

test('an actor that fails more often than its intensity fails the thread', async (t) => {
  const simulation = new Simulation({ seed: 1 });
  const scribe = simulation.spawn('scribe', () => new Scribe([], 's'), { intensity: 3, periodMs: 1000 });
  for (let i = 0; i < 3; i++) scribe.tell({ kind: 'throw' });
  simulation.advance(10);
  scribe.tell({ kind: 'throw' });
  t.throws(() => simulation.advance(10), { code: 'MQ_RUNTIME_ACTOR_FAILED' });
});

for (const restart of ['permanent', 'transient', 'temporary'] as const) {
  test(`a ${restart} child after a failure and after its own end`, async (t) => {
    for (const command of ['throw', 'stop'] as const) {
      const simulation = new Simulation({ seed: 1 });
      const log: string[] = [];
      simulation.spawn(
        'sup',
        () =>
          new Supervisor({
            strategy: 'one-for-one',
            intensity: 3,
            periodMs: 1000,
            children: [{ id: 'c', create: () => new Scribe(log, 'c'), restart }],
          }),
      );
      simulation.advance(1);
      simulation.ref('sup/c').tell({ kind: command });
      simulation.advance(1);
      const comesBack = restart === 'permanent' || (restart === 'transient' && command === 'throw');
      t.same(log, comesBack ? ['c started', 'c stopped', 'c started'] : ['c started', 'c stopped'], command);
    }
  });
}

const strategies = [
  ['one-for-one', ['b stopped', 'b started']],
  ['rest-for-one', ['b stopped', 'c stopped', 'b started', 'c started']],
  ['one-for-all', ['b stopped', 'c stopped', 'a stopped', 'a started', 'b started', 'c started']],
] as const;
for (const [strategy, expected] of strategies) {
  test(`Supervisor restarts ${strategy}`, async (t) => {
    const simulation = new Simulation({ seed: 1 });
    const log: string[] = [];
    const children = ['a', 'b', 'c'].map((id) => ({ id, create: () => new Scribe(log, id) }));
    simulation.spawn('sup', () => new Supervisor({ strategy, intensity: 3, periodMs: 1000, children }));
    simulation.advance(1);
    t.same(log.splice(0), ['a started', 'b started', 'c started'], 'in order of start');
    simulation.ref('sup/b').tell({ kind: 'throw' });
    simulation.advance(1);
    t.same(log.splice(0), expected);
    simulation.stop();
    t.same(log, ['c stopped', 'b stopped', 'a stopped'], 'in reverse order of start');
  });
}

test('Supervisor waits by its back-off, and fails itself after its intensity', async (t) => {
  const simulation = new Simulation({ seed: 1 });
  const log: string[] = [];
  const inner = () =>
    new Supervisor({
      strategy: 'one-for-one',
      intensity: 2,
      periodMs: 60_000,
      backoff: { minMs: 100, maxMs: 150 },
      children: [{ id: 'c', create: () => new Scribe(log, 'c') }],
    });
  simulation.spawn(
    'outer',
    () => new Supervisor({ strategy: 'one-for-one', intensity: 5, periodMs: 60_000, children: [{ id: 'inner', create: inner }] }),
  );
  simulation.advance(1);
  const child = simulation.ref<Note | { kind: 'throw' }>('outer/inner/c');
  child.tell({ kind: 'throw' });
  simulation.advance(99);
  t.same(log, ['c started', 'c stopped']);
  child.tell({ kind: 'note', text: 'kept while down' });
  simulation.advance(2);
  t.same(log.splice(0), ['c started', 'c stopped', 'c started', 'c kept while down']);
  child.tell({ kind: 'throw' });
  simulation.advance(149);
  t.same(log.splice(0), ['c stopped'], 'the second waits 150, not 200');
  simulation.advance(2);
  child.tell({ kind: 'throw' });
  simulation.advance(1);
  t.same(log, ['c started', 'c stopped', 'c started'], 'the third is one too many: inner is started again, at once, with its child');
});

test('watch tells once that the actor has gone: stopped, never been, or stopped before', async (t) => {
  const simulation = new Simulation({ seed: 1 });
  const probe = simulation.probe<Note>();
  const target = simulation.spawn('target', () => new Scribe([], 't'));
  type Watch = { kind: 'watch'; path: string } | { kind: 'gone'; path: string };
  const watcher = simulation.spawn<Watch>('watcher', () => ({
    receive: (message, context) => {
      if (message.kind === 'watch') context.watch(context.ref(message.path), { kind: 'gone', path: message.path } as Watch);
      else probe.ref.tell({ kind: 'note', text: message.path });
    },
  }));
  watcher.tell({ kind: 'watch', path: 'target' });
  watcher.tell({ kind: 'watch', path: 'nobody' });
  simulation.advance(1);
  t.same(
    probe.received.map(({ text }) => text),
    ['nobody'],
  );
  target.tell({ kind: 'throw' });
  simulation.advance(1);
  t.equal(probe.received.length, 1, 'a restart is no end');
  target.tell({ kind: 'stop' });
  simulation.advance(1);
  t.same(
    probe.received.map(({ text }) => text),
    ['nobody', 'target'],
  );
  watcher.tell({ kind: 'watch', path: 'target' });
  simulation.advance(1);
  t.equal(probe.received.length, 3);
});

test('activators create at the first message, by the longest prefix, and again after a stop', async (t) => {
  const simulation = new Simulation({ seed: 1 });
  const log: string[] = [];
  simulation.register('queue/', {
    create: (path, rest) => {
      log.push(`${path}|${rest}`);
      return new Scribe(log, rest);
    },
  });
  simulation.register('queue/special/', { create: (_path, rest) => new Scribe(log, `special ${rest}`) });
  const queue = simulation.ref<ActorMessage>('queue/a');
  t.same(log, []);
  queue.tell({ kind: 'stop' });
  simulation.advance(1);
  simulation.ref<Note>('queue/a').tell({ kind: 'note', text: 'x' });
  simulation.ref<Note>('queue/special/b').tell({ kind: 'note', text: 'y' });
  simulation.advance(1);
  t.same(log.slice(0, 5), ['queue/a|a', 'a started', 'a stopped', 'queue/a|a', 'a started']);
  t.same(log.slice(5).sort(), ['a x', 'special b started', 'special b y']);
});

test('a full mailbox says no, and what finds no actor is a dead letter', async (t) => {
  const simulation = new Simulation({ seed: 1 });
  const log: string[] = [];
  const scribe = simulation.spawn('scribe', () => new Scribe(log, 's'), { mailboxMax: 2 });
  t.same(
    ['a', 'b', 'c'].map((text) => scribe.tell({ kind: 'note', text })),
    [true, true, false],
  );
  simulation.ref<Note>('nobody').tell({ kind: 'note', text: 'lost' });
  simulation.advance(1);
  t.same(log, ['s started', 's a', 's b']);
  t.match(simulation.deadLetters, [{ path: 'nobody', kind: 'note', reason: 'no-actor' }]);
});

test('a simulation is repeated exactly by its seed, and another seed gives another order', async (t) => {
  const run = (seed: number): string[] => {
    const simulation = new Simulation({ seed });
    const log: string[] = [];
    const players: ActorRef<Note>[] = [];
    for (let i = 0; i < 5; i++) {
      players.push(
        simulation.spawn<Note>(`player/${i}`, () => ({
          receive: (message, context) => {
            log.push(`${i} ${message.text} ${context.random().toFixed(3)} ${context.now()}`);
            if (message.text.length > 4) return;
            players[Math.floor(context.random() * 5)]?.tell({ kind: 'note', text: `${message.text}${i}` });
            context.schedule(context.random() * 100, { kind: 'note', text: `${message.text}t` } as Note);
          },
        })),
      );
    }
    for (const player of players) player.tell({ kind: 'note', text: '' });
    simulation.advance(300);
    return log;
  };
  const first = run(7);
  t.ok(first.length > 100);
  t.same(run(7), first);
  t.notSame(run(8), first);
});

test('two actors that never stop talking are found out', async (t) => {
  const simulation = new Simulation({ seed: 1 });
  const echo = simulation.spawn<Note>('echo', () => ({ receive: (message, context) => void context.ref<Note>('echo').tell(message) }));
  echo.tell({ kind: 'note', text: 'for ever' });
  t.throws(() => simulation.advance(1), { code: 'MQ_RUNTIME_LIMIT' });
});
