import { test } from 'tap';
import { Rates } from '../../../actors/broker-stats/rates.ts';
import { SAMPLE_MS, StatsItem } from '../../../actors/broker-stats/stats-item.ts';

test('StatsItem counts the last minute, hour and day, up to this moment', async (t) => {
  const item = new StatsItem(0);
  t.same(item.stats(0), { minute: { sum: 0, tps: 0, avgpt: 0 }, hour: { sum: 0, tps: 0, avgpt: 0 }, day: { sum: 0, tps: 0, avgpt: 0 } });
  item.add(30, 10, 4_000);
  t.same(item.stats(5_000).minute, { sum: 30, tps: 6, avgpt: 3 }, 'before any sample but the first');
  t.same(item.stats(5_000).day, item.stats(5_000).minute);
  let now = 0;
  const run = (seconds: number, perSample: number): void => {
    for (let elapsed = 0; elapsed < seconds * 1000; elapsed += SAMPLE_MS) {
      now += SAMPLE_MS;
      if (perSample > 0) item.add(perSample, 1, now - 1);
      item.sample(now);
    }
  };
  run(600, 10);
  t.same(item.stats(now).minute, { sum: 50, tps: 1, avgpt: 10 }, 'samples reach back 50 s');
  t.equal(item.stats(now).hour.sum, 30 + 600);
  run(3_600, 0);
  t.same(item.stats(now).minute, { sum: 0, tps: 0, avgpt: 0 }, 'idle for an hour');
  t.equal(item.stats(now).hour.sum, 0);
  t.equal(item.stats(now).day.sum, 630);
  run(25 * 3_600, 0);
  t.equal(item.stats(now).day.sum, 0, 'and for a day');
  t.equal(item.changedAt, 599_999);
});

test('Rates gives ten seconds, a minute and ten minutes, as far as samples reach', async (t) => {
  const rates = new Rates();
  t.same(rates.rates(0, 0), [0, 0, 0], 'nothing was sampled yet');
  for (let at = 0; at <= 600_000; at += 10_000) rates.sample(at, at / 10);
  t.same(rates.rates(600_000, 60_000), [100, 100, 100]);
  rates.sample(610_000, 60_000);
  const [ten, minute, tenMinutes] = rates.rates(610_000, 60_000);
  t.same([ten, Math.round(minute), Math.round(tenMinutes)], [0, 83, 98], 'ten idle seconds');
  t.same(rates.rates(620_000, 0), [0, 0, 0], 'a counter that was reset is no negative rate');
});
