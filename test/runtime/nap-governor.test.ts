import { test } from 'tap';
import { NAP_MS, NapGovernor } from '../../runtime/thread/nap-governor.ts';

/**
 * A thread with work: an open load brings `perMs` whatever the thread does; a closed one has `inFlight` senders that each wait
 * for their answer, which takes a turn of `turnMs`. Gives the share of turns that were followed by a nap.
 */
function run(ms: number, load: { perMs: number } | { inFlight: number }, turnMs: number): { napShare: number; rate: number } {
  const governor = new NapGovernor();
  let now = 0;
  let count = 0;
  let naps = 0;
  let turns = 0;
  while (now < ms) {
    const napMs = governor.afterTurn(now, Math.floor(count));
    turns++;
    if (napMs > 0) naps++;
    const passed = turnMs + napMs;
    now += passed;
    count += 'perMs' in load ? load.perMs * passed : load.inFlight;
  }
  return { napShare: naps / turns, rate: count / ms };
}

test('NapGovernor naps while work comes on its own', (t) => {
  const { napShare, rate } = run(10_000, { perMs: 10 }, 0.1);
  t.ok(napShare > 0.8, `most turns are followed by a nap: ${napShare}`);
  t.ok(Math.abs(rate - 10) < 0.5, 'and nothing is slower');
  t.end();
});

test('NapGovernor leaves senders that wait for their answers alone', (t) => {
  const { napShare, rate } = run(60_000, { inFlight: 1 }, 0.05);
  t.ok(napShare < 0.01, `trials only, ever more rarely: ${napShare}`);
  t.ok(rate > 20 * 0.99, `the rate stays: ${rate}`);
  t.end();
});

test('NapGovernor does not nap with little to do, nor where turns gather enough by themselves', (t) => {
  t.equal(run(5_000, { perMs: 1 }, 1).napShare, 0);
  t.equal(run(5_000, { perMs: 300 }, 0.1).napShare, 0);
  t.end();
});

test('NapGovernor stops when the load has gone', (t) => {
  const governor = new NapGovernor();
  let now = 0;
  let count = 0;
  for (; governor.mode !== 'nap'; now += 0.2) governor.afterTurn(now, (count += 2));
  let last = NAP_MS;
  for (let i = 0; i < 100 && last > 0; i++) last = governor.afterTurn((now += 10), count);
  t.equal(last, 0);
  t.end();
});
