/** A filter of one's own runs in the broker, for any consumer; its file is replaced while the consumer goes on. */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { startCluster } from 'ringmq';
import { Admin, Producer, PullConsumer } from 'ringmq/client';

/** Usually a file that somebody edits; a filter is code, and only the broker's owner may bring code into it. */
const plugin = (limit: number): string => `
  import type { FilterPlugin } from 'ringmq';

  export default {
    description: 'large amounts',
    filter: (message) => Number(message.property('amount')) > ${limit},
  } satisfies FilterPlugin;
`;
const pluginDir = mkdtempSync(join(tmpdir(), 'plugins-'));
writeFileSync(join(pluginDir, 'large.ts'), plugin(100));

const cluster = await startCluster({ config: { pluginDir }, log: () => {} });
const common = { nameServers: cluster.nameServerAddress, transport: cluster.transport };
const running = async (loads: number): Promise<void> => {
  while ((await cluster.brokers[0]!.metrics()).plugins[0]?.loads !== loads) await pause(20);
};
await running(1);

const admin = new Admin(common);
await admin.topics.create('Payments', { readQueues: 1, attributes: { 'filter.plugin': 'large' } });
const producer = new Producer(common);
const pay = async (...amounts: number[]): Promise<void> => {
  for (const amount of amounts) await producer.send({ topic: 'Payments', body: String(amount), properties: { amount: String(amount) } });
};
const consumer = new PullConsumer({ ...common, group: 'fraud', consumeFrom: 'first' });
await consumer.subscribe('Payments');
await consumer.start();
const read = async (count: number): Promise<string> => {
  const amounts: string[] = [];
  while (amounts.length < count) for (const { body } of await consumer.poll()) amounts.push(Buffer.from(body).toString());
  return amounts.join(', ');
};

await pay(20, 250, 99, 101);
console.log('above 100:', await read(2));
writeFileSync(join(pluginDir, 'large.ts'), plugin(1000));
await running(2);
await pay(250, 5000);
console.log('above 1000:', await read(1));

await consumer.close();
await producer.close();
await admin.close();
await cluster.stop();
rmSync(pluginDir, { recursive: true });

//> above 100: 250, 101
//> above 1000: 5000
