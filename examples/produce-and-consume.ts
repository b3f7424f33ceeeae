/** Sends many messages at once and consumes them in a group, without a socket: both ends are in the cluster's own process. */
import { startCluster } from 'ringmq';
import { Producer, PushConsumer } from 'ringmq/client';

const cluster = await startCluster();
const common = { nameServers: cluster.nameServerAddress, transport: cluster.transport };

const producer = new Producer(common);
const numbers = Array.from({ length: 1_000 }, (_, index) => index);
await Promise.all(numbers.map((number) => producer.send({ topic: 'Numbers', body: `${number}` })));

const consumer = new PushConsumer({ ...common, group: 'adders', concurrency: 8, consumeFrom: 'first' });
let sum = 0;
let count = 0;
await new Promise<void>((resolve, reject) => {
  consumer
    .subscribe('Numbers', (message) => {
      sum += Number(Buffer.from(message.body).toString());
      count++;
      if (count === numbers.length) resolve();
    })
    .then(() => consumer.start())
    .catch(reject);
});
console.log(`${count} messages, their sum is ${sum}`);

await consumer.close();
await producer.close();
await cluster.stop();

//> 1000 messages, their sum is 499500
