import { test } from 'tap';
import { threadHeap } from '../../runtime/thread/heap.ts';

test('threadHeap gives back what a burst has left, and hides the collector again', async (t) => {
  let burst: unknown[] = [];
  for (let i = 0; i < 400_000; i++) burst.push({ i, text: `${i}` });
  const before = threadHeap.bytes();
  t.ok(burst.length > 0);
  burst = [];
  threadHeap.collect();
  t.ok(threadHeap.bytes() < before - 10 * 1024 * 1024, 'more than 10 MB of the burst are gone');
  t.equal((globalThis as { gc?: unknown }).gc, undefined);
});
