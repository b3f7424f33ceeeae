/**
 * The wake-up protocol (runtime/thread/wake-up.ts), step by step, in every possible interleaving. The steps are those of its table; memory is
 * sequentially consistent, as Atomics are.
 */
import { test } from 'tap';
import { createBlocks } from '../../runtime/thread/thread-block.ts';
import { declareAsleep, declareAwake, sleep, sleepAsync, wake } from '../../runtime/thread/wake-up.ts';

interface State {
  asleep: 0 | 1;
  /** Records published, and records that the sleeper has taken. */
  head: number;
  taken: number;
  /** The sleeper is inside wait. */
  isWaiting: boolean;
  /** Next step of each side; the sleeper is 0. */
  at: number[];
  /** What each producer has loaded from ASLEEP, and records it has still to send. */
  sawAsleep: number[];
  left: number[];
}

type Variant = 'real' | 'no-recheck' | 'recheck-before' | 'load-before-publish' | 'notify-without-store';

/** One step of one side; undefined: it cannot move (waits, or is done). */
function step(state: State, side: number, variant: Variant): State | undefined {
  const next: State = { ...state, at: [...state.at], sawAsleep: [...state.sawAsleep], left: [...state.left] };
  const go = (to: number): State => {
    next.at[side] = to;
    return next;
  };
  if (side === 0) return stepSleeper(state, next, go, variant);
  const producer = side - 1;
  const isReversed = variant === 'load-before-publish';
  switch (state.at[side]) {
    case 0:
      if (state.left[producer] === 0) return undefined;
      // P1, or for the mutant P2 before it.
      if (isReversed) next.sawAsleep[producer] = state.asleep;
      else next.head++;
      return go(1);
    case 1:
      if (isReversed) next.head++;
      else next.sawAsleep[producer] = state.asleep;
      return go(2);
    default: {
      // P3: compare-exchange and, won, notify.
      next.left[producer] = (state.left[producer] as number) - 1;
      if (state.sawAsleep[producer] === 1 && state.asleep === 1) {
        if (variant !== 'notify-without-store') next.asleep = 0;
        next.isWaiting = false;
      }
      return go(0);
    }
  }
}

function stepSleeper(state: State, next: State, go: (to: number) => State, variant: Variant): State | undefined {
  switch (state.at[0]) {
    case 0:
      // A turn: takes all that is there; found nothing: fall asleep.
      if (state.taken !== state.head) {
        next.taken = state.head;
        return go(0);
      }
      return go(variant === 'recheck-before' ? 2 : 1);
    case 1:
      // S1
      next.asleep = 1;
      return go(variant === 'no-recheck' || variant === 'recheck-before' ? 3 : 2);
    case 2:
      // S2: found something → S3.
      if (state.taken !== state.head) return go(5);
      return go(variant === 'recheck-before' ? 1 : 3);
    case 3:
      // S4: the compare and the going to sleep are one step.
      if (state.asleep !== 1) return go(5);
      next.isWaiting = true;
      return go(4);
    case 4:
      return state.isWaiting ? undefined : go(5);
    default:
      // S3
      next.asleep = 0;
      return go(0);
  }
}

/** Walks all interleavings; gives back how many states there are, and one in which the sleeper sleeps on a record, if any. */
function explore(producers: number, records: number, variant: Variant): { states: number; stuck: State | undefined } {
  const first: State = {
    asleep: 0,
    head: 0,
    taken: 0,
    isWaiting: false,
    at: new Array(producers + 1).fill(0),
    sawAsleep: new Array(producers).fill(0),
    left: new Array(producers).fill(records),
  };
  const seen = new Set<string>();
  const toVisit = [first];
  let stuck: State | undefined;
  while (toVisit.length > 0) {
    const state = toVisit.pop() as State;
    const key = JSON.stringify(state);
    if (seen.has(key)) continue;
    seen.add(key);
    const nexts = state.at.map((_, side) => step(state, side, variant)).filter((next) => next !== undefined);
    // Nobody can move: right only when the sleeper sleeps and has taken everything.
    if (nexts.length === 0 && state.taken !== state.head) stuck = state;
    toVisit.push(...nexts);
  }
  return { states: seen.size, stuck };
}

test('the wake-up protocol loses no record in any interleaving', async (t) => {
  for (const [producers, records] of [
    [1, 1],
    [1, 4],
    [2, 1],
    [2, 2],
    [2, 3],
    [3, 1],
    [3, 2],
  ] as const) {
    const { states, stuck } = explore(producers, records, 'real');
    t.equal(stuck, undefined, `${producers} producers, ${records} records each: ${states} states`);
    t.ok(states > 10);
  }
});

for (const variant of ['no-recheck', 'recheck-before', 'load-before-publish', 'notify-without-store'] as const) {
  test(`the checker finds a lost wake-up when the protocol is broken: ${variant}`, async (t) => {
    const { stuck } = explore(2, 2, variant);
    t.ok(stuck !== undefined, 'a record lies in the ring and nobody will wake its reader');
  });
}

test('wake rings only a sleeper that said so, once, and a ring before the wait is not lost', async (t) => {
  const words = new Int32Array(createBlocks(3));
  t.notOk(wake(words, 1), 'awake');
  declareAsleep(words, 1);
  t.ok(wake(words, 1));
  t.notOk(wake(words, 1), 'one ring is enough');
  const beganMs = performance.now();
  sleep(words, 1, 5000);
  t.ok(performance.now() - beganMs < 2500, 'the wait ends at once: the word says woken');
  declareAsleep(words, 2);
  const woken = sleepAsync(words, 2);
  t.ok(woken !== undefined);
  t.ok(wake(words, 2));
  await woken;
  declareAsleep(words, 2);
  declareAwake(words, 2);
  t.equal(sleepAsync(words, 2), undefined, 'awake: nothing to wait for');
});
