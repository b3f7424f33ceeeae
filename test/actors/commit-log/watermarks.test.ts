import { once } from 'node:events';
import { Worker } from 'node:worker_threads';
import { test } from 'tap';
import { allocateWatermarks, Watermarks } from '../../../actors/commit-log/watermarks.ts';

const READS = 20_000;

test('fullReason gives the last text, cut to its room', async (t) => {
  const memory = allocateWatermarks();
  const [writer, reader] = [new Watermarks(memory), new Watermarks(memory)];
  t.equal(reader.fullReason, '');
  for (const reason of ['no room at /a', 'no room at /bb', '/c']) {
    writer.sayFull(reason);
    t.equal(reader.fullReason, reason);
  }
  writer.sayFull('x'.repeat(5_000));
  t.equal(reader.fullReason, 'x'.repeat(1024));
});

test('fullReason is never empty or mixed while another thread says it anew', async (t) => {
  const memory = allocateWatermarks();
  const reader = new Watermarks(memory);
  const source = `
    import { workerData } from 'node:worker_threads';
    const { Watermarks } = await import(workerData.path);
    const marks = new Watermarks(workerData.memory);
    for (let turn = 0; ; turn++) marks.sayFull(String(turn % 10).repeat(1 + turn % 900));
  `;
  const path = new URL('../../../actors/commit-log/watermarks.ts', import.meta.url).href;
  const worker = new Worker(new URL(`data:text/javascript,${encodeURIComponent(source)}`), { workerData: { memory, path } });
  t.teardown(() => worker.terminate());
  await once(worker, 'online');
  while (reader.fullReason === '') await new Promise((resolve) => setImmediate(resolve));
  let bad = '';
  for (let read = 0; read < READS && bad === ''; read++) {
    const text = reader.fullReason;
    if (!/^(\d)\1*$/.test(text)) bad = `"${text}"`;
  }
  t.equal(bad, '');
});
