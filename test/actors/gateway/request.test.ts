import { test } from 'tap';
import { whenAsked } from '../../../actors/gateway/request.ts';

test('whenAsked loads once, for all who ask before it is there', async (t) => {
  let loads = 0;
  const late = whenAsked(async () => {
    loads++;
    return () => {};
  });
  t.equal(loads, 0, 'not before the first request');
  const [first, second] = await Promise.all([late.load(), late.load()]);
  t.equal(first, second);
  t.equal(loads, 1);
});

test('whenAsked gives the same failure to all who ask', async (t) => {
  const late = whenAsked(() => Promise.reject(new Error('no such file')));
  await t.rejects(late.load(), { message: 'no such file' });
  await t.rejects(late.load(), { message: 'no such file' });
});
