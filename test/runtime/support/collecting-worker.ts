/** A thread that collects its heap again and again, at the same time as others. Fails as any worker fails. */
import { parentPort } from 'node:worker_threads';
import { threadHeap } from '../../../runtime/thread/heap.ts';

for (let round = 0; round < 15; round++) threadHeap.collect();
parentPort?.postMessage('done');
