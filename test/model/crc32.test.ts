import { crc32 } from 'node:zlib';
import fc from 'fast-check';
import { test } from 'tap';
import { bodyCrc32, shortCrc32 } from '../../model/crc32.ts';

test('bodyCrc32 is zlib’s sum of any body with its top bit cleared', async (t) => {
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 600 }), fc.nat(20), (bytes, skip) => {
      const start = Math.min(skip, bytes.length);
      const sum = crc32(bytes.subarray(start));
      return bodyCrc32(bytes, start, bytes.length) === (sum & 0x7fffffff) && shortCrc32(bytes, start, bytes.length) === (sum | 0);
    }),
    { seed: 6, numRuns: 1000 },
  );
  t.equal(bodyCrc32(Buffer.from('hello'), 0, 5), 907_060_870);
});
