import fc from 'fast-check';
import { test } from 'tap';
import { javaHash, javaHashBytes, keyHashSeed } from '../../model/java-hash.ts';
import { tagHash } from '../../model/tag-hash.ts';

test('javaHash and javaHashBytes give Java’s numbers', async (t) => {
  const vectors: [string, number][] = [
    ['TagA', 2_598_919],
    ['TagB', 2_598_920],
    ['中文', 646_394],
    ['order-created', -392_709_271],
    ['', 0],
  ];
  for (const [text, hash] of vectors) {
    const bytes = Buffer.from(`<${text}>`);
    t.equal(javaHash(text), hash, text);
    t.equal(tagHash(bytes, 1, bytes.length - 1), hash, text);
  }
  fc.assert(
    fc.property(fc.string({ unit: 'binary' }), fc.string({ unit: 'binary' }), (topic, key) => {
      const [topicBytes, keyBytes] = [Buffer.from(topic), Buffer.from(key)];
      const seed = keyHashSeed(javaHashBytes(topicBytes, 0, topicBytes.length));
      return javaHashBytes(keyBytes, 0, keyBytes.length, seed) === javaHash(`${topic}#${key}`);
    }),
    { seed: 4, numRuns: 500 },
  );
});
