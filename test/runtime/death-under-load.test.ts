import { test } from 'tap';
import { ActorSystem } from '../../runtime/actor-system.ts';
import type { LoopKind } from '../../runtime/thread/thread-context.ts';
import { LAST_GENERATION, LAST_NUMBER, MISSING, type NumberedData, RECEIVED, REPEATED, TORN } from './support/numbered-thread.ts';

const module = new URL('./support/numbered-thread.ts', import.meta.url);
const DEATHS = 6;
const BETWEEN_DEATHS = 500;

for (const [sender, receiver] of [
  ['blocking', 'event'],
  ['event', 'blocking'],
] as const) {
  test(`a ring from a ${sender} to a ${receiver} thread shows whole records, in order and once, while both are killed again and again`, async (t) => {
    const shared = new SharedArrayBuffer(64);
    const words = new Int32Array(shared);
    Atomics.store(words, LAST_NUMBER, -1);
    const thread = (name: string, loop: LoopKind, to: string | null) => ({
      name,
      loop,
      module,
      data: { shared, to } satisfies NumberedData,
    });
    let onRestarted = (): void => {};
    const system = await ActorSystem.start({
      root: {
        id: 'top',
        strategy: 'one-for-one',
        intensity: 100,
        periodMs: 1000,
        children: [thread('receiver', receiver, null), thread('sender', sender, 'receiver')],
      },
      placement: [],
      ringBytes: 16 * 1024,
      log: () => {},
      onThreadEvent: ({ kind }) => {
        if (kind === 'restarted') onRestarted();
      },
    });
    t.after(() => system.stop());
    const moreThan = async (count: number): Promise<void> => {
      while (Atomics.load(words, RECEIVED) < count) await new Promise((resolve) => setTimeout(resolve, 2));
    };
    for (let i = 0; i < DEATHS; i++) {
      await moreThan(Atomics.load(words, RECEIVED) + BETWEEN_DEATHS);
      for (const name of i % 3 === 2 ? ['sender', 'receiver'] : [i % 3 === 0 ? 'sender' : 'receiver']) {
        const restarted = new Promise<void>((resolve) => {
          onRestarted = resolve;
        });
        await system.terminateThread(name);
        await restarted;
      }
    }
    await moreThan(Atomics.load(words, RECEIVED) + BETWEEN_DEATHS);
    t.equal(Atomics.load(words, TORN), 0);
    t.equal(Atomics.load(words, REPEATED), 0);
    // A receiver that is killed within a record has read it: at most one a death.
    t.ok(Atomics.load(words, MISSING) <= DEATHS, `${Atomics.load(words, MISSING)} records were in the hands of a receiver when it died`);
    t.equal(Atomics.load(words, LAST_GENERATION), system.threadGeneration('sender'));
  });
}
