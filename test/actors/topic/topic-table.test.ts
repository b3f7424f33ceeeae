import fc from 'fast-check';
import { test } from 'tap';
import { plainTopic } from '../../../actors/topic/topic-config.ts';
import { TopicTable, topicState } from '../../../actors/topic/topic-table.ts';

function state(name: string, queues = 1) {
  return topicState(
    plainTopic(name, queues),
    Int32Array.from({ length: queues }, (_, index) => index),
  );
}

test('TopicTable finds a topic by bytes within a larger buffer', async (t) => {
  const table = new TopicTable();
  table.put(state('Orders', 4));
  const bytes = Buffer.from('{"topic":"Orders","x":1}');
  t.equal(table.find(bytes, 10, 16)?.name, 'Orders');
  t.equal(table.find(bytes, 10, 15), undefined, 'a prefix of the name is another name');
  t.equal(table.find(bytes, 9, 16), undefined);
  t.same([...table.find(bytes, 10, 16)!.queueHandles], [0, 1, 2, 3]);
});

test('TopicTable tells names of one Java hash apart', async (t) => {
  const table = new TopicTable();
  table.put(state('Aa'));
  const bytes = Buffer.from('BB');
  t.equal(table.find(bytes, 0, 2), undefined, 'Aa and BB have the same hash');
  table.put(state('BB'));
  t.equal(table.find(bytes, 0, 2)?.name, 'BB');
  t.equal(table.find(Buffer.from('Aa'), 0, 2)?.name, 'Aa');
});

/** 2 ^ `pairs` names of one Java hash. */
function namesOfOneHash(pairs: number): string[] {
  return Array.from({ length: 2 ** pairs }, (_, number) =>
    Array.from({ length: pairs }, (_, pair) => ((number >> pair) & 1 ? 'Aa' : 'BB')).join(''),
  );
}

test('TopicTable is not slow for names that were chosen to share a hash, nor for others beside them', async (t) => {
  const flooded = new TopicTable(0.37);
  const names = namesOfOneHash(14);
  for (const name of names) flooded.put(state(name));
  const plain = new TopicTable(0.37);
  const others = names.map((_, number) => `orders-${number}`);
  for (const name of others) plain.put(state(name));
  const cost = (table: TopicTable, wanted: readonly string[]): number => {
    const bytes = wanted.slice(-500).map((name) => Buffer.from(name));
    let least = Number.POSITIVE_INFINITY;
    for (let round = 0; round < 5; round++) {
      const begin = performance.now();
      for (const name of bytes) if (table.find(name, 0, name.length) === undefined) t.fail(`${name} is not found`);
      least = Math.min(least, performance.now() - begin);
    }
    return least;
  };
  const [honest, crafted] = [cost(plain, others), cost(flooded, names)];
  // With one chain they would be thousands of times dearer.
  t.ok(crafted < 20 * honest + 1, `${crafted.toFixed(3)} ms instead of ${honest.toFixed(3)} ms for 500 names of 16384`);
});

test('TopicTable is a map by name, whatever is put and removed', async (t) => {
  const name = fc.stringMatching(/^[a-c]{1,3}$/);
  const step = fc.record({ name, remove: fc.boolean(), queues: fc.integer({ min: 1, max: 3 }) });
  fc.assert(
    fc.property(fc.array(step, { maxLength: 200 }), fc.double({ min: 0, max: 0.999, noNaN: true }), (steps, chance) => {
      const table = new TopicTable(chance);
      const model = new Map<string, number>();
      for (const { name: topic, remove, queues } of steps) {
        if (remove) {
          table.remove(topic);
          model.delete(topic);
        } else {
          table.put(state(topic, queues));
          model.set(topic, queues);
        }
      }
      for (const { name: topic } of steps) {
        const bytes = Buffer.from(topic);
        const found = table.find(bytes, 0, bytes.length);
        if (found?.writeQueues !== model.get(topic) || table.get(topic) !== found) return false;
      }
      return table.size === model.size;
    }),
    { numRuns: 300 },
  );
  t.pass('300 runs agree with a plain map');
});

test('TopicTable refuses sends to the topics that only the broker writes', async (t) => {
  t.equal(state('SCHEDULE_TOPIC_XXXX').refusal, 16);
  t.equal(state('RMQ_SYS_TRANS_HALF_TOPIC').refusal, 16);
  t.equal(state('Orders').refusal, 0);
  t.ok(state('%RETRY%G').isRetry);
  t.ok(state('%DLQ%G').isDlq);
});
