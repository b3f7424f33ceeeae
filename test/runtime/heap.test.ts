import { once } from 'node:events';
import { Worker } from 'node:worker_threads';
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

test('threadHeap collects on several threads at once', async (t) => {
  const workers = Array.from({ length: 3 }, () => new Worker(new URL('./support/collecting-worker.ts', import.meta.url)));
  t.same(await Promise.all(workers.map((worker) => once(worker, 'message'))), [['done'], ['done'], ['done']]);
  await Promise.all(workers.map((worker) => worker.terminate()));
});
