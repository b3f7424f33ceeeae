/** Rules about groups that need no actor: pending resets, differing members, forbidden topics, what a tool may set. */
import { test } from 'tap';
import { clientOffsets, resetRefusal } from '../../../actors/consumer-group/decide-reset.ts';
import { DIFFERING_SHOWN_MAX, Parties, wantsOf } from '../../../actors/consumer-group/differing-members.ts';
import { forbiddenOf, forbiddenText, mayRead, withForbidden } from '../../../actors/consumer-group/forbidden-topics.ts';
import { OffsetTable } from '../../../actors/consumer-group/offset-table.ts';
import { PendingResets, pagesOf } from '../../../actors/consumer-group/pending-resets.ts';
import { tagSubscription } from '../../../model/subscription.ts';

test('PendingResets gives each offset once', async (t) => {
  const resets = new PendingResets();
  resets.load({ topics: ['A', 'A', 'B'], queueIds: [0, 1, 0], offsets: [5, 0, 7] });
  t.equal(resets.size, 3);
  t.ok(resets.has('A', 1));
  t.equal(resets.get('A', 1), 0);
  t.equal(resets.take('A', 1), 0);
  t.equal(resets.take('A', 1), -1);
  resets.load({ topics: ['A', 'C'], queueIds: [0, 0], offsets: [-1, -1] });
  t.equal(resets.size, 1, 'taken elsewhere, or never there');
  t.same(resets.forgetTopic('B'), { topics: ['B'], queueIds: [0], offsets: [-1] });
  t.equal(resets.size, 0);
  t.same(resets.pages(10), [{ topics: [], queueIds: [], offsets: [] }], 'none is one empty page');
});

test('pagesOf cuts columns', async (t) => {
  const columns = { topics: ['A', 'A', 'A'], queueIds: [0, 1, 2], offsets: [3, 4, 5] };
  t.same(
    pagesOf(columns, 2).map((page) => page.queueIds),
    [[0, 1], [2]],
  );
});

function parties(wants: readonly string[]): Parties {
  const all = new Parties();
  for (const [index, text] of wants.entries()) all.add(`c${index}`, text);
  return all;
}

test('Parties name who wants something else', async (t) => {
  const cases: [string, string[], string[]][] = [
    ['nobody', [], []],
    ['one', ['a'], []],
    ['the same', ['a', 'a'], []],
    ['two of the same size: both', ['a', 'b'], ['c0', 'c1']],
    ['the smaller party', ['a', 'b', 'a'], ['c1']],
    ['two smaller parties', ['a', 'b', 'a', 'c'], ['c1', 'c3']],
    ['two large ones and a small one: all', ['a', 'a', 'b', 'b', 'c'], ['c0', 'c1', 'c2', 'c3', 'c4']],
    ['those that say nothing do not count', ['a', '', ''], []],
  ];
  for (const [name, wants, expected] of cases) t.same(parties(wants).differing(), expected, name);
  const many = Array.from({ length: 100 }, (_, index) => `T: ${index}`);
  t.equal(parties(many).differing().length, DIFFERING_SHOWN_MAX, 'bounded');
  t.equal(parties(['T: a', 'T: b', 'T: a']).describe(), 'c0 wants T: a | c1 wants T: b');
});

test('Parties forget who goes, connection by connection', async (t) => {
  const all = parties(['a', 'b', 'a']);
  all.add('c1', 'b');
  all.remove('c1', 'b');
  t.same(all.differing(), ['c1'], 'one of its two connections is left');
  all.remove('c1', 'b');
  all.remove('c1', 'b');
  all.remove('never', 'a');
  t.same(all.differing(), []);
  t.equal(all.describe(), 'c0 wants a');
});

test('wantsOf is one text for those who want the same', async (t) => {
  const push = 'CONSUME_PASSIVELY';
  const one = wantsOf(push, [tagSubscription('T', 'a || b', 1), tagSubscription('S', '*', 1), tagSubscription('%RETRY%G', '*', 1)]);
  t.equal(
    one,
    wantsOf(push, [tagSubscription('S', '*', 9), tagSubscription('T', 'b||a', 7)]),
    'order and version do not count, nor retries',
  );
  t.equal(one, 'S: *; T: a || b');
  t.not(one, wantsOf(push, [tagSubscription('T', 'a', 1), tagSubscription('S', '*', 1)]));
  t.equal(wantsOf('CONSUME_ACTIVELY', [tagSubscription('T', 'a', 1)]), '', 'pull clients may differ');
  const sql = { ...tagSubscription('T', '*', 1), expressionType: 'SQL92', subString: ' a > 1 ' };
  t.equal(wantsOf(push, [sql]), 'T: SQL92 a > 1');
});

test('forbidden topics keep the bits of others', async (t) => {
  const table = forbiddenOf('{"G":{"T":5,"S":"x","R":-1},"H":[],"I":{"__proto__":4}}');
  t.equal(forbiddenText(table), '{"G":{"T":5},"I":{"__proto__":4}}');
  t.equal(mayRead(table, 'G', 'T'), false);
  t.equal(mayRead(table, 'I', '__proto__'), false);
  t.ok(mayRead(table, 'G', 'S') && mayRead(table, 'never', 'T') && mayRead(table, 'constructor', 'name'));
  const allowed = withForbidden(table, 'G', 'T', true);
  t.ok(mayRead(allowed, 'G', 'T'));
  t.equal(allowed.get('G')?.get('T'), 1);
  t.equal(mayRead(table, 'G', 'T'), false, 'the old table is as it was');
  t.equal(withForbidden(withForbidden(new Map(), 'G', 'T', false), 'G', 'T', true).size, 0);
});

test('resetRefusal and clientOffsets know what a tool may set', async (t) => {
  for (const offset of [2, 3, 5]) t.equal(resetRefusal(offset, 2, 5), null);
  for (const offset of [-2, 1, 6, Number.MAX_SAFE_INTEGER]) t.match(resetRefusal(offset, 2, 5), { code: 1, remark: /\[2-5\]/ });
  const committed = new Map([
    [0, 3],
    [1, 3],
  ]);
  t.same(clientOffsets([1, 5], committed, false), [1, 3], 'not ahead');
  t.same(clientOffsets([1, 5], committed, true), [1, 5], 'unless forced');
  t.equal(clientOffsets([1, 5, 0], committed, true), null, 'a queue without offset');
  t.equal(clientOffsets([1], undefined, true), null);
});

test('OffsetTable gives all groups page by page, and goes on in the middle of one', async (t) => {
  const table = new OffsetTable();
  const all: string[] = [];
  for (const [group, topic, queues] of [
    ['G', 'T', 3],
    ['G', 'S', 2],
    ['H', 'T', 4],
  ] as const) {
    for (let queueId = 0; queueId < queues; queueId++) {
      table.put(group, topic, queueId, queueId);
      all.push(`${group}/${topic}/${queueId}`);
    }
  }
  for (const max of [1, 2, 3, 4, 5, 9, 100]) {
    const seen: string[] = [];
    for (let place = { group: 0, entry: 0 }; place.group >= 0; ) {
      const page = table.page(place, max);
      t.ok(page.groups.length <= max);
      for (const [index, group] of page.groups.entries()) seen.push(`${group}/${page.topics[index]}/${page.queueIds[index]}`);
      place = page.next;
    }
    t.same(seen, all, `pages of ${max}`);
  }
  t.same([...table.topicsOf('G').keys()], ['T', 'S']);
  t.equal(table.topicsOf('never').size, 0);
});
