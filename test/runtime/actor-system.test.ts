import { test } from 'tap';
import type { ActorRef } from '../../runtime/actor.ts';
import { ActorSystem, type ActorSystemOptions } from '../../runtime/actor-system.ts';
import type { SupervisorSpec, ThreadEvent, ThreadExit, ThreadSpec } from '../../runtime/supervision/thread-spec.ts';
import { type EchoCommand, type EchoReply, release, untilHeld } from './support/echo-thread.ts';

const module = new URL('./support/echo-thread.ts', import.meta.url);
const shard = (name: string, more: Partial<ThreadSpec> = {}): ThreadSpec => ({ name, group: 'shards', loop: 'event', module, ...more });
const worker = (name: string, more: Partial<ThreadSpec> = {}): ThreadSpec => ({ name, loop: 'blocking', module, ...more });
const tree = (children: SupervisorSpec['children'], more: Partial<SupervisorSpec> = {}): SupervisorSpec => ({
  id: 'top',
  strategy: 'one-for-one',
  intensity: 5,
  periodMs: 10_000,
  startTogether: true,
  children,
  ...more,
});

/** A system that keeps its events, and stops when the test ends. */
async function start(
  t: { after(run: () => Promise<void>): void },
  root: SupervisorSpec,
  more: Partial<ActorSystemOptions> = {},
): Promise<{
  system: ActorSystem;
  events: ThreadEvent[];
  until(kind: ThreadEvent['kind'], thread: string, count?: number): Promise<void>;
}> {
  const events: ThreadEvent[] = [];
  const waiting = new Set<() => void>();
  const system = await ActorSystem.start({
    root,
    placement: JSON.stringify(root).includes('shards') ? [{ prefix: 'echo/', group: 'shards' }] : [],
    log: () => {},
    ...more,
    onThreadEvent: (event) => {
      events.push(event);
      for (const look of waiting) look();
    },
  });
  t.after(() => system.stop());
  const until = (kind: ThreadEvent['kind'], thread: string, count = 1): Promise<void> =>
    new Promise((resolve) => {
      const look = (): void => {
        if (events.filter((event) => event.kind === kind && event.thread === thread).length < count) return;
        waiting.delete(look);
        resolve();
      };
      waiting.add(look);
      look();
    });
  return { system, events, until };
}

const echo = (system: ActorSystem, path: string, value = 1, timeoutMs = 5000): Promise<EchoReply> =>
  system.ask<EchoReply, EchoCommand>(system.ref(path), (replyTo) => ({ kind: 'echo', value, replyTo }), timeoutMs);

test('ActorSystem answers over both kinds of loop, from where placement puts the path', async (t) => {
  const { system } = await start(t, tree([shard('s0'), shard('s1'), shard('s2'), worker('w')]));
  const threads = new Map<string, number>();
  for (let i = 0; i < 60; i++) {
    const reply = await echo(system, `echo/${i}`, i);
    t.equal(reply.value, i);
    t.equal(system.context.placementOf(`echo/${i}`), system.context.threadIndex(reply.thread));
    threads.set(reply.thread, (threads.get(reply.thread) ?? 0) + 1);
  }
  t.equal(threads.size, 3, `a hash spreads them: ${JSON.stringify([...threads])}`);
  t.equal((await echo(system, 'w/echo/x')).thread, 'w', "a thread's own paths are on it");
  t.same(system.context.threadsOf('shards'), [1, 2, 3]);
});

test('ActorSystem.ask rejects after its deadline, and stats show it without a message', async (t) => {
  const { system } = await start(t, tree([shard('s0')]));
  await t.rejects(echo(system, 'nowhere', 1, 50), { code: 'MQ_RUNTIME_ASK_TIMEOUT' });
  await t.rejects(echo(system, 's0/nobody', 1, 50), { code: 'MQ_RUNTIME_ASK_TIMEOUT' });
  await echo(system, 'echo/a');
  const stats = system.stats();
  t.match(stats.lastDeadLetters, [{ path: 'nowhere', reason: 'no-placement' }]);
  t.match(stats.threads[1], { name: 's0', state: 'running', deadLetters: 1, actors: 1, restarts: 0, lastError: undefined });
});

for (const loop of ['event', 'blocking'] as const) {
  const spec = (more: Partial<ThreadSpec> = {}): ThreadSpec => ({ name: 'x', loop, module, ...more });

  test(`a ${loop} thread that crashes is replaced, after its hook, and its neighbour does not notice`, async (t) => {
    const hooks: ThreadExit[] = [];
    const { system, events, until } = await start(t, tree([spec({ beforeRestart: (exit) => void hooks.push(exit) }), worker('y')]));
    await echo(system, 'y/echo/a');
    system.ref<EchoCommand>('x/echo/a').tell({ kind: 'crash-thread' });
    await until('restarted', 'x');
    t.match(hooks, [{ thread: 'x', reason: 'crash', generation: 0, error: { message: 'told to crash' } }]);
    t.equal((await echo(system, 'x/echo/a')).generation, 1);
    t.equal((await echo(system, 'y/echo/a')).generation, 0);
    t.equal(system.threadGeneration('x'), 1);
    t.match(system.stats().threads[1], { restarts: 1, lastError: 'told to crash' });
    t.same(events.map(({ kind, thread }) => `${kind} ${thread}`).slice(2), ['died x', 'restarted x']);
  });

  test(`a ${loop} thread that hangs is ended and replaced`, async (t) => {
    const { system, events, until } = await start(t, tree([spec({ hangAfterMs: 200 })]));
    await new Promise((resolve) => setTimeout(resolve, 500));
    t.equal(events.length, 1, 'a thread that sleeps does not hang');
    system.ref<EchoCommand>('x/echo/a').tell({ kind: 'hang' });
    await until('restarted', 'x');
    t.match(events[1], { kind: 'died', exit: { reason: 'hang' } });
    t.equal((await echo(system, 'x/echo/a')).generation, 1, 'and the message that hung it is not heard again');
  });

  test(`a ${loop} thread that runs out of memory is replaced`, async (t) => {
    const { system, events, until } = await start(
      t,
      tree([spec({ resourceLimits: { maxOldGenerationSizeMb: 24, maxYoungGenerationSizeMb: 4 } })]),
    );
    system.ref<EchoCommand>('x/echo/a').tell({ kind: 'eat-memory' });
    await until('restarted', 'x');
    t.match(events[1], { kind: 'died', exit: { reason: 'out-of-memory' } });
    t.equal((await echo(system, 'x/echo/a')).generation, 1);
  });
}

test('a thread in a call is not hung, and is reported once when the call takes too long', async (t) => {
  const { system, events, until } = await start(t, tree([worker('x', { hangAfterMs: 150, callMaxMs: 400 })]));
  system.ref<EchoCommand>('x/echo/a').tell({ kind: 'call', ms: 900 });
  await until('stuck-in-call', 'x');
  t.equal((await echo(system, 'x/echo/a')).generation, 0, 'it came back');
  t.same(
    events.map(({ kind }) => kind),
    ['started', 'stuck-in-call'],
  );
});

test('terminateThread ends a thread as a crash does', async (t) => {
  const { system, until } = await start(t, tree([shard('x')]));
  for (let generation = 1; generation <= 3; generation++) {
    await system.terminateThread('x');
    await until('restarted', 'x', generation);
    t.equal((await echo(system, 'echo/a')).generation, generation);
  }
  await t.rejects(system.terminateThread('nobody'), { code: 'MQ_RUNTIME_UNKNOWN_THREAD' });
});

for (const [strategy, again] of [
  ['one-for-one', ['b']],
  ['rest-for-one', ['b', 'c']],
  ['one-for-all', ['a', 'b', 'c']],
] as const) {
  test(`threads are restarted ${strategy}`, async (t) => {
    const { system, until } = await start(t, tree([worker('a'), shard('b'), worker('c')], { strategy, startTogether: false }));
    await system.terminateThread('b');
    for (const name of again) await until('restarted', name);
    await echo(system, 'c/echo/x');
    t.same(
      ['a', 'b', 'c'].map((name) => system.threadGeneration(name)),
      ['a', 'b', 'c'].map((name) => ((again as readonly string[]).includes(name) ? 1 : 0)),
    );
  });
}

test('transient and temporary threads', async (t) => {
  const { system, until } = await start(
    t,
    tree([worker('transient', { restart: 'transient' }), worker('temporary', { restart: 'temporary' })]),
  );
  await system.terminateThread('temporary');
  await system.terminateThread('transient');
  await until('restarted', 'transient');
  t.equal(system.stats().threads[2]?.state, 'down');
});

test('a supervisor that starts again runs each hook before its own thread only: one may wait for what another thread does', async (t) => {
  let answer: Promise<unknown> | null = null;
  const asking = shard('s0', {
    beforeRestart: async () => {
      answer = echo(system, 'w/echo/a', 1, 2_000);
      await answer;
    },
  });
  const inner: SupervisorSpec = {
    id: 'inner',
    strategy: 'one-for-one',
    intensity: 0,
    periodMs: 10_000,
    startTogether: true,
    children: [worker('w'), asking],
  };
  const { system, until } = await start(t, tree([inner]));
  await echo(system, 'w/echo/a');
  system.ref<EchoCommand>('w/echo/a').tell({ kind: 'crash-thread' });
  await until('restarted', 's0');
  t.match(await answer, { generation: 1 }, 'the hook was answered by the thread that started with it');
  t.equal((await echo(system, 'echo/b')).generation, 1);
});

test('more crashes than the intensity escalate: to the parent supervisor, then out of the root', async (t) => {
  const escalated: Error[] = [];
  const inner: SupervisorSpec = {
    id: 'inner',
    strategy: 'one-for-one',
    intensity: 1,
    periodMs: 60_000,
    children: [worker('a'), worker('b')],
  };
  const root = tree([inner, worker('c')], { intensity: 1 });
  const { system, until } = await start(t, root, { onEscalation: (error) => void escalated.push(error) });
  await system.terminateThread('a');
  await until('restarted', 'a');
  await system.terminateThread('a');
  await until('restarted', 'b');
  t.equal(system.threadGeneration('b'), 1, 'inner was restarted, with all its children');
  t.equal(system.threadGeneration('c'), 0);
  t.same(escalated, []);
  await until('restarted', 'a', 2);
  await system.terminateThread('c');
  for (let i = 0; i < 100 && escalated.length === 0; i++) await new Promise((resolve) => setTimeout(resolve, 10));
  t.match(escalated, [{ code: 'MQ_RUNTIME_ESCALATION', detail: { supervisor: 'top', thread: 'c' } }]);
});

test('a back-off delays the restart', async (t) => {
  const { system, events, until } = await start(t, tree([worker('a')], { backoff: { minMs: 300, maxMs: 300 } }));
  await system.terminateThread('a');
  await until('restarted', 'a');
  const restarted = events.at(-1);
  t.ok(restarted?.kind === 'restarted' && restarted.tookMs >= 290);
});

test('ActorSystem.start rejects when a thread does not start, and leaves nothing running', async (t) => {
  const failing = ActorSystem.start({ root: tree([worker('a'), shard('b', { data: { failStart: true } })]), placement: [], log: () => {} });
  await t.rejects(failing, { code: 'MQ_RUNTIME_THREAD_START', message: /told not to start/ });
  await t.rejects(ActorSystem.start({ root: tree([worker('a'), worker('a')]), placement: [] }), { code: 'MQ_RUNTIME_BAD_SPEC' });
  await t.rejects(ActorSystem.start({ root: tree([worker('a')]), placement: [{ prefix: 'x/', group: 'none' }] }), {
    code: 'MQ_RUNTIME_BAD_PLACEMENT',
  });
});

test('ActorSystem.stop stops threads in reverse order of start, after they have worked off what waits', async (t) => {
  const stops = new SharedArrayBuffer(64);
  const order = new Int32Array(stops);
  const data = { stops };
  const system = await ActorSystem.start({
    root: tree([worker('a', { data }), shard('b', { data }), worker('c', { data })], { startTogether: false }),
    placement: [],
    log: () => {},
  });
  await system.stop();
  t.same([...order.slice(1, 4)], [3, 2, 1]);
  await system.stop();
});

for (const isNeededToStop of [true, false]) {
  test(`a thread that dies while others still stop ${isNeededToStop ? 'is replaced when they need it' : 'stays down'}`, async (t) => {
    const stops = new SharedArrayBuffer(64);
    const order = new Int32Array(stops);
    const data = { stops };
    const { system, events, until } = await start(
      t,
      tree([worker('files', { data, isNeededToStop }), worker('slow', { data })], { startTogether: false }),
    );
    system.ref<EchoCommand>('slow/echo/a').tell({ kind: 'hold' });
    await untilHeld(stops);
    const stopped = system.stop();
    await system.terminateThread('files');
    if (isNeededToStop) await until('restarted', 'files');
    t.equal(order[2], 0, 'the other is still at work');
    release(stops);
    await stopped;
    t.same([order[2], order[1]], isNeededToStop ? [1, 2] : [1, 0], 'a replacement stops in its turn');
    t.same(events.filter(({ kind }) => kind === 'restarted').length, isNeededToStop ? 1 : 0);
  });
}

test('a watch tells of an actor on another thread that stopped, and of one whose thread died', async (t) => {
  const { system, until } = await start(t, tree([shard('x')]));
  const gone: string[] = [];
  let resolveGone = (): void => {};
  const next = (): Promise<void> =>
    new Promise((resolve) => {
      resolveGone = resolve;
    });
  const watcher = system.context.spawn('root/watcher', () => ({
    receive: (message: { kind: string; path?: string }, context) => {
      if (message.kind === 'watch') context.watch(context.ref(message.path as string), { kind: `gone ${message.path}` });
      else {
        gone.push(message.kind);
        resolveGone();
      }
    },
  })) as ActorRef<{ kind: string; path?: string }>;
  await echo(system, 'x/echo/a');
  await echo(system, 'x/echo/b');
  watcher.tell({ kind: 'watch', path: 'x/echo/a' });
  watcher.tell({ kind: 'watch', path: 'x/echo/b' });
  await echo(system, 'x/echo/a');
  let told = next();
  system.ref<EchoCommand>('x/echo/a').tell({ kind: 'stop' });
  await told;
  t.same(gone, ['gone x/echo/a']);
  told = next();
  await system.terminateThread('x');
  await told;
  t.same(gone, ['gone x/echo/a', 'gone x/echo/b']);
  await until('restarted', 'x');
});

test('an actor that fails too often takes its thread with it, and only that', async (t) => {
  const { system, events, until } = await start(t, tree([shard('x'), worker('y')]));
  for (let i = 0; i < 11; i++) system.ref<EchoCommand>('x/echo/a').tell({ kind: 'throw' });
  await until('restarted', 'x');
  t.match(events[2], { kind: 'died', thread: 'x', exit: { error: { code: 'MQ_RUNTIME_ACTOR_FAILED' } } });
  t.equal((await echo(system, 'y/echo/a')).generation, 0);
});

test('a full ring says no, and everything that was taken arrives', async (t) => {
  const { system } = await start(t, tree([worker('x')]), { ringBytes: 4096 });
  const target = system.ref<EchoCommand>('x/echo/a');
  await echo(system, 'x/echo/a');
  let taken = 0;
  while (target.tell({ kind: 'note' })) taken++;
  t.ok(taken > 50 && taken < 500, `${taken} messages are 4096 bytes`);
  const ask = () => system.ask<{ kind: 'count'; received: number }, EchoCommand>(target, (replyTo) => ({ kind: 'count', replyTo }), 5000);
  let count: { received: number } | undefined;
  while (count === undefined) count = await ask().catch(() => new Promise<undefined>((resolve) => setTimeout(resolve, 5, undefined)));
  t.equal(count.received, taken);
});

test('a message that cannot travel is a dead letter, and harms nobody', async (t) => {
  const { system } = await start(t, tree([worker('x')]), { ringBytes: 4096 });
  t.notOk(system.ref('x/echo/a').tell({ kind: 'k', bad: () => {} } as never));
  t.notOk(system.ref('x/echo/a').tell({ kind: 'k', large: new Uint8Array(2000) } as never));
  t.match(
    system.stats().lastDeadLetters.map(({ reason }) => reason),
    ['not-a-message', 'not-a-message'],
  );
  t.equal((await echo(system, 'x/echo/a')).value, 1);
});

for (const loop of ['event', 'blocking'] as const) {
  test(`a ${loop} thread that starts when used starts with the first message, which it answers`, async (t) => {
    const { system, events, until } = await start(t, tree([worker('a'), { name: 'x', loop, module, startWhenUsed: true }]));
    await echo(system, 'a/echo/a');
    t.equal(system.stats().threads[2]?.state, 'down');
    const answers = await Promise.all([1, 2, 3].map((value) => echo(system, 'x/echo/a', value)));
    t.same(
      answers.map(({ value, generation }) => [value, generation]),
      [
        [1, 0],
        [2, 0],
        [3, 0],
      ],
    );
    // The event comes by another way than the answers.
    await until('started', 'x');
    t.equal(events.filter(({ kind, thread }) => kind === 'started' && thread === 'x').length, 1);
    await system.terminateThread('x');
    await until('restarted', 'x');
    t.equal((await echo(system, 'x/echo/a')).generation, 1, 'once used it is a thread like others');
  });
}

test('a raw record that a thread does not hear is a dead letter there, and a record to oneself arrives', async (t) => {
  const { system } = await start(t, tree([worker('x')]));
  const write = (bytes: Uint8Array, _view: DataView, offset: number): void => void (bytes[offset] = 42);
  t.ok(system.context.sendRecord(1, 17, 8, write));
  await echo(system, 'x/echo/a');
  t.equal(system.stats().threads[1]?.deadLetters, 1);
  const got = new Promise((resolve) =>
    system.context.onRecord(18, (bytes, _view, offset, length, from) => resolve([bytes[offset], length, from])),
  );
  t.ok(system.context.sendRecord(0, 18, 8, write));
  t.same(await got, [42, 8, 0]);
  t.notOk(system.context.sendRecord(1, 17, 1 << 20, write), 'larger than a quarter of the ring');
  t.throws(() => system.context.sendRecord(9, 17, 8, write), { code: 'MQ_RUNTIME_UNKNOWN_THREAD' });
  t.throws(() => system.context.onRecord(256, () => {}), { code: 'MQ_RUNTIME_LIMIT' });
});

for (const loop of ['event', 'blocking'] as const) {
  test(`a flood of messages to one actor of a ${loop} thread loses none: its ring holds the sender back`, async (t) => {
    const { system } = await start(t, tree([{ name: 'x', loop, module }]), { ringBytes: 64 * 1024 });
    const target = system.ref<EchoCommand>('x/echo/a');
    const FLOOD = 50_000;
    for (let sent = 0; sent < FLOOD; ) {
      if (target.tell({ kind: 'note' })) sent++;
      else await new Promise((resolve) => setImmediate(resolve));
    }
    const ask = () => system.ask<{ kind: 'count'; received: number }, EchoCommand>(target, (replyTo) => ({ kind: 'count', replyTo }), 5000);
    let count: { received: number } | undefined;
    while (count === undefined) count = await ask().catch(() => new Promise<undefined>((resolve) => setTimeout(resolve, 5, undefined)));
    t.equal(count.received, FLOOD);
    t.equal(system.stats().threads[1]?.deadLetters, 0);
  });
}
