/** Worker machine: the machine that production runs on. Threads are workers of this process, the root runs on the caller's event loop. */
import { extname } from 'node:path';
import { setFlagsFromString } from 'node:v8';
import { type MessagePort, Worker } from 'node:worker_threads';
import { type Clock, systemClock } from './clock.ts';
import { type Machine, nodeTimers } from './machine.ts';
import { type Random, systemRandom } from './random.ts';
import type { ThreadSpec } from './supervision/thread-spec.ts';
import type { ThreadBirth } from './thread/thread-words.ts';

/** Clock and chance are the root thread's; workers have their own. */
export function workerMachine(clock: Clock = systemClock, random: Random = systemRandom): Machine {
  return {
    clock,
    random,
    timers: nodeTimers,
    hasControl: true,
    launch: launchWorker,
    runRoot: (loop) => loop.runOnEvents(() => {}),
  };
}

function launchWorker(spec: ThreadSpec, birth: ThreadBirth, control: MessagePort | undefined): Worker {
  // The entry has the extension of the module that names it: sources and the built package alike.
  const entry = spec.isWhole === true ? spec.module : new URL(`./thread/thread-main${extname(import.meta.url)}`, import.meta.url);
  if (spec.isLean !== undefined) setFlagsFromString(spec.isLean ? '--no-short-builtin-calls' : '--short-builtin-calls');
  return new Worker(entry, {
    workerData: birth,
    name: spec.name,
    transferList: control === undefined ? [] : [control],
    ...(spec.resourceLimits === undefined ? {} : { resourceLimits: spec.resourceLimits }),
  });
}
