import { test } from 'tap';
import { TrimGovernor } from '../../runtime/thread/trim-governor.ts';

const MB = 1024 * 1024;

test('TrimGovernor trims a thread that has been quiet for a second, and not one that works', async (t) => {
  const governor = new TrimGovernor(0);
  t.equal(
    governor.shouldTrim(1_000, 500, () => 20 * MB),
    false,
    'half of the time it worked',
  );
  t.equal(
    governor.shouldTrim(1_500, 501, () => 20 * MB),
    false,
    'quiet for half a second',
  );
  t.equal(
    governor.shouldTrim(2_500, 502, () => 20 * MB),
    true,
    'quiet for a second and a half',
  );
});

test('TrimGovernor asks for the heap only when the thread is quiet', async (t) => {
  const governor = new TrimGovernor(0);
  const asked = (): number => t.fail('asked') as never;
  governor.shouldTrim(1_000, 900, asked);
  governor.shouldTrim(1_900, 901, asked);
  t.pass('it was not asked');
});

/** Trims a quiet thread once a second until it is not asked to any more; gives how often, and when it ended. */
function trimStart(governor: TrimGovernor): { trims: number; nowMs: number } {
  let trims = 0;
  let nowMs = 1_000;
  for (; governor.shouldTrim(nowMs, 0, () => 8 * MB); nowMs += 1_000, trims++) governor.trimmed(8 * MB);
  return { trims, nowMs };
}

test('TrimGovernor trims a thread that stays quiet after its start several times', async (t) => {
  const { trims, nowMs } = trimStart(new TrimGovernor(0));
  t.equal(trims, 4);
  t.equal(nowMs, 5_000);
});

test('TrimGovernor trims a thread only once that is at work after that', async (t) => {
  const governor = new TrimGovernor(0);
  t.ok(governor.shouldTrim(2_000, 0, () => 20 * MB));
  governor.trimmed(8 * MB);
  t.notOk(governor.shouldTrim(2_500, 400, () => 20 * MB));
  for (let nowMs = 3_000; nowMs < 30_000; nowMs += 500) t.notOk(governor.shouldTrim(nowMs, 400, () => 20 * MB));
});

test('TrimGovernor trims again only when the heap has grown, and half a minute later', async (t) => {
  const governor = new TrimGovernor(0);
  const { nowMs } = trimStart(governor);
  t.equal(
    governor.shouldTrim(nowMs + 20_000, 0, () => 90 * MB),
    false,
    'quiet for less than half a minute since',
  );
  t.equal(
    governor.shouldTrim(nowMs + 40_000, 0, () => 13 * MB),
    false,
    'it has not grown by enough',
  );
  t.equal(
    governor.shouldTrim(nowMs + 41_000, 0, () => 14 * MB),
    true,
    'it has grown',
  );
});

test('TrimGovernor does not take the pauses within a load for quiet', async (t) => {
  const governor = new TrimGovernor(0);
  let busyMs = 0;
  for (let nowMs = 10; nowMs < 5_000; nowMs += 10) {
    busyMs += 1;
    t.equal(
      governor.shouldTrim(nowMs, busyMs, () => 500 * MB),
      false,
    );
  }
});
