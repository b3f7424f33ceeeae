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

test('TrimGovernor trims again only when the heap has grown, and half a minute later', async (t) => {
  const governor = new TrimGovernor(0);
  t.ok(governor.shouldTrim(2_000, 0, () => 20 * MB));
  governor.trimmed(8 * MB);
  t.equal(
    governor.shouldTrim(30_000, 0, () => 90 * MB),
    false,
    'quiet for less than half a minute since',
  );
  t.equal(
    governor.shouldTrim(40_000, 0, () => 20 * MB),
    false,
    'it has not grown by enough',
  );
  t.equal(
    governor.shouldTrim(41_000, 0, () => 24 * MB),
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
