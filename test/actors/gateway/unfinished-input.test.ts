import { test } from 'tap';
import {
  admitUnfinished,
  chooseClosed,
  closeInputFromBytes,
  isBrokerBehind,
  relievedInputBytes,
  stalledInputBytes,
  UNFINISHED_STALE_MS,
} from '../../../actors/gateway/unfinished-input.ts';

const MIB = 1024 * 1024;
const LIMITS = { shardBytes: 64 * MIB };
const NOW = 100_000;

function one(haveMib: number, missingMib: number, ageMs = 0) {
  return { inputBytes: haveMib * MIB, missingBytes: missingMib * MIB, inputSinceMs: NOW - ageMs };
}

test('limits of unfinished input lie in order', async (t) => {
  const { closeFrom, downTo } = stalledInputBytes(LIMITS);
  t.ok(relievedInputBytes(LIMITS) < LIMITS.shardBytes && LIMITS.shardBytes < closeInputFromBytes(LIMITS));
  t.ok(closeInputFromBytes(LIMITS) < downTo && downTo < closeFrom, 'what waits for the broker is closed last');
});

test('isBrokerBehind holds others long before those that wait for the broker are closed', async (t) => {
  t.notOk(isBrokerBehind(LIMITS.shardBytes - 1, LIMITS));
  t.ok(isBrokerBehind(LIMITS.shardBytes, LIMITS));
  t.ok(LIMITS.shardBytes + closeInputFromBytes(LIMITS) < stalledInputBytes(LIMITS).closeFrom);
});

test('chooseClosed takes those that held most for longest, and no more of them than it needs', async (t) => {
  const [young, old, small] = [one(8, 1, 10), one(2, 14, 1000), one(0.25, 15, 1200)];
  t.same(chooseClosed([small, young, old], 10.25 * MIB, 9 * MIB, NOW), [old]);
  t.same(chooseClosed([small, young, old], 10.25 * MIB, 8 * MIB, NOW), [old, small]);
  t.same(chooseClosed([small, young, old], 10.25 * MIB, 11 * MIB, NOW), [], 'below it nobody has to go');
  t.equal(chooseClosed([small, young, old], 10.25 * MIB, -1, NOW).length, 3);
});

test('admitUnfinished lets those go on that want least, within the room that is left', async (t) => {
  const [near, far, claims] = [one(3, 1), one(4, 12), one(0.25, 15.75)];
  const holders = [claims, far, near];
  t.equal(admitUnfinished(holders, 64 * MIB, LIMITS, NOW), 2, 'a quarter of the limit is theirs when it is used up');
  t.same(holders, [near, far, claims]);
  t.equal(admitUnfinished(holders, 30 * MIB, LIMITS, NOW), 3, 'all, when there is room');
  t.equal(admitUnfinished([one(1, 15), one(1, 15)], 64 * MIB, LIMITS, NOW), 1, 'and no more, however often they are looked at');
  t.equal(admitUnfinished([one(1, 15.9), one(1, 15.9)], 90 * MIB, LIMITS, NOW), 1, 'never none');
  t.equal(admitUnfinished([], 70 * MIB, LIMITS, NOW), 0);
});

test('admitUnfinished puts those behind that do not come on', async (t) => {
  const stale = one(1, 1, UNFINISHED_STALE_MS);
  const fresh = one(1, 14, UNFINISHED_STALE_MS - 1);
  const holders = [stale, fresh];
  admitUnfinished(holders, 70 * MIB, LIMITS, NOW);
  t.same(holders, [fresh, stale]);
});
