import { test } from 'tap';
import { Tickets } from '../../runtime/thread/tickets.ts';

test('tickets: one after the other, and those of a thread are not those of its successors', (t) => {
  const seen = new Set<number>();
  for (let generation = 0; generation < 64; generation++) {
    const tickets = new Tickets(generation);
    const first = tickets.next();
    t.equal(tickets.next(), first + 1);
    for (let i = 0; i < 1000; i++) seen.add(tickets.next());
  }
  t.equal(seen.size, 64_000);
  t.ok([...seen].every((ticket) => Number.isInteger(ticket) && ticket >= 0 && ticket < 2 ** 30));
  t.end();
});

test('tickets: any generation has some', (t) => {
  for (const generation of [64, 1_000_003, 2 ** 31 - 1]) {
    const ticket = new Tickets(generation).next();
    t.ok(ticket >= 0 && ticket < 2 ** 30);
  }
  t.end();
});
