/** Messages of one key in their order: they go to one queue, and one member of the group handles them one after another. */
import { startCluster } from 'ringmq';
import { Producer, PushConsumer } from 'ringmq/client';

const cluster = await startCluster();
const common = { nameServers: cluster.nameServerAddress, transport: cluster.transport };

const producer = new Producer(common);
for (const step of ['made', 'paid', 'sent']) {
  for (const order of ['order-1', 'order-2']) await producer.send({ topic: 'Steps', body: step, keys: [order], shardingKey: order });
}

const consumer = new PushConsumer({ ...common, group: 'ledger', orderly: true, consumeFrom: 'first' });
const steps = new Map<string, string[]>();
await new Promise<void>((resolve, reject) => {
  let count = 0;
  consumer
    .subscribe('Steps', (message) => {
      const order = message.keys[0] ?? '';
      steps.set(order, [...(steps.get(order) ?? []), Buffer.from(message.body).toString()]);
      count++;
      if (count === 6) resolve();
    })
    .then(() => consumer.start())
    .catch(reject);
});
for (const order of [...steps.keys()].sort()) console.log(order, steps.get(order)?.join(', '));

await consumer.close();
await producer.close();
await cluster.stop();

//> order-1 made, paid, sent
//> order-2 made, paid, sent
