/**
 * Drills with delayed messages: a thread of a running broker is ended while messages are parked and delivered. What was acknowledged
 * comes; what was delivered a moment before may come twice.
 */
import tap, { test } from 'tap';
import { readQueue, sendMessage } from '../support/broker-client.ts';
import { startInProcess } from '../support/broker-in-process.ts';
import { RemotingClient } from '../support/remoting-client.ts';
import { waitUntil } from '../support/wait-until.ts';

tap.setTimeout(300_000);

const TOPIC = 'delay_drill';
const SENDERS = 4;

/** Bodies that have come, and those that should have. */
async function missing(address: string, acknowledged: ReadonlySet<string>): Promise<string[] | undefined> {
  const client = await RemotingClient.connect(address);
  try {
    const seen = new Set<string>();
    for (let queue = 0; queue < 4; queue++) for (const message of await readQueue(client, TOPIC, queue)) seen.add(`${message.body}`);
    return [...acknowledged].filter((body) => !seen.has(body));
  } catch {
    // A queue whose shard is not back yet.
    return undefined;
  } finally {
    await client.close();
  }
}

for (const { thread, shards, flush, isTimed = false } of [
  { thread: 'shard-0', shards: 1, flush: 'async' },
  { thread: 'shard-0', shards: 2, flush: 'sync' },
  { thread: 'shard-1', shards: 2, flush: 'async' },
  { thread: 'log', shards: 2, flush: 'async' },
  { thread: 'store', shards: 1, flush: 'sync' },
  { thread: 'reader', shards: 1, flush: 'async' },
  { thread: 'shard-0', shards: 2, flush: 'async', isTimed: true },
  { thread: 'log', shards: 1, flush: 'sync', isTimed: true },
  { thread: 'reader', shards: 2, flush: 'async', isTimed: true },
]) {
  test(`ending the thread ${thread} loses no ${isTimed ? 'timed' : 'delayed'} message (${shards} shards, ${flush} flush)`, {
    timeout: 120_000,
  }, async (t) => {
    const { address, broker, faults, logged } = await startInProcess(t, shards, flush, ['messageDelayLevel=1s 2s 1s']);
    const acknowledged = new Set<string>();
    let isStopped = false;
    const senders = Array.from({ length: SENDERS }, async (_, sender) => {
      let client: RemotingClient | undefined;
      for (let i = 0; !isStopped; i++) {
        const body = `${sender}-${i}`;
        try {
          if (client === undefined || !client.isOpen) client = await RemotingClient.connect(address);
          const wait = isTimed ? { TIMER_DELAY_MS: String(500 + ((i * 37) % 1500)) } : { DELAY: String(1 + (i % 3)) };
          const properties = { ...wait, KEYS: `k${i} l${i}` };
          const { code } = await sendMessage(client, TOPIC, body, { queueId: sender % 4, properties, timeoutMs: 8_000 });
          if (code === 0) acknowledged.add(body);
        } catch {
          await new Promise((resolve) => setTimeout(resolve, 10));
        }
      }
      await client?.close();
    });
    await waitUntil('more is acknowledged', () => acknowledged.size > 200, 20_000);
    for (let round = 0; round < 3; round++) {
      // In the middle of deliveries, too.
      await waitUntil(
        'a delivery',
        async () => ((await missing(address, acknowledged))?.length ?? acknowledged.size) < acknowledged.size,
        20_000,
      );
      const before = acknowledged.size;
      await broker.endThread(thread);
      await waitUntil('more is acknowledged', () => acknowledged.size > before + 200, 30_000);
    }
    isStopped = true;
    await Promise.all(senders);
    t.same(faults, [], 'no fault');
    let last: string[] | undefined;
    const areAllThere = async (): Promise<boolean> => {
      last = await missing(address, acknowledged);
      return last?.length === 0;
    };
    await waitUntil('every acknowledged message', areAllThere, 30_000, 100).catch(() => undefined);
    t.same(last?.slice(0, 10), [], `${acknowledged.size} acknowledged`);
    t.same(
      logged.filter((text) => /lost|dropped|actor failed/.test(text)),
      [],
      'nothing was given up',
    );
  });
}
