import fc from 'fast-check';
import { test } from 'tap';
import { TextPiece, writeDecimal, writeHex64, writeJsonEscaped, writePiece } from '../../../protocol/remoting/text-writer.ts';

test('writeDecimal writes every safe integer as String does', async (t) => {
  const target = Buffer.alloc(20);
  fc.assert(
    fc.property(
      fc.oneof(
        fc.maxSafeInteger(),
        fc.integer(),
        fc.nat({ max: 53 }).map((bit) => Math.min(2 ** bit, 2 ** 53 - 1)),
        fc.nat({ max: 15 }).map((digits) => 10 ** digits),
      ),
      (value) => target.toString('latin1', 0, writeDecimal(target, 0, value)) === String(value),
    ),
    { seed: 9, numRuns: 3000 },
  );
  t.pass('3000 numbers');
});

test('writeHex64 writes what an offset message id has', async (t) => {
  const target = Buffer.alloc(20);
  for (const value of [0, 255, 1_234_567_890_123, 2 ** 32, Number.MAX_SAFE_INTEGER]) {
    t.equal(writeHex64(target, 3, value), 19);
    t.equal(target.toString('latin1', 3, 19), value.toString(16).toUpperCase().padStart(16, '0'));
  }
});

test('writePiece and writeJsonEscaped write any text at any place', async (t) => {
  fc.assert(
    fc.property(fc.string({ unit: 'binary', maxLength: 40 }), fc.nat(7), (text, at) => {
      const bytes = Buffer.from(text);
      const target = Buffer.alloc(at + 6 * bytes.length + 8, 0xee);
      const pieceEnd = writePiece(target, at, new TextPiece(bytes));
      if (target.toString('utf8', at, pieceEnd) !== bytes.toString() || target[pieceEnd] !== 0xee) return false;
      const end = writeJsonEscaped(target, at, bytes, 0, bytes.length);
      return JSON.parse(`"${target.toString('utf8', at, end)}"`) === bytes.toString();
    }),
    { seed: 13, numRuns: 2000 },
  );
  t.pass('2000 texts');
});
