/**
 * The admin surface: every request that the stock admin tool was recorded to send (`test/fixtures/admin/`) is sent to a ringmq
 * with the same topics, groups and messages, and its answer has the code and the shape that the Java broker's answer had.
 */
import t from 'tap';
import { ADMIN_COMMANDS } from '../../bin/admin-commands.ts';
import { ADMIN_STEPS } from '../compatibility/admin-steps.ts';
import { answerShape, type GoldenExchange, loadGolden, withValues } from '../support/admin-golden.ts';
import { AdminWorld } from '../support/admin-world.ts';
import { brokerUnderTest } from '../support/broker-under-test.ts';
import { shapeDifferences } from '../support/json-shape.ts';
import type { RemotingClient } from '../support/remoting-client.ts';

/** What may differ, as `code: difference`, and why. */
const MAY_DIFFER: ReadonlyMap<string, string> = new Map([
  ['28: table.getTransferedTps: not in the original', 'what tools of 4.x read'],
  ['28: table.scheduleMessageOffset_#: not in the original', 'a Java broker tells of a delay level once it has had a message'],
  ...['getMessageEntireTimeMax', 'putLatency#', 'putMessageDistributeTime', 'putMessageEntireTimeMax'].map((name): [string, string] => [
    `28: table.${name}: missing`,
    'single puts and gets are not timed, and no tool reads it',
  ]),
]);

const unsupported = new Set(ADMIN_COMMANDS.filter((command) => command.unsupported !== undefined).map(({ name }) => name));
const HOUR_MS = 3_600_000;
const golden = new Map(loadGolden().map((command) => [command.command, command]));

function requestOf(exchange: GoldenExchange, values: Record<string, string>): { fields: Record<string, string>; body: Buffer } {
  const fields = Object.fromEntries(
    Object.entries(exchange.fields).map(([name, value]) => {
      const time = Date.now() + (name.startsWith('begin') ? -HOUR_MS : name.startsWith('end') ? HOUR_MS : 0);
      return [name, withValues(value, { ...values, time: String(time) })];
    }),
  );
  const text = exchange.body ?? '';
  const body = text.startsWith('hex:')
    ? Buffer.from(text.slice(4), 'hex')
    : Buffer.from(withValues(text, { ...values, time: String(Date.now()) }));
  return { fields, body };
}

t.test('The broker answers what the stock admin tool asks as the Java broker does', async (t) => {
  const broker = await brokerUnderTest(t, { shards: 2 });
  const world = await AdminWorld.make(broker.nameServer, broker.broker);
  t.teardown(() => world.close());
  const [hostPart, portPart] = broker.broker.split(':') as [string, string];
  const host = Buffer.from([...hostPart.split('.').map(Number), 0, 0, Number(portPart) >> 8, Number(portPart) & 255]);
  const values = {
    broker: broker.broker,
    nameServer: broker.nameServer,
    cluster: 'DefaultCluster',
    offsetMsgId: world.offsetMsgId,
    wrongMsgId: `${host.toString('hex').toUpperCase()}${'0'.repeat(12)}FFFF`,
    uniqueKey: world.uniqueKey,
    commitLogOffset: world.commitLogOffset,
  };
  const clients: Record<'broker' | 'name-server', RemotingClient> = {
    broker: await broker.connect(),
    'name-server': await broker.connectNameServer(),
  };
  const runs = new Map<string, number>();
  for (const step of ADMIN_STEPS) {
    const at = runs.get(step.command) ?? 0;
    runs.set(step.command, at + 1);
    const run = golden.get(step.command)?.runs[at];
    const title = `mqadmin ${[step.command, ...step.args].join(' ')}`;
    if (unsupported.has(step.command)) continue;
    if (run === undefined || run.args.join(' ') !== step.args.join(' ')) {
      t.fail(`${title} is not recorded: run test/compatibility/record-admin.ts`);
      continue;
    }
    const differences: string[] = [];
    for (const exchange of run.exchanges) {
      if (exchange.to === 'client') continue;
      const { fields, body } = requestOf(exchange, values);
      const answer = await clients[exchange.to].request(exchange.code, fields, { body, version: 493 });
      const actual = answerShape(answer);
      const found: string[] = [];
      if (actual.code !== exchange.answer.code) found.push(`answered ${actual.code}, not ${exchange.answer.code}: ${answer.remark ?? ''}`);
      else
        found.push(
          ...shapeDifferences(exchange.answer.fields, actual.fields, 'header'),
          ...shapeDifferences(exchange.answer.body, actual.body),
        );
      for (const difference of found) {
        const line = `${exchange.code}: ${difference}`;
        if (!MAY_DIFFER.has(line)) differences.push(line);
      }
    }
    t.equal(differences.join('\n'), '', title);
  }
});

t.test('The table of admin commands says of each of the 96 whether it works, and what works is recorded', async (t) => {
  t.equal(ADMIN_COMMANDS.length, 96);
  t.equal(new Set(ADMIN_COMMANDS.map(({ name }) => name)).size, 96, 'each once');
  for (const { name, codes, unrecorded } of ADMIN_COMMANDS) {
    const runs = golden.get(name)?.runs;
    if (unsupported.has(name)) continue;
    t.equal(runs === undefined, unrecorded !== undefined, `${name} is recorded, or it says why not`);
    const sent = new Set((runs ?? []).flatMap((run) => run.exchanges.filter(({ to }) => to !== 'client').map(({ code }) => code)));
    t.same(
      [...sent].filter((code) => !codes.includes(code)),
      [],
      `${name} sends what the table says`,
    );
  }
  const known = new Set(ADMIN_COMMANDS.map(({ name }) => name));
  t.same(
    [...golden.keys()].filter((name) => !known.has(name)),
    [],
    'nothing else is recorded',
  );
});

t.test('A request that is not served is answered at once, and what a working command sends is served', async (t) => {
  const broker = await brokerUnderTest(t, { shards: 2 });
  const clients = [await broker.connect(), await broker.connectNameServer()];
  const working = new Set(ADMIN_COMMANDS.filter(({ name }) => !unsupported.has(name)).flatMap(({ codes }) => codes));
  for (const { name, codes } of ADMIN_COMMANDS) {
    for (const code of codes) {
      // Half-made requests: whoever knows the code misses its fields, and says so.
      const answers = await Promise.all(clients.map((client) => client.request(code, {}, { timeoutMs: 5_000 })));
      const isServed = answers.some((answer) => answer.code !== 3);
      if (working.has(code)) t.ok(isServed, `${name} needs ${code}`);
      else {
        t.same(
          answers.map((answer) => answer.code),
          [3, 3],
          `${code} of ${name}`,
        );
        for (const { remark } of answers) t.match(remark, /request type \d+ not supported; docs\/compatibility\.md/);
      }
    }
  }
});
