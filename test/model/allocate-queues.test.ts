import fc from 'fast-check';
import { test } from 'tap';
import { allocateAveragely, allocateByCircle, compareQueues } from '../../model/allocate-queues.ts';

const queuesOf = (brokerName: string, count: number): { brokerName: string; queueId: number; topic: string }[] =>
  [...Array(count).keys()].map((queueId) => ({ brokerName, queueId, topic: 'T' }));
const text = (list: readonly { brokerName: string; queueId: number }[]): string =>
  list.map((each) => each.brokerName + each.queueId).join(' ');

test('allocateAveragely gives each member what AllocateMessageQueueAveragely gives it', async (t) => {
  const eight = [...queuesOf('b', 4), ...queuesOf('a', 4)];
  for (const [members, shares] of [
    [['x'], ['a0 a1 a2 a3 b0 b1 b2 b3']],
    [
      ['y', 'x'],
      ['a0 a1 a2 a3', 'b0 b1 b2 b3'],
    ],
    [
      ['x', 'y', 'z'],
      ['a0 a1 a2', 'a3 b0 b1', 'b2 b3'],
    ],
    [
      ['p', 'q', 'r', 's', 't'],
      ['a0 a1', 'a2 a3', 'b0 b1', 'b2', 'b3'],
    ],
  ] as const) {
    const sorted = [...members].sort();
    t.same(
      sorted.map((member) => text(allocateAveragely(eight, members, member))),
      shares,
      `${members.length} members`,
    );
  }
  const members = ['m1', 'm2', 'm3', 'm4', 'm5'];
  t.same(
    members.map((member) => text(allocateAveragely(queuesOf('a', 3), members, member))),
    ['a0', 'a1', 'a2', '', ''],
    'more members than queues',
  );
  t.same(allocateAveragely(eight, members, 'stranger'), [], 'who is not among them gets none');
  t.same(allocateAveragely([], members, 'm1'), []);
  t.same(
    text(allocateAveragely(queuesOf('a', 12), ['x'], 'x'))
      .split(' ')
      .at(-1),
    'a11',
    'queue ids are numbers, not texts',
  );
});

test('allocateAveragely gives every queue to exactly one member', async (t) => {
  fc.assert(
    fc.property(
      fc.integer({ min: 0, max: 64 }),
      fc.uniqueArray(fc.string({ minLength: 1 }), { minLength: 1, maxLength: 20 }),
      (count, members) => {
        const shares = members.map((member) => allocateAveragely(queuesOf('a', count), members, member));
        const all = shares.flat().sort(compareQueues);
        const sizes = shares.map((share) => share.length);
        return text(all) === text(queuesOf('a', count)) && Math.max(...sizes) - Math.min(...sizes) <= 1;
      },
    ),
  );
  t.pass('for any number of queues and members, and nobody has two more than another');
});

test('allocateByCircle deals the queues out one by one', async (t) => {
  const queues = [...queuesOf('b', 2), ...queuesOf('a', 3)];
  t.equal(text(allocateByCircle(queues, ['y', 'x'], 'x')), 'a0 a2 b1');
  t.equal(text(allocateByCircle(queues, ['y', 'x'], 'y')), 'a1 b0');
  t.same(allocateByCircle(queues, ['y', 'x'], 'z'), []);
});
