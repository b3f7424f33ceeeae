/**
 * Runs the worker thread that this is: builds its loop from its birth data, runs its module's `main`, then the loop until the root says
 * stop. Fails by ending the worker: with the error where there is one. Called once, by the worker's entry.
 */
import assert from 'node:assert/strict';
import { parentPort, workerData } from 'node:worker_threads';
import { systemClock } from '../clock.ts';
import { toError } from '../errors.ts';
import { systemRandom } from '../random.ts';
import { threadHeap } from './heap.ts';
import type { ThreadModule } from './thread-context.ts';
import { ThreadLoop } from './thread-loop.ts';
import { loopPlace } from './thread-place.ts';
import { errorInWords, type ThreadBirth, type WordHome } from './thread-words.ts';

const FAILED_EXIT_CODE = 70;

/** @param load gives the thread's module; what it throws is a crash */
export async function runThread(load: (birth: ThreadBirth) => Promise<ThreadModule> | ThreadModule): Promise<void> {
  assert(parentPort !== null, 'A thread of the system is a worker');
  const port = parentPort;
  const birth = workerData as ThreadBirth;
  const say = (word: WordHome): void => port.postMessage(word);

  /** `error` reaches the root before the exit does: a port is drained when its worker ends. */
  const fail = (error: Error): void => {
    say({ word: 'failed', error: errorInWords(error) });
    // A blocking loop throws it itself, out of the turn; an event loop ends here.
    if (birth.loop === 'event') process.exit(FAILED_EXIT_CODE);
  };

  const thread = new ThreadLoop({
    ...loopPlace(birth),
    name: (birth.threads[birth.index] as { name: string }).name,
    loop: birth.loop,
    heartbeatMs: birth.heartbeatMs,
    clock: systemClock,
    random: systemRandom,
    heap: threadHeap,
    log: (level, text, fields) => say({ word: 'log', level, text, fields: fields === undefined ? undefined : plainFields(fields) }),
    report: (event, detail) => say({ word: 'report', event, detail }),
    fail,
  });

  async function stop(): Promise<void> {
    await thread.drain();
    say({ word: 'stopped' });
    process.exit(0);
  }

  /** A crash in words, before Node's own error event: that one loses the code of an error from `throw` in some versions. */
  function crash(thrown: unknown): never {
    const error = toError(thrown);
    say({ word: 'failed', error: errorInWords(error) });
    process.exit(FAILED_EXIT_CODE);
  }

  process.on('uncaughtException', crash);
  process.on('unhandledRejection', crash);
  // Keeps an event thread alive without a socket or a timer; the root says nothing by this port.
  if (birth.loop === 'event') port.on('message', () => {});

  try {
    const module = await load(birth);
    await module.main(thread, birth.data);
    say({ word: 'ready' });
    if (birth.loop === 'event') {
      thread.runOnEvents(() => void stop().catch(crash));
    } else {
      thread.blocking.run();
      await stop();
    }
  } catch (thrown) {
    crash(thrown);
  }
}

/** Log fields may hold anything; what cannot be cloned is told as text. */
function plainFields(fields: Record<string, unknown>): Record<string, unknown> {
  const plain: Record<string, unknown> = {};
  for (const [name, value] of Object.entries(fields)) {
    const isPlain = value === null || ['string', 'number', 'boolean', 'bigint', 'undefined'].includes(typeof value);
    plain[name] = isPlain ? value : value instanceof Error ? value.message : String(value);
  }
  return plain;
}
