import tap, { test } from 'tap';
import { brokerUnderTest, isForeign } from '../support/broker-under-test.ts';
import { freePort } from '../support/free-port.ts';
import { type CliOptions, type CliResult, removeAll, runCli } from '../support/run-cli.ts';

// Started processes take their time on a busy machine: a limit that only catches what hangs.
tap.setTimeout(300_000);

type Run = (words: string, options?: CliOptions) => Promise<CliResult>;

async function start(t: { teardown(run: () => Promise<void>): void }, shards = 1): Promise<Run> {
  const { nameServer } = await brokerUnderTest(t, { shards });
  if (isForeign) t.teardown(() => removeAll(nameServer));
  return (words, options = {}) => runCli(words.split(' '), { nameServer, ...options });
}

test('ringmq topics makes, shows, changes and deletes a topic', async (t) => {
  const run = await start(t, 2);
  const empty = await run('topics');
  t.same([empty.code, empty.stdout], [0, ''], 'nothing to show is no result');
  t.match(empty.stderr, /No topics; --all shows those of the system too/);

  const made = await run('topics create orders --queues 4 --json');
  t.equal(made.code, 0, made.stderr);
  const onBroker = { broker: 'broker-a', readQueues: 4, writeQueues: 4, perm: 'rw', order: false, attributes: {} };
  t.same(made.json(), [{ topic: 'orders', brokers: [onBroker] }]);
  t.same((await run('topics list --json')).json(), [[{ topic: 'orders', brokers: [onBroker] }]]);

  const again = await run('topics create orders');
  t.equal(again.code, 1);
  t.match(again.stderr, /"orders" is there already on broker-a: `ringmq topics change`/);

  const changed = await run('topics change orders --write-queues 2 --perm r --json');
  t.same(changed.json(), [{ topic: 'orders', brokers: [{ ...onBroker, writeQueues: 2, perm: 'r' }] }], 'what was not named stays');
  t.equal((await run('topics change orders')).code, 2, 'a change of nothing is a slip');

  const list = await run('topics list');
  t.equal(
    list.stdout,
    ['TOPIC   READ  WRITE  PERM  TYPE  BROKERS', 'orders     4      2  r     -     broker-a', ''].join('\n'),
    'in a pipe: whole, without colours',
  );
  t.match((await run('topics --all --names')).stdout, /^TBW102$/m);
  t.equal((await run('topics --names --filter ord')).stdout, 'orders\n');

  const unconfirmed = await run('topics delete orders');
  t.equal(unconfirmed.code, 1);
  t.match(unconfirmed.stderr, /Nobody is at the terminal to be asked: give --yes/);
  t.same((await run('topics delete orders --yes --json')).json(), [{ topic: 'orders', brokers: ['broker-a'] }]);
  t.equal((await run('topics --names')).stdout, '');
});

test('ringmq topics names what is wrong, and what was meant', async (t) => {
  const run = await start(t);
  await run('topics create orders');
  const table: [words: string, code: number, message: RegExp][] = [
    ['topics change ordres --perm r', 1, /No topic "ordres" \(did you mean "orders"\?\).*\[MQ_CLI_NOT_FOUND\]/],
    ['topics delete nothing-like-it --yes', 1, /No topic "nothing-like-it"; `ringmq topics list/],
    ['topics create x --broker brokr-a', 1, /No broker "brokr-a" \(did you mean "broker-a"\?\); registered: broker-a/],
    ['topics create a/b', 1, /refused .*a\/b"?,? contains illegal characters.*\(code 29\)/],
    ['topics create TBW102 --perm r', 1, /is there already/],
    ['topics create x --attribute message.type=FIFO', 2, /--attribute message.type=FIFO: must be \+KEY=VALUE or -KEY/],
    ['topics create x --queues 0', 2, /--queues is "0", must be an integer from 1/],
    ['topics create __proto__', 0, /^$/],
    ['topics list --namesrv-addr nowhere', 2, /Name server "nowhere" must be HOST:PORT/],
  ];
  for (const [words, code, message] of table) {
    const result = await run(words);
    t.equal(result.code, code, `${words}: ${result.stderr}`);
    t.match(result.stderr, message, words);
  }
  t.equal((await run('topics --names --filter __proto__')).stdout, '__proto__\n', 'a name is a name');
});

test('ringmq topics ends with 69 when no name server is there, with the remedy', async (t) => {
  const nobody = `127.0.0.1:${await freePort()}`;
  const result = await runCli(['topics', '--timeout', '1s'], { nameServer: nobody });
  t.equal(result.code, 69);
  t.equal(result.stdout, '');
  t.match(result.stderr, new RegExp(`^ringmq: No connection to ${nobody}: .*NAMESRV_ADDR.*\\[MQ_CLIENT_NOT_CONNECTED\\]\\n$`));
});
