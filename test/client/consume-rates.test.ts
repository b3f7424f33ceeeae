import { test } from 'tap';
import { ConsumeRates } from '../../client/consume-rates.ts';

test('ConsumeRates counts the last minute, topic by topic', async (t) => {
  const rates = new ConsumeRates();
  for (let second = 0; second < 120; second++) {
    rates.handled('T', second * 1_000, second % 4 !== 0, 10);
    rates.pulled('T', second * 1_000, 2);
  }
  rates.handled('U', 119_000, false, 7);
  t.same(rates.status(119_999).get('T'), { consumeOKTPS: 0.75, consumeFailedTPS: 0.25, consumeRT: 10, pullTPS: 2 });
  t.match(rates.status(119_999).get('U'), { consumeOKTPS: 0, consumeRT: 7 });
  t.same(rates.status(600_000).get('T'), { consumeOKTPS: 0, consumeFailedTPS: 0, consumeRT: 0, pullTPS: 0 }, 'and forgets');
});

test('ConsumeRates counts no more than so many topics', async (t) => {
  const rates = new ConsumeRates();
  for (let index = 0; index < 2_000; index++) rates.pulled(`T${index}`, 0, 1);
  t.equal(rates.status(0).size, 1_024);
});
