import { test } from 'tap';
import {
  type BrokerRates,
  BrokerStatsActor,
  type BrokerStatsCommand,
  type StatsFound,
} from '../../../actors/broker-stats/broker-stats-actor.ts';
import { SHARD_COUNTERS, type ShardCounts } from '../../../actors/shard/shard-counters.ts';
import { Simulation } from '../../../runtime/simulation.ts';

function world() {
  const simulation = new Simulation({ seed: 1, startMs: 1_000_000 });
  const counts = Object.fromEntries(SHARD_COUNTERS.map((name) => [name, 0])) as ShardCounts;
  const ends = new Map<string, number>([['old', 100]]);
  let day = '1';
  const actor = simulation.spawn<BrokerStatsCommand>(
    'broker-stats',
    () =>
      new BrokerStatsActor({
        clusterName: 'C',
        bases: new Map([['old', 100]]),
        counts: () => ({ ...counts }),
        topics: () => ends,
        messagesOf: (topic) => ends.get(topic) ?? 0,
        dayOf: () => day,
      }),
  );
  const stats = (name: string, key: string): readonly number[] => {
    const probe = simulation.probe<StatsFound>();
    actor.tell({ kind: 'query-stats', name, key, replyTo: probe.ref });
    simulation.advance(1);
    return probe.received[0]!.spans;
  };
  const rates = (): BrokerRates => {
    const probe = simulation.probe<BrokerRates>();
    actor.tell({ kind: 'query-rates', replyTo: probe.ref });
    simulation.advance(1);
    return probe.received[0]!;
  };
  const midnight = (): void => void (day = `${Number(day) + 1}`);
  simulation.advance(1);
  return { simulation, counts, ends, actor, stats, rates, midnight };
}

test('BrokerStatsActor counts a topic by the growth of its queues, from the start on, and anew when it was deleted', async (t) => {
  const { simulation, ends, stats } = world();
  t.same(stats('TOPIC_PUT_NUMS', 'old'), [], 'what was there at the start is not counted');
  ends.set('old', 130);
  t.equal(stats('TOPIC_PUT_NUMS', 'old')[0], 30, 'seen at once');
  simulation.advance(60_000);
  ends.set('old', 190);
  const [minute, tps, , hour] = stats('TOPIC_PUT_NUMS', 'old');
  t.equal(minute, 60);
  t.ok(tps! > 1 && tps! < 1.3, 'in the last minute or so');
  t.equal(hour, 90);
  ends.set('old', 5);
  t.equal(stats('TOPIC_PUT_NUMS', 'old')[3], 95, 'made again');
  t.same(stats('TOPIC_PUT_NUMS', 'new'), []);
  ends.set('new', 7);
  t.equal(stats('TOPIC_PUT_NUMS', 'new')[0], 7);
  t.same(stats('TOPIC_PUT_SIZE', 'new'), [], 'not counted');
});

test('BrokerStatsActor counts what groups got, and gives way to busier ones', async (t) => {
  const { simulation, actor, stats } = world();
  const pulled = (from: number, count: number): void => {
    const groups = Array.from({ length: count }, (_, index) => `G${from + index}`);
    actor.tell({
      kind: 'groups-pulled',
      topics: groups.map(() => 'T'),
      groups,
      messages: groups.map(() => 32),
      pulls: groups.map(() => 2),
    });
  };
  pulled(0, 1);
  pulled(0, 1);
  simulation.advance(1);
  const [sum, , each] = stats('GROUP_GET_NUMS', 'T@G0');
  t.same([sum, each], [64, 16]);
  for (let from = 1; from < 19_900; from += 64) pulled(from, 64);
  simulation.advance(1_000);
  pulled(0, 1);
  for (const from of [30_000, 40_000]) pulled(from, 64);
  simulation.advance(1);
  t.equal(stats('GROUP_GET_NUMS', 'T@G0')[0], 96, 'was used a moment ago');
  t.same(stats('GROUP_GET_NUMS', 'T@G1'), [], 'was idle longest');
});

test('BrokerStatsActor tells rates and totals, over midnights and over a shard that was replaced', async (t) => {
  const { simulation, counts, stats, rates, midnight } = world();
  for (let second = 0; second < 20; second += 10) {
    counts.messagesIn += 100;
    counts.messagesOut += 300;
    simulation.advance(10_000);
  }
  const first = rates();
  t.ok(Math.abs(first.put[0] - 10) < 1, `${first.put[0]} messages a second came`);
  t.ok(Math.abs(first.transferred[0] - 30) < 3);
  t.match(first, { messagesIn: 200, inTodayMorning: 0, inYesterdayMorning: 0, bootMs: 1_000_000 });
  midnight();
  simulation.advance(10_000);
  counts.messagesIn += 50;
  t.match(rates(), { messagesIn: 250, inTodayMorning: 200, inYesterdayMorning: 0, outTodayMorning: 600 });
  midnight();
  simulation.advance(10_000);
  t.match(rates(), { inTodayMorning: 250, inYesterdayMorning: 200 });
  counts.messagesIn = 10;
  t.ok(
    rates().put.every((rate) => rate >= 0),
    'a counter that begins anew is no negative rate',
  );
  t.equal(stats('BROKER_PUT_NUMS', 'C')[6], 250, 'nor is what it had counted lost');
  counts.messagesIn = 30;
  t.equal(stats('BROKER_PUT_NUMS', 'C')[6], 270);
  t.same(stats('BROKER_PUT_NUMS', 'other'), []);
});
