import { test } from 'tap';
import { nextQueue, queueOfKey } from '../../client/choose-queue.ts';

const queues = ['a', 'a', 'b', 'b'].map((brokerName, index) => ({ brokerName, queueId: index % 2, topic: 'T' }));
const name = ({ brokerName, queueId }: { brokerName: string; queueId: number }): string => `${brokerName}${queueId}`;

test('nextQueue goes round, past brokers that cannot be used', async (t) => {
  for (const [index, unusable, chosen] of [
    [0, [], 'a0'],
    [1, [], 'a1'],
    [5, [], 'a1'],
    [0, ['a'], 'b0'],
    [3, ['b'], 'a0'],
    [2, ['a', 'b'], 'b0'],
  ] as const) {
    const isUsable = (brokerName: string): boolean => !(unusable as readonly string[]).includes(brokerName);
    t.equal(name(nextQueue(queues, index, isUsable)), chosen, `turn ${index} without ${unusable.join()}`);
  }
});

test('queueOfKey chooses as Java does, also where its hash is negative', async (t) => {
  t.equal(name(queueOfKey(queues, 'a')), 'a1', 'the hash is 97');
  t.equal(name(queueOfKey(queues, 'polygenelubricants')), 'a0', 'the hash is the least int there is');
  t.equal(name(queueOfKey(queues, 'customer-7')), name(queueOfKey(queues, 'customer-7')));
});
