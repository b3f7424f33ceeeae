import { test } from 'tap';
import { changeAttributes, integerAttribute } from '../../model/attribute-changes.ts';

const RULES = new Map([
  ['priority.factor', integerAttribute(true, 0, 100)],
  ['queue.type', integerAttribute(false, 0, 1)],
]);

function change(isNew: boolean, current: Record<string, string>, changes: Record<string, string>): Record<string, string> | string {
  const changed = changeAttributes(RULES, isNew, new Map(Object.entries(current)), new Map(Object.entries(changes)));
  return changed.fault ?? Object.fromEntries(changed.attributes);
}

test('changeAttributes adds, alters and takes away what is named and leaves the rest', async (t) => {
  t.same(change(true, {}, {}), {});
  t.same(change(true, {}, { '+priority.factor': '5' }), { 'priority.factor': '5' });
  t.same(change(false, { 'priority.factor': '5' }, {}), { 'priority.factor': '5' });
  t.same(change(false, { 'priority.factor': '5' }, { '+priority.factor': '6' }), { 'priority.factor': '6' });
  t.same(change(false, { 'priority.factor': '5' }, { '-priority.factor': '' }), {});
  t.same(change(false, { 'queue.type': '1' }, { 'queue.type': '1', 'priority.factor': '7' }), {
    'queue.type': '1',
    'priority.factor': '7',
  });
});

test('changeAttributes refuses what cannot stand, and names it', async (t) => {
  const cases: [boolean, Record<string, string>, Record<string, string>, RegExp][] = [
    [true, {}, { '+color': 'red' }, /unsupported key: color/],
    [true, {}, { '+__proto__x': 'red' }, /unsupported key/],
    [true, {}, { color: 'red' }, /wrong format key/],
    [true, {}, { '': 'red' }, /wrong format key/],
    [true, {}, { '+': 'red' }, /format wrong/],
    [true, {}, { '+a+b': 'red' }, /format wrong/],
    [true, {}, { '-priority.factor': '' }, /only add/],
    [false, {}, { '-priority.factor': '' }, /nonexistent key/],
    [false, { 'queue.type': '1' }, { '+queue.type': '0' }, /unchangeable/],
    [false, { 'queue.type': '1' }, { '-queue.type': '' }, /unchangeable/],
    [true, {}, { '+priority.factor': '101' }, /from 0 to 100/],
    [true, {}, { '+priority.factor': 'many' }, /from 0 to 100/],
    [true, {}, { '+priority.factor': '9'.repeat(1000) }, /256 characters/],
    [true, {}, { '+priority.factor': '1', 'priority.factor': '2' }, /duplication/],
  ];
  for (const [isNew, current, changes, fault] of cases)
    t.match(change(isNew, current, changes), fault, JSON.stringify(changes).slice(0, 60));
});
