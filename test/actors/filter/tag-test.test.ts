/** Tags by themselves, where their hashes are the same. */
import fc from 'fast-check';
import { test } from 'tap';
import { TagTest, tagTestOf } from '../../../actors/filter/tag-test.ts';
import { javaHash } from '../../../model/java-hash.ts';
import { encodeMessageRecord } from '../../../model/message-record.ts';

function record(properties: readonly (readonly [string, string])[], body = 'b'): Uint8Array {
  const text = properties.map(([name, value]) => `${name}\u0001${value}\u0002`).join('');
  return encodeMessageRecord({ topic: 'T', body: Buffer.from(body), properties: text });
}

test('TagTest tells tags apart that share a hash', (t) => {
  t.equal(javaHash('Aa'), javaHash('BB'));
  const tags = new TagTest(['Aa', 'red']);
  const cases: [readonly (readonly [string, string])[], boolean][] = [
    [[['TAGS', 'Aa']], true],
    [[['TAGS', 'BB']], false],
    [[['TAGS', 'red']], true],
    [[['TAGS', 'redder']], false],
    [[['TAGS', 're']], false],
    [
      [
        ['UNIQ_KEY', 'u'],
        ['TAGS', 'Aa'],
        ['WAIT', 'true'],
      ],
      true,
    ],
    [
      [
        ['UNIQ_KEY', 'longer'],
        ['TAGS', 'BB'],
        ['WAIT', 'true'],
      ],
      false,
    ],
    [[['MYTAGS', 'Aa']], false],
    [
      [
        ['x', 'TAGS'],
        ['y', 'Aa'],
      ],
      false,
    ],
    [[], false],
  ];
  // Each after each: what was learnt of one must not mislead about the next.
  for (const [first] of cases) {
    for (const [properties, passes] of cases) {
      tags.matches(record(first), 0);
      t.equal(tags.matches(record(properties), 0), passes, JSON.stringify([first, properties]));
    }
  }
  t.equal(tags.matches(record([['a', 'b']], '\u0002TAGS\u0001Aa\u0002'), 0), false, 'a body that looks like a tag is none');
  t.equal(
    tags.matches(encodeMessageRecord({ topic: 'T', body: Buffer.alloc(0), properties: 'TAGS\u0001Aa' }), 0),
    true,
    'no last separator',
  );
  const torn = encodeMessageRecord({ topic: 'T', body: Buffer.alloc(0), properties: 'torn\u0002TAGS\u0001Aa\u0002' });
  t.equal(new TagTest(['Aa']).matches(torn, 0), true, 'behind what is no property');
  const all = Buffer.concat([record([['TAGS', 'Aa']]), record([['TAGS', 'red']])]);
  t.equal(tags.all(all, 0, all.length), true);
  t.equal(tags.all(Buffer.concat([all, record([['TAGS', 'BB']])]), 0, all.length + 1), false);
  t.end();
});

test('TagTest says what a map of the properties says', (t) => {
  const text = fc.stringMatching(/^[A-Ta]{0,4}$/);
  const properties = fc.uniqueArray(fc.tuple(fc.oneof(text, fc.constant('TAGS')), text), { selector: ([name]) => name, maxLength: 5 });
  const tags = new TagTest(['A', 'Aa', 'TAGS']);
  fc.assert(
    fc.property(properties, (each) => {
      const named = each.filter(([name]) => name !== '');
      const tag = new Map(named).get('TAGS');
      return tags.matches(record(named), 0) === (tag !== undefined && ['A', 'Aa', 'TAGS'].includes(tag));
    }),
    { numRuns: 2000 },
  );
  t.pass('in 2000 cases');
  t.end();
});

test('tagTestOf leaves alone what the tags do not account for', (t) => {
  t.not(tagTestOf(['Aa'], [2112], javaHash), null);
  t.equal(tagTestOf(['Aa'], [2112, 7], javaHash), null);
  t.equal(tagTestOf([], [2112], javaHash), null);
  t.equal(tagTestOf(['Aa'], [], javaHash), null);
  t.end();
});
