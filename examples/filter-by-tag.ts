/** The broker filters: a consumer gets the tags that it asked for and no others. */
import { startCluster } from 'ringmq';
import { Producer, PullConsumer } from 'ringmq/client';

const cluster = await startCluster();
const common = { nameServers: cluster.nameServerAddress, transport: cluster.transport };

const producer = new Producer(common);
for (const tag of ['created', 'paid', 'shipped', 'paid']) await producer.send({ topic: 'Orders', tag, body: tag });

const consumer = new PullConsumer({ ...common, group: 'book-keeping', consumeFrom: 'first' });
await consumer.subscribe('Orders', { tags: 'paid || refunded' });
await consumer.start();
let paid = 0;
while (paid < 2) paid += (await consumer.poll()).length;
console.log(`${paid} orders are paid`);

await consumer.close();
await producer.close();
await cluster.stop();

//> 2 orders are paid
