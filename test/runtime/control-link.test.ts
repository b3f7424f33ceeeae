import { test } from 'tap';
import { ActorSystem } from '../../runtime/actor-system.ts';
import type { TestControl } from './support/control-thread.ts';

test('ActorSystem.control calls a thread, and never waits for a dead one', async (t) => {
  const restarted: (() => void)[] = [];
  const system = await ActorSystem.start({
    root: {
      id: 'top',
      strategy: 'one-for-one',
      intensity: 3,
      periodMs: 10_000,
      children: [
        { name: 'x', loop: 'event', module: new URL('./support/control-thread.ts', import.meta.url) },
        { name: 'blocking', loop: 'blocking', module: new URL('./support/echo-thread.ts', import.meta.url) },
      ],
    },
    placement: [],
    log: () => {},
    onThreadEvent: ({ kind }) => {
      if (kind === 'restarted') for (const run of restarted) run();
    },
  });
  t.after(() => system.stop());
  const control = <R>(
    use: (api: import('../../runtime/control-link.ts').Remote<TestControl>) => Promise<R>,
    timeoutMs = 3000,
  ): Promise<R> => system.control<TestControl, R>('x', use, timeoutMs);
  t.equal(await control((api) => api.add(1, 2)), 3);
  await t.rejects(
    control((api) => api.fail()),
    { message: 'told to fail' },
  );
  await t.rejects(
    control((api) => api.hang(), 50),
    { code: 'MQ_RUNTIME_CALL_TIMEOUT' },
  );
  const back = new Promise<void>((resolve) => restarted.push(resolve));
  const [hanging, dying] = await Promise.allSettled([control((api) => api.hang()), control((api) => api.die())]);
  for (const result of [hanging, dying]) t.match(result, { status: 'rejected', reason: { code: 'MQ_RUNTIME_THREAD_DIED' } });
  await back;
  t.equal(await control((api) => api.add(2, 2)), 4, 'the replacement answers');
  await t.rejects(
    system.control<TestControl, number>('blocking', (api) => api.add(1, 1), 100),
    { code: 'MQ_RUNTIME_THREAD_DIED' },
  );
});
