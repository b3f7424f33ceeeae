/**
 * What is run in the folder that the package was installed into: programs of a user's, as texts, and the TypeScript that must compile there.
 * No file of the repository is in reach of them.
 */

/** A cluster in ten lines, and a message through it; prints its body. */
export const embedProgram = `import { startCluster } from 'ringmq';
import { Producer, PullConsumer } from 'ringmq/client';
import { ActorSystem } from 'ringmq/runtime';

const cluster = await startCluster({ brokers: 2 });
const common = { nameServers: cluster.nameServerAddress, transport: cluster.transport };
const producer = new Producer(common);
const consumer = new PullConsumer({ ...common, group: 'readers', consumeFrom: 'first' });
await producer.send({ topic: 'Greetings', body: 'hello' });
await consumer.subscribe('Greetings');
await consumer.start();
const messages = await consumer.poll({ timeoutMs: 30_000 });
if (typeof ActorSystem.start !== 'function') throw new Error('ringmq/runtime has no ActorSystem');
await producer.close();
await consumer.close();
await cluster.stop();
console.log(process.version, Buffer.from(messages[0]?.body ?? []).toString());
`;

/** Compiles with the package's declarations alone; never run. */
export const typesProgram = `import { type Cluster, type ClusterOptions, startCluster } from 'ringmq';
import { defineTopic, Producer, PushConsumer, type Transport } from 'ringmq/client';
import type { Actor, ActorContext } from 'ringmq/runtime';

const options: ClusterOptions = { nameServers: 1, brokers: 1, config: { maxMessageSize: 1024 } };
const cluster: Cluster = await startCluster(options);
const transport: Transport = cluster.transport;
const producer = new Producer({ nameServers: cluster.nameServerAddress, transport });
const consumer = new PushConsumer({ nameServers: cluster.nameServerAddress, transport, group: 'g' });
const orders = defineTopic<{ id: number }>({ name: 'Orders', validate: (value) => value as { id: number } });
await consumer.subscribe(orders, (order) => void order.id.toFixed());
await producer.send(orders, { id: 1 });
// @ts-expect-error a typed topic takes its own values only
await producer.send(orders, 'one');
export class Counter implements Actor<{ kind: 'count' }> {
  receive(_message: { kind: 'count' }, context: ActorContext): void {
    context.log('info', 'counted');
  }
}
`;

export const typesConfig = {
  compilerOptions: {
    module: 'nodenext',
    target: 'es2023',
    strict: true,
    exactOptionalPropertyTypes: true,
    noEmit: true,
    types: ['node'],
  },
  files: ['types.ts'],
};
