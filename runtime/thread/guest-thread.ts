/**
 * Guest thread: a loop on the event loop of a thread that belongs to somebody else (an application's), as a member of an actor system whose
 * root may be on another thread. It has rings, timers and a doorbell like any event thread; nobody supervises it, and it must not end what
 * it is a guest of: a failure is told to `failed`, and no turn runs after that.
 */
import type { LogLevel } from '../actor.ts';
import { systemClock } from '../clock.ts';
import { systemRandom } from '../random.ts';
import { ThreadLoop } from './thread-loop.ts';
import { loopPlace } from './thread-place.ts';
import type { GuestBirth } from './thread-words.ts';

/** Nobody watches a guest's heartbeat; a turn this often puts an end to any wait that no design should have. */
const TURN_EVERY_MS = 1000;

export interface GuestEffects {
  readonly log: (level: LogLevel, text: string, fields?: Record<string, unknown>) => void;
  /** Called once, within the guest's turn; the loop has ended. */
  readonly failed: (error: Error) => void;
}

/** Makes the loop; its turns begin with `runOnEvents`, when its sources and actors are there. */
export function createGuest(birth: GuestBirth, effects: GuestEffects): ThreadLoop {
  return new ThreadLoop({
    ...loopPlace(birth),
    name: birth.name,
    loop: 'event',
    heartbeatMs: TURN_EVERY_MS,
    clock: systemClock,
    random: systemRandom,
    heap: undefined,
    log: effects.log,
    report: (event, detail) => effects.log('warn', `A guest thread reports: ${event}`, detail),
    fail: effects.failed,
  });
}
