/** A topic with a type: the compiler knows what is in it, and a validator sees to it that this is true. */
import { startCluster } from 'ringmq';
import { defineTopic, Producer, PullConsumer } from 'ringmq/client';

type Reading = { readonly sensor: string; readonly celsius: number };

const readings = defineTopic<Reading>({
  name: 'Readings',
  validate: (value) => {
    const { sensor, celsius } = value as Partial<Reading>;
    if (typeof sensor !== 'string' || typeof celsius !== 'number') throw new Error('a reading has a sensor and a temperature');
    return { sensor, celsius };
  },
});

const cluster = await startCluster();
const common = { nameServers: cluster.nameServerAddress, transport: cluster.transport };

const producer = new Producer(common);
await producer.send(readings, { sensor: 'roof', celsius: 21.5 }, { keys: ['roof'] });
// @ts-expect-error: what the compiler refuses, the validator refuses at run time.
await producer.send(readings, { sensor: 'roof' }).catch((error: Error) => console.log(error.message));

const consumer = new PullConsumer({ ...common, group: 'weather', consumeFrom: 'first' });
await consumer.subscribe(readings.name);
await consumer.start();
for (const message of await consumer.poll()) console.log((await readings.decode(message.body)).celsius);

await consumer.close();
await producer.close();
await cluster.stop();

//> A value sent in topic Readings is not valid: a reading has a sensor and a temperature
//> 21.5
