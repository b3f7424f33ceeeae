/** A drill in a test: one of two brokers is killed, sends go on at the other, and what the dead one had is there when it is back. */
import { startCluster } from 'ringmq';
import { Admin, Producer } from 'ringmq/client';

const cluster = await startCluster({ brokers: 2, log: () => {} });
const producer = new Producer({ nameServers: cluster.nameServerAddress, transport: cluster.transport });

for (let i = 0; i < 20; i++) await producer.send({ topic: 'Drill', body: `${i}` });
const [first] = cluster.brokers;
await first?.kill();
let stored = 20;
for (let i = 0; i < 20; i++) stored += (await producer.send({ topic: 'Drill', body: `${i}` })).status === 'SEND_OK' ? 1 : 0;
await first?.restart();
console.log(`${stored} stored`);

const admin = new Admin({ nameServers: cluster.nameServerAddress, transport: cluster.transport });
const queues = await admin.topics.stats('Drill');
const kept = queues.reduce((sum, { maxOffset, minOffset }) => sum + maxOffset - minOffset, 0);
console.log(`${kept} kept`);

await admin.close();
await producer.close();
await cluster.stop();

//> 40 stored
//> 40 kept
