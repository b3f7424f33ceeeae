/** The programs under examples/, each run as it is against the sources, and type-checked; each prints what stands at its end. */
import { readdirSync, readFileSync } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import t from 'tap';
import { checkSamples, runSample, type Sample, writeSample } from './support/document-samples.ts';

t.setTimeout(300_000);

const folder = fileURLToPath(new URL('../examples', import.meta.url));
const files = readdirSync(folder).filter((file) => file.endsWith('.ts'));
const listed = readFileSync(join(folder, 'README.md'), 'utf8');

t.test('examples run and print what they say', async (t) => {
  const place = await mkdtemp(join(tmpdir(), 'ringmq-examples-'));
  t.teardown(() => rm(place, { recursive: true, force: true }));
  const samples = files.map((file): Sample => {
    const code = readFileSync(join(folder, file), 'utf8');
    const output = [...code.matchAll(/^\/\/> (.*)$/gm)].map(([, line]) => `${line}\n`).join('');
    return { place: `examples/${file}`, code, output };
  });
  const paths: string[] = [];
  for (const [index, sample] of samples.entries()) paths.push(await writeSample(sample, place, '127.0.0.1:9876', index));
  t.equal(await checkSamples(place), '', 'the types fit');
  for (const [index, sample] of samples.entries()) {
    t.equal(await runSample(paths[index]!, sample.place), sample.output, sample.place);
    t.ok(listed.includes(`(${files[index]})`), `examples/README.md lists ${files[index]}`);
  }
});
