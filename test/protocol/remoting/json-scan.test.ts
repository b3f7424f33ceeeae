import fc from 'fast-check';
import { test } from 'tap';
import { asciiWord, hasByte, plainBoolean, plainInt, plainLong, unescapeInto, VALUE_ODD } from '../../../protocol/remoting/json-scan.ts';

test('unescapeInto resolves what JSON.stringify escapes, within the room of what it reads', async (t) => {
  const units = fc.array(fc.integer({ min: 0, max: 0xffff }), { maxLength: 40 }).map((codes) => String.fromCharCode(...codes));
  fc.assert(
    fc.property(fc.oneof(fc.string({ unit: 'binary', maxLength: 60 }), units), fc.boolean(), (text, isAscii) => {
      let escaped = JSON.stringify(text).slice(1, -1);
      if (isAscii) escaped = escaped.replace(/[\u0080-\uffff]/g, (unit) => `\\u${unit.charCodeAt(0).toString(16).padStart(4, '0')}`);
      const source = Buffer.from(escaped);
      const target = Buffer.alloc(source.length);
      const end = unescapeInto(source, 0, source.length, target, 0);
      return target.toString('utf8', 0, end) === Buffer.from(text).toString();
    }),
    { seed: 5, numRuns: 1000 },
  );
  for (const bad of ['\\', '\\x', '\\u', '\\u00', '\\u000', '\\u00g0', '\\u000g', '\\ud800\\u00zz']) {
    t.equal(unescapeInto(Buffer.from(bad), 0, bad.length, Buffer.alloc(32), 0), -1, bad);
  }
  t.equal(unescapeInto(Buffer.from('\\/\\b\\f'), 0, 6, Buffer.alloc(6), 0), 3);
});

test('plainInt, plainLong and plainBoolean give up on what is not plain', async (t) => {
  const table: [string, number, number][] = [
    ['0', 0, 0],
    ['-12', -12, -12],
    ['2147483647', 2_147_483_647, 2_147_483_647],
    ['2147483648', VALUE_ODD, 2_147_483_648],
    ['-2147483649', VALUE_ODD, -2_147_483_649],
    ['999999999999999', VALUE_ODD, 999_999_999_999_999],
    ['1000000000000000', VALUE_ODD, VALUE_ODD],
  ];
  for (const [text, int, long] of table) {
    const bytes = Buffer.from(`"${text}"`);
    t.equal(plainInt(bytes, 1, bytes.length - 1), int, text);
    t.equal(plainLong(bytes, 1, bytes.length - 1), long, text);
  }
  for (const text of ['', '-', '+1', '1.0', '1e3', ' 1', 'x']) {
    const bytes = Buffer.from(text);
    t.equal(plainInt(bytes, 0, bytes.length), VALUE_ODD, JSON.stringify(text));
    t.equal(plainLong(bytes, 0, bytes.length), VALUE_ODD, JSON.stringify(text));
  }
  t.same(
    ['true', 'false', 'True', 'tru', 'falsy'].map((text) => plainBoolean(Buffer.from(text), 0, text.length)),
    [1, 0, VALUE_ODD, VALUE_ODD, VALUE_ODD],
  );
});

test('hasByte finds a byte in any place of a word and in no other word', async (t) => {
  fc.assert(
    fc.property(fc.uint8Array({ minLength: 4, maxLength: 4 }), fc.nat(255), (bytes, byte) => {
      const word = asciiWord(String.fromCharCode(...bytes));
      return (hasByte(word, byte * 0x0101_0101) !== 0) === bytes.includes(byte);
    }),
    { seed: 11, numRuns: 3000 },
  );
  t.pass('3000 words');
});
