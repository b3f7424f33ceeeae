/**
 * Filter plugins while messages flow: a file that is replaced loses and doubles nothing, and a plugin that never returns does not slow down groups that
 * are not behind it. The test's own clients decode every message in one thread, so rates and latencies are theirs as much as the broker's: they are told,
 * and only what no machine may show is asserted.
 */
import tap, { test } from 'tap';
import { pullMessages, sendMessage } from '../support/broker-client.ts';
import { uniqueName } from '../support/broker-under-test.ts';
import { byNumber, pluginFolder, updateTopicAttributes } from '../support/plugin-folder.ts';
import { encodeBatch } from '../support/raw-message.ts';
import { RemotingClient } from '../support/remoting-client.ts';
import { startRingmq } from '../support/start-ringmq.ts';
import { pause, waitUntil } from '../support/wait-until.ts';

tap.setTimeout(180_000);

const QUEUES = 4;
const BATCH = 250;

async function start(
  t: { teardown(run: () => Promise<void> | void): void },
  plugin: string,
): Promise<[string, ReturnType<typeof pluginFolder>, () => Promise<string>]> {
  const folder = pluginFolder();
  folder.save('p.mjs', plugin);
  const settings = `${folder.path}/broker.conf`;
  folder.save('broker.conf', `pluginDir=${folder.path}\npluginRestarts=100\n`);
  const ringmq = await startRingmq({ args: ['--config', settings] });
  t.teardown(async () => {
    await ringmq.destroy();
    folder.destroy();
  });
  const metrics = async (): Promise<string> => (await fetch(`http://${ringmq.admin}/metrics`)).text();
  await waitUntil('the plugin serves', async () => /plugin="p",state="running"/.test(await metrics()));
  return [ringmq.broker, folder, metrics];
}

/** The shard hears of the plugin a little later than the metrics. */
async function bind(client: RemotingClient, topic: string): Promise<void> {
  await waitUntil('the topic is bound', async () => (await updateTopicAttributes(client, topic, '+filter.plugin=p', QUEUES)).code === 0);
}

test('a plugin that is replaced while messages flow', async (t) => {
  const [address, folder, metrics] = await start(t, byNumber('n % 2 === 0'));
  const topic = uniqueName('flow');
  const producer = await RemotingClient.connect(address);
  await bind(producer, topic);
  let sent = 0;
  let isOver = false;
  const send = async (queueId: number): Promise<void> => {
    while (!isOver) {
      const first = sent;
      sent += BATCH;
      const items = Array.from({ length: BATCH }, (_, i) => ({ body: Buffer.from('body'), properties: { n: String(first + i) } }));
      const answer = await sendMessage(producer, topic, encodeBatch(items), { queueId, isBatch: true });
      if (answer.code !== 0) throw new Error(`${answer.code} ${answer.remark}`);
    }
  };
  const seen = new Map<number, number>();
  let isDrained = false;
  const consume = async (queueId: number): Promise<void> => {
    const client = await RemotingClient.connect(address);
    for (let next = 0; ; ) {
      const pulled = await pullMessages(client, topic, queueId, next, { max: 1024, holdMs: 300 });
      for (const { properties } of pulled.messages) {
        const n = Number(properties['n']);
        seen.set(n, (seen.get(n) ?? 0) + 1);
      }
      if (pulled.next > next) next = pulled.next;
      if (pulled.frame.code === 19 && isDrained) break;
    }
    await client.close();
  };
  const consumers = Array.from({ length: QUEUES }, (_, queueId) => consume(queueId));
  const began = performance.now();
  const producers = Array.from({ length: QUEUES }, (_, queueId) => send(queueId));
  await pause(1_500);
  folder.save('p.mjs', 'export default () => true;');
  await waitUntil('the new version', async () => /ringmq_plugin_loads_total\{.*plugin="p"\} 2/.test(await metrics()));
  const replaced = sent;
  await pause(1_500);
  isOver = true;
  await Promise.all(producers);
  const rate = sent / (performance.now() - began);
  isDrained = true;
  await Promise.all(consumers);
  await producer.close();
  let lost = 0;
  let doubled = 0;
  let odd = 0;
  for (let n = 0; n < sent; n++) {
    const times = seen.get(n) ?? 0;
    if (times > 1) doubled++;
    if (n % 2 === 1 && times > 0) odd++;
    // Batches that were under way when the new version came may have been judged by either.
    if (times === 0 && (n % 2 === 0 || n >= replaced)) lost++;
  }
  t.comment(`${sent} messages at ${rate.toFixed(0)} k/s, ${seen.size} received, ${odd} odd ones; replaced after ${replaced}`);
  t.same({ lost, doubled }, { lost: 0, doubled: 0 });
  t.ok(odd > 0 && odd < sent / 2, 'the switch is seen');
});

test('a plugin that never returns beside another group', async (t) => {
  const [address, folder, metrics] = await start(t, 'export default () => true;');
  const [behind, other] = [uniqueName('behind'), uniqueName('other')];
  const client = await RemotingClient.connect(address);
  await bind(client, behind);
  t.equal((await updateTopicAttributes(client, other, '')).code, 0);
  const puller = await RemotingClient.connect(address);
  let next = 0;
  /** Round trips from a send to the answer of the pull that was held for it, in ms. */
  const measure = async (count: number): Promise<number[]> => {
    const took: number[] = [];
    while (took.length < count) {
      const held = pullMessages(puller, other, 0, next, { holdMs: 5_000 });
      await pause(2);
      const began = performance.now();
      await sendMessage(client, other, 'x', { queueId: 0 });
      const pulled = await held;
      if (pulled.messages.length === 0) continue;
      took.push(performance.now() - began);
      next = pulled.next;
    }
    return took.sort((a, b) => a - b);
  };
  const show = (took: readonly number[]): string => {
    const at = (share: number): string => took[Math.min(took.length - 1, Math.floor(took.length * share))]!.toFixed(2);
    return `p50 ${at(0.5)} p99 ${at(0.99)} max ${at(1)} ms`;
  };
  await measure(100);
  const quiet = await measure(500);
  folder.save('p.mjs', 'export default () => { for (;;) ; };');
  await waitUntil('the new version', async () => /ringmq_plugin_loads_total\{.*plugin="p"\} 2/.test(await metrics()));
  t.equal((await sendMessage(client, behind, 'x', { queueId: 0 })).code, 0);
  const third = await RemotingClient.connect(address);
  let isOver = false;
  const stuck = (async (): Promise<void> => {
    while (!isOver) {
      const { frame, messages } = await pullMessages(third, behind, 0, 0, { holdMs: 1_000 });
      if (messages.length > 0 || frame.code !== 19) throw new Error(`${frame.code} ${frame.remark}`);
    }
  })();
  await waitUntil('its first end', async () => /ringmq_plugin_failures_total\{.*plugin="p"\} [1-9]/.test(await metrics()));
  const beside = await measure(500);
  isOver = true;
  await stuck;
  const failures = /ringmq_plugin_failures_total\{.*plugin="p"\} (\d+)/.exec(await metrics())?.[1];
  t.comment(`before: ${show(quiet)}; beside it: ${show(beside)}; it was ended ${failures} times`);
  t.equal(beside.length, quiet.length, 'others go on');
  for (const each of [client, puller, third]) await each.close();
});
