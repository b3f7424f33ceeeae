/**
 * What scenarios ask for about a topic's age: `age TOPIC` has the log removed but for its newest segments, as days later, and resolves when each queue
 * of the topic begins behind its first message. Fails by rejecting when the log is too short, or when that does not come.
 */
import { readdirSync, utimesSync } from 'node:fs';
import { join } from 'node:path';
import { DELETE_EXPIRED_COMMITLOG, GET_MIN_OFFSET } from '../../protocol/remoting/request-code.ts';
import { queueOffset } from '../support/broker-client.ts';
import { RemotingClient } from '../support/remoting-client.ts';
import type { RingmqProcess } from '../support/start-ringmq.ts';
import { waitUntil } from '../support/wait-until.ts';

/** The one that is written to, and one that is made ahead. */
const NEWEST = 2;
const AGE_MS = 4 * 86_400_000;
const QUEUES = 4;
const MS_MAX = 30_000;

export async function ageStore(event: string, ringmq: RingmqProcess): Promise<void> {
  const topic = event.split(' ')[1] ?? '';
  const folder = join(ringmq.dataDir, 'commitlog');
  const segments = (): string[] => readdirSync(folder).sort();
  const aged = segments().slice(0, -NEWEST);
  if (aged.length === 0) throw new Error(`The log has ${segments().length} segments: nothing of it can be removed`);
  const then = new Date(Date.now() - AGE_MS);
  for (const name of aged) utimesSync(join(folder, name), then, then);
  const client = await RemotingClient.connect(ringmq.broker);
  try {
    const { code, remark } = await client.request(DELETE_EXPIRED_COMMITLOG, null);
    if (code !== 0) throw new Error(`The broker removes nothing: ${code} ${remark}`);
    await waitUntil('the old segments to go', () => !segments().includes(aged.at(-1)!), MS_MAX);
    for (let queue = 0; queue < QUEUES; queue++)
      await waitUntil(`queue ${queue} to follow`, async () => (await queueOffset(client, GET_MIN_OFFSET, topic, queue)) > 0, MS_MAX);
  } finally {
    await client.close();
  }
}
