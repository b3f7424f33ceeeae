import { test } from 'tap';
import { LINGER_MS, LingerGovernor } from '../../runtime/thread/linger-governor.ts';

/** Messages that follow each other after `gapMs`; gives the time spent looking for each, and the share of occasions taken. */
function run(count: number, gapMs: number): { lookedMs: number; share: number } {
  const governor = new LingerGovernor();
  let now = 1;
  let lookedMs = 0;
  let taken = 0;
  for (let i = 0; i < count; i++) {
    governor.came(now);
    const untilMs = governor.begin(now);
    if (untilMs > 0) {
      taken++;
      lookedMs += Math.min(gapMs, untilMs - now);
    }
    now += gapMs;
  }
  return { lookedMs: lookedMs / count, share: taken / count };
}

test('LingerGovernor looks each time while what is expected comes in time', (t) => {
  t.equal(run(1_000, LINGER_MS / 5).share, 1);
  t.end();
});

test('LingerGovernor looks ever more rarely for what comes too late', (t) => {
  const { lookedMs, share } = run(10_000, 1);
  t.ok(share < 0.02, `one occasion of 64: ${share}`);
  t.ok(lookedMs < LINGER_MS / 50, `the processor is left alone: ${lookedMs} ms a message`);
  t.end();
});

test('LingerGovernor looks each time again soon after messages have come closer', (t) => {
  const governor = new LingerGovernor();
  let now = 1;
  for (let i = 0; i < 1_000; i++) {
    governor.came(now);
    governor.begin(now);
    now += 1;
  }
  let passedBy = 0;
  let taken = 0;
  for (let i = 0; i < 200; i++) {
    governor.came(now);
    if (governor.begin(now) > 0) taken++;
    else passedBy++;
    now += LINGER_MS / 5;
  }
  t.ok(passedBy <= 64, `at most the rest of one row is passed by: ${passedBy}`);
  t.ok(taken >= 136);
  t.end();
});

test('LingerGovernor takes what was not there by the next occasion for vain', (t) => {
  const governor = new LingerGovernor();
  t.ok(governor.begin(1) > 0);
  t.equal(governor.isLooking, true);
  t.equal(governor.begin(2), 0, 'the one after it is passed by');
  t.equal(governor.isLooking, false);
  t.ok(governor.begin(3) > 0);
  t.end();
});
