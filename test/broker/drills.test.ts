/**
 * Drills: a thread of a running broker is ended under load, as a crash would end it. Clients only connect again; what was
 * acknowledged is there afterwards, at its offset, once. In-process, for only the starter can end a single thread.
 */
import tap, { test } from 'tap';
import { queueOffset, readQueue, sendMessage } from '../support/broker-client.ts';
import { startInProcess } from '../support/broker-in-process.ts';
import { RemotingClient } from '../support/remoting-client.ts';
import { waitUntil } from '../support/wait-until.ts';

tap.setTimeout(300_000);

const TOPIC = 'drill';
const SENDERS = 4;

/** Sends until told to stop, connecting again whenever the connection breaks; notes what was acknowledged. */
class Senders {
  readonly acknowledged: Map<string, string> = new Map();
  errors = 0;
  #isStopped = false;
  readonly #running: Promise<void>[];

  constructor(address: string) {
    this.#running = Array.from({ length: SENDERS }, (_, sender) => this.#run(address, sender));
  }

  async #run(address: string, sender: number): Promise<void> {
    let client: RemotingClient | undefined;
    for (let i = 0; !this.#isStopped; i++) {
      const body = `${sender}-${i}`;
      try {
        if (client === undefined || !client.isOpen) client = await RemotingClient.connect(address);
        const { code, ext } = await sendMessage(client, TOPIC, body, { queueId: sender % 4, timeoutMs: 8_000 });
        if (code === 0) this.acknowledged.set(body, `${ext?.['queueId']}/${ext?.['queueOffset']}`);
        else this.errors++;
      } catch {
        this.errors++;
        await new Promise((resolve) => setTimeout(resolve, 10));
      }
    }
    await client?.close();
  }

  async stop(): Promise<void> {
    this.#isStopped = true;
    await Promise.all(this.#running);
  }
}

/** What is wrong; a queue whose shard is not back yet says "pull again" for a moment. */
async function lost(address: string, acknowledged: ReadonlyMap<string, string>): Promise<string[]> {
  return await waitUntil('every queue answers', () => problemsOf(address, acknowledged).catch(() => undefined), 20_000, 200);
}

async function problemsOf(address: string, acknowledged: ReadonlyMap<string, string>): Promise<string[]> {
  const client = await RemotingClient.connect(address);
  const found = new Map<string, string>();
  const problems: string[] = [];
  for (let queue = 0; queue < 4; queue++) {
    const messages = await readQueue(client, TOPIC, queue);
    for (const [index, message] of messages.entries()) {
      if (message.queueOffset !== index) problems.push(`queue ${queue}: offset ${message.queueOffset} at place ${index}`);
      found.set(`${message.body}`, `${queue}/${message.queueOffset}`);
    }
    const end = await queueOffset(client, 30, TOPIC, queue);
    if (end !== messages.length) problems.push(`queue ${queue} ends at ${end}, ${messages.length} messages were read`);
  }
  await client.close();
  for (const [body, place] of acknowledged)
    if (found.get(body) !== place) problems.push(`${body} acknowledged at ${place}, found at ${found.get(body)}`);
  return problems.slice(0, 10);
}

for (const { thread, shards, flush } of [
  { thread: 'log', shards: 1, flush: 'async' },
  { thread: 'log', shards: 2, flush: 'sync' },
  { thread: 'store', shards: 1, flush: 'async' },
  { thread: 'store', shards: 2, flush: 'sync' },
  { thread: 'reader', shards: 1, flush: 'async' },
  { thread: 'shard-0', shards: 1, flush: 'async' },
  { thread: 'shard-1', shards: 2, flush: 'sync' },
  { thread: 'shard-0', shards: 4, flush: 'async' },
]) {
  test(`ending the thread ${thread} under load loses nothing acknowledged (${shards} shards, ${flush} flush)`, {
    timeout: 120_000,
  }, async (t) => {
    const { address, broker, faults } = await startInProcess(t, shards, flush);
    const senders = new Senders(address);
    await waitUntil('more is acknowledged', () => senders.acknowledged.size > 200, 20_000);
    for (let round = 0; round < 3; round++) {
      const before = senders.acknowledged.size;
      await broker.endThread(thread);
      await waitUntil('more is acknowledged', () => senders.acknowledged.size > before + 200, 30_000);
    }
    await senders.stop();
    t.same(faults, [], 'no fault');
    t.same(await lost(address, senders.acknowledged), [], `${senders.acknowledged.size} acknowledged, ${senders.errors} errors`);
  });
}

test('ending the sync worker: the broker goes on, or is fenced when a sync was cut short, and then acknowledges nothing', {
  timeout: 120_000,
}, async (t) => {
  const { address, broker, faults } = await startInProcess(t, 1, 'sync');
  const senders = new Senders(address);
  await waitUntil('more is acknowledged', () => senders.acknowledged.size > 200, 20_000);
  const before = senders.acknowledged.size;
  await broker.endThread('sync');
  await waitUntil('more is acknowledged', () => senders.acknowledged.size > before + 200 || faults.length > 0, 30_000);
  await senders.stop();
  if (faults.length > 0) {
    const client = await RemotingClient.connect(address);
    const { code } = await sendMessage(client, TOPIC, 'after the fence', { queueId: 0 });
    t.not(code, 0, 'nothing is acknowledged after a fence');
    await client.close();
  }
  t.same(await lost(address, senders.acknowledged), [], `${senders.acknowledged.size} acknowledged, fenced: ${faults.length > 0}`);
});
