import { test } from 'tap';
import { ConfigTextError } from '../../../actors/broker/errors.ts';
import { parsePropertiesText } from '../../../actors/broker/properties-text.ts';

test('parsePropertiesText reads what java.util.Properties reads', async (t) => {
  const table: [text: string, expected: [string, string][]][] = [
    ['a=1', [['a', '1']]],
    ['a : 1', [['a', '1']]],
    ['a 1', [['a', '1']]],
    ['a', [['a', '']]],
    ['a=', [['a', '']]],
    ['a==1', [['a', '=1']]],
    [
      '  # comment\n! comment\n\n a = 1 \r\nb=2',
      [
        ['a', '1'],
        ['b', '2'],
      ],
    ],
    ['a = 1 5 \\\n    10', [['a', '1 5 10']]],
    ['a=x\\', [['a', 'x']]],
    [
      'a=x\\\\\nb=1',
      [
        ['a', 'x\\'],
        ['b', '1'],
      ],
    ],
    ['a\\=b=c\\:d', [['a=b', 'c:d']]],
    ['a=\\u4e2d\\u6587\\t.', [['a', '中文\t.']]],
    ['a=C\\:\\\\data', [['a', 'C:\\data']]],
    ['\uFEFFa=1', [['a', '1']]],
    ['a=1 # no comment here', [['a', '1 # no comment here']]],
    ['__proto__=1', [['__proto__', '1']]],
  ];
  for (const [text, expected] of table) {
    const found = parsePropertiesText(text, 'test').map(({ key, value }) => [key, value]);
    t.same(found, expected, JSON.stringify(text));
  }
});

test('parsePropertiesText names the line where an entry begins', async (t) => {
  t.same(
    parsePropertiesText('# one\na = 1 \\\n 2\nb=3', 'test').map(({ line }) => line),
    [2, 4],
  );
});

test('parsePropertiesText refuses what is broken or too long', async (t) => {
  t.throws(
    () => parsePropertiesText('a=\\u12g4', 'x.conf'),
    new ConfigTextError('x.conf', 'line 1: \\u needs four hexadecimal digits, found "12g4"'),
  );
  t.throws(() => parsePropertiesText('#'.repeat(1_048_577), 'x.conf'), { code: 'MQ_CONFIG_TEXT' });
  t.throws(() => parsePropertiesText('a\n'.repeat(10_001), 'x.conf'), { code: 'MQ_CONFIG_TEXT' });
});
