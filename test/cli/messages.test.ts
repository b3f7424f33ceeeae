import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import tap, { test } from 'tap';
import { readQueue, sendMessage } from '../support/broker-client.ts';
import { brokerUnderTest, isForeign } from '../support/broker-under-test.ts';
import { createTopic } from '../support/create-topic.ts';
import { type CliOptions, type CliResult, removeAll, runCli } from '../support/run-cli.ts';
import { temporaryDirectory } from '../support/temporary-directory.ts';

// Started processes take their time on a busy machine: a limit that only catches what hangs.
tap.setTimeout(300_000);

type Sent = { status: string; queueId: number; queueOffset: number; msgId: string; uniqKey: string; error: string | null };
type Shown = { queueId: number; queueOffset: number; body: string | null; bodyBase64: string | null; tag: string | null };

async function start(t: { teardown(run: () => Promise<void>): void }, shards = 1) {
  const broker = await brokerUnderTest(t, { shards });
  if (isForeign) t.teardown(() => removeAll(broker.nameServer));
  await createTopic(broker.nameServer, 'orders', 4);
  const run = (words: readonly string[], options: CliOptions = {}): Promise<CliResult> =>
    runCli(words, { nameServer: broker.nameServer, ...options });
  return { ...broker, run };
}

const bodies = (result: CliResult): (string | null)[] => (result.json() as Shown[]).map(({ body }) => body).sort();

test('ringmq send takes bodies from arguments, lines and files, and ringmq tail shows them', async (t) => {
  const { run, connect } = await start(t, 2);
  const one = await run(['send', 'orders', '{"id":7}', '--key', '7', '--key', 'seven', '--tag', 'new', '-p', 'region=eu', '--json']);
  t.equal(one.code, 0, one.stderr);
  const [sent] = one.json() as [Sent];
  t.match(sent, { topic: 'orders', status: 'SEND_OK', broker: 'broker-a', queueOffset: 0, error: null });
  t.match(sent.msgId, /^[0-9A-F]{32}$/);
  const [stored] = await readQueue(await connect(), 'orders', sent.queueId);
  t.match(stored?.properties, { KEYS: '7 seven', TAGS: 'new', region: 'eu', UNIQ_KEY: sent.uniqKey });

  const lines = await run(['send', 'orders', '--quiet'], { input: 'first\nsecond\r\n\nlast without an end' });
  t.equal(lines.code, 0, lines.stderr);
  t.match(lines.stderr, /^Sent 3 messages to orders in /, 'a message has a body: empty lines are none');

  const { path: folder, remove } = temporaryDirectory();
  t.teardown(remove);
  writeFileSync(join(folder, 'bytes'), Buffer.from([0xff, 0x00, 0x0a]));
  t.equal((await run(['send', 'orders', '--file', join(folder, 'bytes')])).code, 0);
  t.equal((await run(['send', 'orders', 'number {n}', '--count', '3', '--rate', '1000'])).code, 0);

  const all = await run(['tail', 'orders', '--from', 'begin', '--no-follow', '--json']);
  t.equal(all.code, 0, all.stderr);
  t.same(bodies(all), ['first', 'last without an end', 'number 0', 'number 1', 'number 2', 'second', '{"id":7}', null].sort());
  const binary = (all.json() as Shown[]).find(({ body }) => body === null);
  t.equal(binary?.bodyBase64, '/wAK', 'bytes that are no text are not bent');

  const tagged = await run(['tail', 'orders', '--from', 'begin', '--no-follow', '--tag', 'new || other']);
  t.match(tagged.stdout, /^\d\d:\d\d:\d\d\.\d{3} broker-a\/\d@0 tag=new keys=7,seven \{"id":7\}\n$/);
  t.same(bodies(await run(['tail', 'orders', '--from', '-1h', '--no-follow', '--json', '--count', '2'])).length, 2);
  t.equal((await run(['tail', 'orders', '--no-follow'])).stdout, '', 'from the end there is nothing yet');
});

test('ringmq tail follows until it is interrupted, and ends in order', async (t) => {
  const { run, connect } = await start(t, 2);
  const client = await connect();
  const sent: Promise<unknown>[] = [];
  let timer: NodeJS.Timeout | undefined;
  t.teardown(async () => clearInterval(timer));
  const result = await run(['tail', 'orders'], {
    interruptWhen: (stdout, stderr) => {
      if (stderr.includes('Following 4 queues of orders') && timer === undefined)
        timer = setInterval(
          () => sent.push(sendMessage(client, 'orders', `line\n\x1b[2J${sent.length}`, { queueId: sent.length % 4 })),
          20,
        );
      return stdout.split('\n').length > 8;
    },
  });
  clearInterval(timer);
  await Promise.all(sent);
  t.equal(result.code, 0, result.stderr);
  t.match(result.stdout, /broker-a\/\d@0 line\\n\\u001b\[2J0\n/, 'what a message holds stays on its line and moves no cursor');
});

test('ringmq send says what was refused, and ends with 1', async (t) => {
  const { run } = await start(t);
  const { path: folder, remove } = temporaryDirectory();
  t.teardown(remove);
  writeFileSync(join(folder, 'large'), Buffer.alloc(4 * 1024 * 1024 + 1));
  const table: [words: string[], code: number, message: RegExp][] = [
    [['ordres', 'x'], 1, /No topic "ordres" \(did you mean "orders"\?\); .*--create makes it/],
    [['orders', 'x', '--queue', '9'], 1, /"orders" has no queue 9 to write to; it is on broker-a/],
    [['orders', 'x', '--broker', 'b'], 1, /has no broker b to write to/],
    [['orders', '--file', join(folder, 'none')], 1, /Cannot read .*none: ENOENT.*\[MQ_CLI_FILE\]/],
    [['orders', '--lines', folder], 1, /Cannot read .*EISDIR/],
    [['orders', '--file', join(folder, 'large')], 1, /has 4194305 bytes, a message may have 4194304/],
    [['orders', 'x', '-p', 'noequals'], 2, /--property noequals: must be NAME=VALUE/],
    [['orders', 'x', '-p', 'TAGS=a'], 2, /--property TAGS is given with --tag/],
    [['orders', 'x', '-p', 'a=\u0001'], 2, /has a character \(1 or 2\) that separates properties/],
    [['orders', 'x', '-p', `a=${'y'.repeat(33_000)}`], 1, /failed broker-a\/\d: .*\(code 13\)/],
    [['orders', 'x', '--delay-level', '19'], 2, /from 1 to 18/],
  ];
  for (const [words, code, message] of table) {
    const result = await run(['send', ...words]);
    t.equal(result.code, code, `${words[0]}: ${result.stderr}`);
    t.match(result.stderr, message);
  }
  t.equal((await run(['tail', 'orders', '--from', 'begin', '--no-follow'])).stdout, '', 'nothing of it was stored');
  t.equal((await run(['send', 'fresh', 'x', '--create'])).code, 0, 'unless the user says so');
});

test('ringmq tail refuses what is not there', async (t) => {
  const { run } = await start(t);
  t.match((await run(['tail', 'order'])).stderr, /No topic "order" \(did you mean "orders"\?\)/);
  t.match((await run(['tail', 'orders', '--queue', '77'])).stderr, /has no such queue to read/);
  const place = await run(['tail', 'orders', '--from', 'yesterday']);
  t.equal(place.code, 2);
  t.match(place.stderr, /--from is "yesterday", must be begin, end, an offset/);
});

test('ringmq bench sends, consumes, checks for loss, and leaves nothing behind', async (t) => {
  const { run } = await start(t, 2);
  const result = await run(['bench', '--count', '3000', '--size', '100', '--queues', '3', '--json']);
  t.equal(result.code, 0, result.stderr);
  const [bench] = result.json() as [Record<string, unknown>];
  t.match(bench, { messages: 3000, bodyBytes: 100, sent: 3000, failed: 0, received: 3000, lost: 0, duplicates: 0 });
  // Java's broker stores what is sent at once on one connection in the order of its threads.
  if (!isForeign) t.equal(bench['outOfOrder'], 0);
  for (const name of ['sendLatency', 'endToEndLatency']) {
    const { p50, p99, max } = bench[name] as { p50: number; p99: number; max: number };
    t.ok(p50 > 0 && p50 <= p99 && p99 <= max, name);
  }
  t.equal((await run(['topics', '--names', '--filter', 'bench-'])).stdout, '', 'the temporary topic is gone');
  const given = await run(['bench', '--topic', 'orders', '--count', '10', '--no-consume']);
  t.equal(given.code, 0, given.stderr);
  t.match(given.stdout, /^Sent {6}10 of 1024 bytes in /);
  t.notMatch(given.stdout, /Received/);
  t.equal((await run(['bench', '--topic', 'ordres'])).code, 1, 'a topic that was named is not made');
});
