/**
 * `npm run test:interop`: every scenario of every stock client against a ringmq of its own, with one shard and with two;
 * prints a table and `N passed, N failed`. Builds what is missing of the client programs.
 *
 *   --against HOST:PORT   any broker by its name server instead of ringmq; what ends a broker is left out then. Its delay levels are to
 *                         be short, see SHORT_DELAY_LEVELS, and its checks of transactions quick, see QUICK_CHECKS
 *   --clients A,B         only clients whose name begins so (java-5.3.3, java-4.9.8, go, ali-ons, ringmq)
 *   --scenarios A,B       only these
 *   --shards 1,2          with these numbers of shards
 *   --jobs N              programs at once, each with a broker of its own (5): they wait most of the time
 *   --java-servers A,B     releases of the Java broker and name server that ours are mixed with (5.4.0)
 *   --admin A,B           releases of the stock admin tool whose output is compared with that about a Java broker (5.5.0,5.3.3)
 *   --nightly              every scenario with every number of shards; else some run with the largest only
 *   --json FILE           the verdicts as JSON too
 */
import { writeFileSync } from 'node:fs';
import { parseArgs } from 'node:util';
import { type RingmqProcess, startRingmq } from '../support/start-ringmq.ts';
import { runAdminSteps } from './admin-outputs.ts';
import { ageStore } from './age-store.ts';
import {
  CLIENT_PROGRAMS,
  type ClientProgram,
  javaServerCommand,
  QUICK_CHECKS,
  runProgram,
  SHORT_DELAY_LEVELS,
  SMALL_SEGMENTS,
  type Verdict,
} from './client-programs.ts';
import { OurMember } from './our-member.ts';
import { onPluginEvent } from './plugin-events.ts';
import { CLUSTER_SCENARIOS, runInCluster } from './run-cluster.ts';
import { MIXED_SCENARIOS, runMixed } from './run-mixed.ts';
import { runStores, STORE_SCENARIOS } from './run-store.ts';
import { compareSqlVerdicts } from './sql-verdicts.ts';

const { values: options } = parseArgs({
  options: {
    against: { type: 'string' },
    clients: { type: 'string' },
    scenarios: { type: 'string' },
    shards: { type: 'string', default: '1,2' },
    jobs: { type: 'string', default: '5' },
    'java-servers': { type: 'string', default: '5.4.0' },
    admin: { type: 'string', default: '5.5.0,5.3.3' },
    nightly: { type: 'boolean', default: false },
    json: { type: 'string' },
  },
});

/** The longest that all scenarios of one client may take together. */
const PROGRAM_MS_MAX = 480_000;

/** Scenarios of one lot. */
const LOT_MAX = 16;

/** Scenarios that end the broker, bring code into it, take from its store, or hold it to a time that a Java broker misses by seconds. */
const NEED_OURS = /-(?:restart|killed|plugin|aged|invisible)$/;

type Outcome = Verdict & { client: string; broker: string };

const prefixes = options.clients?.split(',');
const names = options.scenarios?.split(',');
const clients = CLIENT_PROGRAMS.filter(({ name }) => prefixes === undefined || prefixes.some((prefix) => name.startsWith(prefix)));
const outcomes: Outcome[] = [];

function isAsked(scenarios: readonly string[]): boolean {
  return names === undefined || scenarios.some((scenario) => names.includes(scenario));
}

function note(client: string, label: string, verdict: Verdict): void {
  outcomes.push({ ...verdict, client, broker: label });
  const detail = Object.entries(verdict.detail).map(
    ([key, value]) => `${key}=${typeof value === 'object' ? JSON.stringify(value).slice(0, 300) : String(value)}`,
  );
  const text = [
    verdict.ok ? 'ok  ' : 'FAIL',
    label.padEnd(10),
    client.padEnd(14),
    verdict.scenario.padEnd(20),
    `${verdict.ms} ms`.padStart(9),
    ...detail,
  ];
  process.stdout.write(`${text.join(' ')}${verdict.error === undefined ? '' : `\n     ${verdict.error}`}\n`);
}

/** @param isWhole with those scenarios that run once; @param isOurs with those that need a ringmq */
function scenariosOf(client: ClientProgram, isWhole: boolean, isOurs: boolean): readonly string[] {
  return client.scenarios.filter(
    (scenario) =>
      (names === undefined ? isWhole || !client.once?.includes(scenario) : names.includes(scenario)) &&
      (isOurs || !NEED_OURS.test(scenario)),
  );
}

async function runClient(
  client: ClientProgram,
  scenarios: readonly string[],
  nameServer: string,
  label: string,
  ringmq: RingmqProcess | undefined,
): Promise<void> {
  const prefix = `${client.name.replaceAll(/[^a-z0-9]/gi, '')}_${Date.now().toString(36)}`;
  const ours = new OurMember(nameServer);
  await runProgram(
    client,
    nameServer,
    scenarios,
    prefix,
    (verdict) => note(client.name, label, verdict),
    async (event) => {
      if (event.startsWith('member ')) {
        await ours.handle(event);
        return;
      }
      if (/^(plugin|bind) /.test(event) && ringmq !== undefined) {
        await onPluginEvent(event, ringmq);
        return;
      }
      if (event.startsWith('age ') && ringmq !== undefined) {
        await ageStore(event, ringmq);
        return;
      }
      if ((event !== 'restart' && event !== 'kill') || ringmq === undefined) throw new Error(`No way to ${event} this broker`);
      if (event === 'kill') await ringmq.kill();
      else await ringmq.stop();
      await ringmq.start();
    },
    PROGRAM_MS_MAX,
  ).finally(() => ours.leave());
}

/** What one process of a client runs one after the other: equal parts of all its scenarios, in their order. */
function lotsOf(scenarios: readonly string[]): (readonly string[])[] {
  const lots = Math.ceil(scenarios.length / LOT_MAX);
  const size = Math.ceil(scenarios.length / lots);
  return Array.from({ length: lots }, (_, lot) => scenarios.slice(lot * size, (lot + 1) * size));
}

/** Two brokers and two name servers for each client. */
async function runWithCluster(client: ClientProgram, shards: number): Promise<void> {
  const label = `${shards} shard${shards === 1 ? '' : 's'}`;
  const prefix = `c${client.name.replaceAll(/[^a-z0-9]/gi, '')}_${Date.now().toString(36)}`;
  try {
    await runInCluster(client, shards, prefix, (verdict) => note(client.name, label, verdict), PROGRAM_MS_MAX);
  } catch (error) {
    note(client.name, label, { scenario: 'the cluster itself', ok: false, ms: 0, error: String(error), detail: {} });
  }
}

/** Brokers and name servers of both makes, for all clients. */
async function runWithJava(version: string): Promise<void> {
  const label = `java ${version}`;
  try {
    if (isAsked(MIXED_SCENARIOS)) await runMixed(clients, version, (client, verdict) => note(client, label, verdict));
    const stores = STORE_SCENARIOS.filter((scenario) => isAsked([scenario]));
    await runStores(version, stores, (verdict) => note('raw', label, verdict));
  } catch (error) {
    note('both', label, { scenario: 'the servers themselves', ok: false, ms: 0, error: String(error), detail: {} });
  }
}

/** A broker for each lot: the restart in the middle of one must not disturb another. */
async function runLot(client: ClientProgram, scenarios: readonly string[], shards: number): Promise<void> {
  const label = `${shards} shard${shards === 1 ? '' : 's'}`;
  let ringmq: RingmqProcess | undefined;
  try {
    ringmq = await startRingmq({ shards, args: [...SHORT_DELAY_LEVELS, ...QUICK_CHECKS, ...SMALL_SEGMENTS] });
    await runClient(client, scenarios, ringmq.nameServer, label, ringmq);
    await ringmq.stop();
  } catch (error) {
    note(client.name, label, { scenario: 'the broker itself', ok: false, ms: 0, error: String(error), detail: {} });
  } finally {
    await ringmq?.destroy();
  }
}

/** The stock admin tool's commands, against a broker of their own. */
async function runAdmin(version: string, shards: number): Promise<void> {
  const label = `${shards} shard${shards === 1 ? '' : 's'}`;
  const client = `mqadmin-${version}`;
  let ringmq: RingmqProcess | undefined;
  try {
    ringmq = await startRingmq({ shards });
    await runAdminSteps(version, ringmq.nameServer, ringmq.broker, ({ command, ok, ms, differences }) => {
      const error = differences.slice(0, 8).join('\n     ');
      outcomes.push({ client, broker: label, scenario: command, ok, ms: Math.round(ms), detail: {}, ...(ok ? {} : { error }) });
      process.stdout.write(`${ok ? 'ok  ' : 'FAIL'} ${label.padEnd(10)} ${client.padEnd(14)} ${command}${ok ? '' : `\n     ${error}`}\n`);
    });
  } catch (error) {
    note(client, label, { scenario: 'the admin tool itself', ok: false, ms: 0, error: String(error), detail: {} });
  } finally {
    await ringmq?.destroy();
  }
}

// Built first, so that no build stands between two figures.
for (const client of clients) client.command();
const javaServers =
  options.against === undefined && isAsked([...MIXED_SCENARIOS, ...STORE_SCENARIOS])
    ? options['java-servers'].split(',').filter(Boolean)
    : [];
for (const version of javaServers) javaServerCommand(version, '');
if (options.against !== undefined) {
  for (const client of clients) {
    const scenarios = scenariosOf(client, true, false);
    if (scenarios.length > 0) await runClient(client, scenarios, options.against, 'given', undefined);
  }
} else {
  const counts = options.shards
    .split(',')
    .map(Number)
    .sort((a, b) => b - a);
  const most = counts[0] as number;
  // The long ones first, so that no core idles at the end.
  const waiting: (() => Promise<void>)[] = [];
  const releases = names === undefined ? (options.admin ?? '').split(',').filter((one) => one !== '') : [];
  for (const [index, version] of releases.entries()) {
    if (prefixes !== undefined && !prefixes.some((prefix) => `mqadmin-${version}`.startsWith(prefix))) continue;
    // Each release with one of the numbers of shards.
    waiting.push(() => runAdmin(version, counts[index % counts.length] as number));
  }
  for (const version of javaServers) waiting.push(() => runWithJava(version));
  for (const count of counts)
    for (const client of clients)
      for (const lot of lotsOf(scenariosOf(client, options.nightly || count === most, true)))
        waiting.push(() => runLot(client, lot, count));
  // Four processes a client: once is enough.
  if (isAsked(CLUSTER_SCENARIOS)) for (const client of clients) waiting.push(() => runWithCluster(client, most));
  await Promise.all(
    Array.from({ length: Number(options.jobs) }, async () => {
      for (let next = waiting.shift(); next !== undefined; next = waiting.shift()) await next();
    }),
  );
}

/** The release whose filter ours is compared with: 4.9 lacks operators. */
const SQL_ORACLE = '5.3.3';
if (options.against === undefined && isAsked(['sql-verdicts']) && clients.some(({ name }) => name === `java-${SQL_ORACLE}`)) {
  note(`java-${SQL_ORACLE}`, 'filter', compareSqlVerdicts(SQL_ORACLE));
}

const brokers = [...new Set(outcomes.map(({ broker }) => broker))];
/** The admin tool's runs are no scenarios: they are told one by one. */
const isScenario = ({ client }: Outcome): boolean => !client.startsWith('mqadmin-');
const columns = brokers.flatMap((broker) =>
  [...new Set(outcomes.filter((one) => one.broker === broker && isScenario(one)).map(({ client }) => client))].map((client) => ({
    broker,
    client,
  })),
);
const rows = [...new Set(outcomes.filter(isScenario).map(({ scenario }) => scenario))];
const width = Math.max(...rows.map((row) => row.length), 8);
process.stdout.write(`\n${'scenario'.padEnd(width)} ${columns.map(({ broker, client }) => `${client} ${broker}`.padEnd(24)).join(' ')}\n`);
for (const row of rows) {
  const cells = columns.map(({ broker, client }) => {
    const outcome = outcomes.find((one) => one.broker === broker && one.client === client && one.scenario === row);
    return (outcome === undefined ? '–' : outcome.ok ? `ok ${outcome.ms} ms` : 'FAILED').padEnd(24);
  });
  process.stdout.write(`${row.padEnd(width)} ${cells.join(' ')}\n`);
}
const failed = outcomes.filter(({ ok }) => !ok).length;
if (options.json !== undefined) writeFileSync(options.json, `${JSON.stringify(outcomes, null, 1)}\n`);
process.stdout.write(`\n${outcomes.length - failed} passed, ${failed} failed\n`);
process.exitCode = failed === 0 && outcomes.length > 0 ? 0 : 1;
