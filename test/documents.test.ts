/**
 * The code samples of the documents, each run as a program of its own against a started broker, and type-checked.
 */

import { readdirSync } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import t from 'tap';
import { brokerUnderTest } from './support/broker-under-test.ts';
import { checkSamples, runSample, samplesOf, writeSample } from './support/document-samples.ts';

t.setTimeout(300_000);

const docs = fileURLToPath(new URL('../docs', import.meta.url));
const documents = readdirSync(docs)
  .filter((file) => file.endsWith('.md'))
  .sort()
  .map((file) => `docs/${file}`);
const ringmq = await brokerUnderTest(t, { shards: 2 });

for (const document of documents) {
  const samples = samplesOf(document);
  if (samples.length === 0) continue;
  t.test(`${document}: each of its ${samples.length} samples runs and says what the document says`, { timeout: 300_000 }, async (t) => {
    const folder = await mkdtemp(join(tmpdir(), 'ringmq-samples-'));
    t.teardown(() => rm(folder, { recursive: true, force: true }));
    const paths: string[] = [];
    for (const [index, sample] of samples.entries()) paths.push(await writeSample(sample, folder, ringmq.nameServer, index));
    t.equal(await checkSamples(folder), '', 'the types fit');
    for (const [index, sample] of samples.entries()) {
      const output = await runSample(paths[index]!, sample.place);
      if (sample.output === null) t.pass(`${sample.place} runs`);
      else t.equal(output, sample.output, `${sample.place} prints what follows it`);
    }
  });
}
