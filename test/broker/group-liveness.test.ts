/** Members of groups that come, go, fall silent or differ, at a started process: who hears of it, and what /metrics says. */
import { request } from 'node:http';
import tap, { test } from 'tap';
import { heartbeatBody, sendMessage } from '../support/broker-client.ts';
import { isForeign } from '../support/broker-under-test.ts';
import { RemotingClient } from '../support/remoting-client.ts';
import { type RingmqProcess, startRingmq } from '../support/start-ringmq.ts';
import { waitUntil, within } from '../support/wait-until.ts';

tap.setTimeout(180_000);

const NOTICE = 40;
const EXPIRY_MS = 1_500;

test('a silent member is closed and the others are told at once', { skip: isForeign, timeout: 120_000 }, async (t) => {
  const ringmq = await startRingmq({ shards: 2, args: ['--set', `channelExpiredTimeout=${EXPIRY_MS}`] });
  t.teardown(() => ringmq.destroy());
  const silent = await RemotingClient.connect(ringmq.broker);
  const lively = await RemotingClient.connect(ringmq.broker);
  const producer = await RemotingClient.connect(ringmq.broker);
  t.teardown(async () => {
    for (const client of [silent, lively, producer]) await client.close();
  });
  await beat(silent, 'silent', 'G', ['T']);
  await beat(producer, 'producer', 'none', []);
  await beat(lively, 'lively', 'G', ['T']);
  const timer = setInterval(() => void beat(lively, 'lively', 'G', ['T']).catch(() => undefined), EXPIRY_MS / 5);
  t.teardown(() => clearInterval(timer));
  lively.pushed.length = 0;
  await within('the end of the silent connection', silent.closed, 30_000);
  await waitUntil('the notice to the other', () =>
    lively.pushed.some((frame) => frame.code === NOTICE && frame.ext?.['consumerGroup'] === 'G'),
  );
  t.same(await members(lively, 'G'), ['lively']);
  await within('the end of the silent producer', producer.closed, 30_000);
  t.ok(lively.isOpen, 'who says something stays');
});

test('members that join, leave and die: all others have the same list', { skip: isForeign, timeout: 120_000 }, async (t) => {
  const ringmq = await startRingmq({ shards: 2 });
  t.teardown(() => ringmq.destroy());
  const clients = new Map<string, RemotingClient>();
  t.teardown(async () => {
    for (const client of clients.values()) await client.close();
  });
  const agreed = async (what: string): Promise<void> => {
    const expected = [...clients.keys()].sort();
    for (const client of clients.values()) {
      await waitUntil(`${what}: the same list everywhere`, async () => (await members(client, 'G')).join() === expected.join());
    }
  };
  for (let index = 0; index < 8; index++) {
    const client = await RemotingClient.connect(ringmq.broker);
    clients.set(`c${index}`, client);
    await beat(client, `c${index}`, 'G', ['T']);
  }
  await agreed('eight joined');
  await clients.get('c3')!.close();
  clients.get('c4')!.socket.resetAndDestroy();
  clients.delete('c3');
  clients.delete('c4');
  await agreed('one closed, one was cut off');
  const leaver = clients.get('c5')!;
  t.equal((await leaver.request(35, { clientID: 'c5', consumerGroup: 'G' })).code, 0);
  clients.delete('c5');
  t.teardown(() => leaver.close());
  await agreed('one said goodbye');
  const late = await RemotingClient.connect(ringmq.broker);
  clients.set('late', late);
  for (const client of clients.values()) client.pushed.length = 0;
  await beat(late, 'late', 'G', ['T']);
  await agreed('one came late');
  for (const [name, client] of clients)
    await waitUntil(`the notice to ${name}`, () => client.pushed.some((frame) => frame.code === NOTICE));
});

test('/metrics names lags, members, and members that differ', { skip: isForeign, timeout: 120_000 }, async (t) => {
  const ringmq = await startRingmq({ shards: 2 });
  t.teardown(() => ringmq.destroy());
  const first = await RemotingClient.connect(ringmq.broker);
  const second = await RemotingClient.connect(ringmq.broker);
  t.teardown(async () => {
    for (const client of [first, second]) await client.close();
  });
  for (let index = 0; index < 5; index++) await sendMessage(first, 'T', `m${index}`, { queueId: 1 });
  await beat(first, 'c1', 'G', ['T']);
  t.equal((await first.request(15, { consumerGroup: 'G', topic: 'T', queueId: '1', commitOffset: '2' })).code, 0);
  await waitUntil('the lag', async () =>
    /rocketmq_consumer_lag_messages\{[^}]*consumer_group="G",topic="T",[^}]*\} 3\n/.test(await metrics(ringmq)),
  );
  const page = await metrics(ringmq);
  const latency = /rocketmq_consumer_lag_latency\{[^}]*consumer_group="G",topic="T",[^}]*\} (\d+)\n/.exec(page);
  t.ok(latency !== null && Number(latency[1]) < 120_000, `how old the oldest is: ${latency?.[1]}`);
  t.match(page, /rocketmq_consumer_connections\{[^}]*consumer_group="G"\} 1\n/);
  t.notMatch(page, /ringmq_member_subscription_differs/);

  await beat(second, 'c2', 'G', ['T', 'S']);
  await waitUntil('the member that differs', async () => {
    const text = await metrics(ringmq);
    return /subscription_differs\{[^}]*consumer_group="G",client_id="c1"\} 1\n/.test(text) && /client_id="c2"\} 1\n/.test(text);
  });
  t.match(ringmq.output, /Members of a group subscribe to different things.*c1/s, 'in the log, too');
  await beat(first, 'c1', 'G', ['T', 'S']);
  await waitUntil('that they are the same again', async () => !/subscription_differs/.test(await metrics(ringmq)));
});

async function beat(client: RemotingClient, clientId: string, group: string, topics: readonly string[]): Promise<void> {
  const answer = await client.request(34, null, { body: heartbeatBody(clientId, group, topics) });
  if (answer.code !== 0) throw new Error(`heartbeat: ${answer.code} ${answer.remark}`);
}

async function members(client: RemotingClient, consumerGroup: string): Promise<string[]> {
  const answer = await client.request(38, { consumerGroup });
  return answer.code === 0 ? (JSON.parse(answer.body.toString()) as { consumerIdList: string[] }).consumerIdList.sort() : [];
}

function metrics(ringmq: RingmqProcess): Promise<string> {
  return new Promise((resolve, reject) => {
    const sent = request(`http://${ringmq.admin}/metrics`, { agent: false }, (response) => {
      let body = '';
      response.setEncoding('utf8');
      response.on('data', (chunk: string) => {
        body += chunk;
      });
      response.on('end', () => resolve(body));
    });
    sent.on('error', reject);
    sent.end();
  });
}
