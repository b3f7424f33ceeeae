import fc from 'fast-check';
import { test } from 'tap';
import { QueueProgress } from '../../client/queue-progress.ts';

test('QueueProgress commits no further than the first message that is not done', async (t) => {
  const progress = new QueueProgress(10);
  t.equal(progress.uncommitted, 10, 'where it begins is worth a commit');
  progress.committed(10);
  t.equal(progress.uncommitted, null);
  for (const offset of [10, 11, 12]) t.ok(progress.take(offset, 100));
  progress.moveTo(20);
  t.same([progress.messages, progress.bytes, progress.span], [3, 300, 10]);
  progress.done(11);
  t.equal(progress.consumedOffset, 10);
  t.equal(progress.uncommitted, null);
  progress.done(10);
  t.equal(progress.consumedOffset, 12);
  progress.done(12);
  t.equal(progress.consumedOffset, 20, 'what the tags did not let pass counts when nothing is open');
  t.same([progress.messages, progress.bytes, progress.span], [0, 0, 0]);
});

test('QueueProgress takes no message twice, and none that comes after a later one', async (t) => {
  const progress = new QueueProgress(0);
  t.ok(progress.take(5, 1));
  t.notOk(progress.take(5, 1));
  t.notOk(progress.take(4, 1));
  progress.done(99);
  t.equal(progress.messages, 1, 'what it never had changes nothing');
  progress.moveTo(3);
  t.equal(progress.consumedOffset, 5);
});

test('QueueProgress is right for any order in which messages are done', async (t) => {
  fc.assert(
    fc.property(fc.shuffledSubarray([...Array(3_000).keys()], { minLength: 3_000 }), (order) => {
      const progress = new QueueProgress(0);
      for (let offset = 0; offset < 3_000; offset++) progress.take(offset, 1);
      const open = new Set(order);
      let first = 0;
      for (const offset of order) {
        progress.done(offset);
        open.delete(offset);
        while (first < 3_000 && !open.has(first)) first++;
        if (progress.consumedOffset !== first || progress.messages !== open.size) return false;
      }
      return true;
    }),
    { numRuns: 20 },
  );
  t.pass();
});
