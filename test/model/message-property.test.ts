import { test } from 'tap';
import { formatProperties, parseProperties, splitKeys } from '../../model/message-property.ts';

test('parseProperties takes what Java’s parser takes', async (t) => {
  const table: [string, [string, string][]][] = [
    ['', []],
    [
      'KEYS\u0001k1 k2\u0002TAGS\u0001A\u0002',
      [
        ['KEYS', 'k1 k2'],
        ['TAGS', 'A'],
      ],
    ],
    ['a\u0001b', [['a', 'b']]],
    ['\u0001b\u0002a\u0001\u0002x\u0002\u0002c\u0001d\u0001e\u0002', [['c', 'd\u0001e']]],
    ['a\u0001b\u0002a\u0001c\u0002', [['a', 'c']]],
  ];
  for (const [text, expected] of table) t.same([...parseProperties(text)], expected, JSON.stringify(text));
  t.equal(
    formatProperties([
      ['a', 'b'],
      ['c', 'd'],
    ]),
    'a\u0001b\u0002c\u0001d\u0002',
  );
  t.same(splitKeys(' k1  k2 '), ['k1', 'k2']);
});
