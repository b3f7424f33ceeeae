/** A cluster within this process: a name server and a broker on threads of their own, free ports, a temporary store. */
import { startCluster } from 'ringmq';
import { Producer } from 'ringmq/client';

const cluster = await startCluster();

const producer = new Producer({ nameServers: cluster.nameServerAddress, transport: cluster.transport });
const { status, queueOffset } = await producer.send({ topic: 'Greetings', body: 'hello' });
console.log(status, queueOffset);

await producer.close();
await cluster.stop();

//> SEND_OK 0
