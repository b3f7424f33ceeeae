import { test } from 'tap';
import { Jobs } from '../../runtime/jobs.ts';

const module = new URL('./support/jobs-module.ts', import.meta.url);

test('Jobs runs, rejects what fails or takes too long, and goes on', async (t) => {
  const jobs = new Jobs({ module, threadsMax: 1, idleMs: 100, resourceLimits: { maxOldGenerationSizeMb: 32 } });
  t.equal(await jobs.run<number>('double', 21), 42);
  await t.rejects(jobs.run('fail', undefined), { message: 'told to fail' });
  await t.rejects(jobs.run('spin', undefined, { timeoutMs: 200 }), { code: 'MQ_RUNTIME_CALL_TIMEOUT' });
  await t.rejects(jobs.run('eatMemory', undefined), { code: 'ERR_WORKER_OUT_OF_MEMORY' });
  t.equal(await jobs.run<number>('double', 4), 8);
  await jobs.stop();
  await t.rejects(jobs.run('double', 1), { code: 'MQ_RUNTIME_STOPPED' });
});

test('Jobs refuses one job more than may wait', async (t) => {
  const jobs = new Jobs({ module, threadsMax: 1, queueMax: 2 });
  const all = await Promise.allSettled(Array.from({ length: 40 }, (_, i) => jobs.run<number>('double', i)));
  const refused = all.filter((result) => result.status === 'rejected');
  t.equal(refused.length, 37, 'one runs, two wait');
  t.ok(refused.every(({ reason }) => (reason as { code: string }).code === 'MQ_RUNTIME_JOB_REFUSED'));
  await jobs.stop();
});
