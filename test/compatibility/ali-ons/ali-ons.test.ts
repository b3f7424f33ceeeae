/** The stock `ali-ons` client against a broker of our own, in the default run; the other clients run in `npm run test:interop`. */
import tap, { test } from 'tap';
import { startRingmq } from '../../support/start-ringmq.ts';
import { CLIENT_PROGRAMS, runProgram, SHORT_DELAY_LEVELS, type Verdict } from '../client-programs.ts';
import { CLUSTER_SCENARIOS, runInCluster } from '../run-cluster.ts';

// Started processes take their time on a busy machine: a limit that only catches what hangs.
tap.setTimeout(300_000);

const program = CLIENT_PROGRAMS.find(({ name }) => name.startsWith('ali-ons'));
const SCENARIOS = ['send-sync', 'push', 'send-big', 'tag-filter', 'broadcast', 'rebalance', 'resume', 'delay', 'retry', 'broker-restart'];

for (const shards of [1, 2]) {
  test(`ali-ons sends and consumes, ${shards} shards`, { timeout: 300_000 }, async (t) => {
    if (program === undefined) throw new Error('There is no program for ali-ons');
    const ringmq = await startRingmq({ shards, args: SHORT_DELAY_LEVELS });
    t.teardown(() => ringmq.destroy());
    const verdicts: Verdict[] = [];
    const restart = async (): Promise<void> => {
      await ringmq.stop();
      await ringmq.start();
    };
    await runProgram(program, ringmq.nameServer, SCENARIOS, `ali${shards}`, (verdict) => verdicts.push(verdict), restart, 120_000);
    for (const { scenario, ok, error, ms, detail } of verdicts) {
      t.ok(ok, `${scenario} in ${ms} ms${error === undefined ? '' : `: ${error}`}`);
      t.same(detail['clientErrors'] ?? [], [], `${scenario}: the client reports no error`);
    }
    t.equal(verdicts.length, SCENARIOS.length, 'a verdict for each scenario');
  });
}

test('ali-ons with two brokers behind two name servers, of which one after the other is killed', { timeout: 300_000 }, async (t) => {
  if (program === undefined) throw new Error('There is no program for ali-ons');
  const verdicts: Verdict[] = [];
  await runInCluster(program, 1, 'ali', (verdict) => verdicts.push(verdict), 120_000);
  for (const { scenario, ok, error, ms } of verdicts) t.ok(ok, `${scenario} in ${ms} ms${error === undefined ? '' : `: ${error}`}`);
  t.equal(verdicts.length, CLUSTER_SCENARIOS.length);
});
