/**
 * What a faulty filter plugin costs others (`npm run build` first): the latency from send to delivery of a group that has nothing to do with it, while
 * beside it messages flow through no plugin, a sound one, one that throws and one that never returns, in turn. Then what plugins and SQL92 judge in a
 * second (`micro/plugin-filter.bench.ts`, `micro/sql-filter.bench.ts`). Writes results/plugins.md.
 *
 *   node bench/plugins.ts [--rounds N] [--seconds N] [--rate N] [--only-latency] [--cases none,sound,throws,endless]
 *
 * One broker for all. The faulty plugin fails at every message: its file is put there anew at the start of each measurement, so that each has
 * the whole row of its kills and starts, up to the limit, and the rest of the time with the plugin parked.
 */
import { spawnSync } from 'node:child_process';
import { existsSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { pullMessages, sendMessage } from '../test/support/broker-client.ts';
import { pluginFolder, updateTopicAttributes } from '../test/support/plugin-folder.ts';
import { RemotingClient } from '../test/support/remoting-client.ts';
import { prepareRingmq } from '../test/support/start-ringmq.ts';
import { waitUntil } from '../test/support/wait-until.ts';
import { cacheFolder } from './cache-folder.ts';
import { runLoad } from './load-generator.ts';
import { machineName } from './machine-name.ts';

const { values } = parseArgs({
  options: {
    rounds: { type: 'string', default: '7' },
    seconds: { type: 'string', default: '6' },
    rate: { type: 'string', default: '1000' },
    'only-latency': { type: 'boolean', default: false },
    cases: { type: 'string', default: 'none,sound,throws,endless' },
  },
});
const ROUNDS = Number(values.rounds);
const SECONDS = Number(values.seconds);
const WARMUP_MS = 1_500;
/** Messages a second that flow beside, through the plugin. */
const BESIDE_RATE = 200;
const BUILT = fileURLToPath(new URL('../dist/bin/ringmq.js', import.meta.url));

/** Of the plugin: what it does, and the text of its file. */
const ALL_CASES = [
  { name: 'none', title: 'no plugin', text: null },
  { name: 'sound', title: 'a sound one', text: "export default (message) => message.property('n') !== '';" },
  {
    name: 'throws',
    title: 'throws at every message',
    text: "export default { whenParked: 'pass', filter() { throw new Error('always'); } };",
  },
  { name: 'endless', title: 'never returns', text: "export default { whenParked: 'pass', filter() { for (;;) ; } };" },
] as const;
type Case = (typeof ALL_CASES)[number];
/** Those that are asked for; others are compared with the first. */
const CASES: readonly Case[] = ALL_CASES.filter(({ name }) => values.cases.split(',').includes(name));
const FIRST = CASES[0];
if (FIRST === undefined) throw new Error(`--cases ${values.cases} names none of ${ALL_CASES.map(({ name }) => name).join(', ')}`);
const FIGURES = ['e2e_p50_us', 'e2e_p99_us', 'e2e_p999_us', 'e2e_max_us'] as const;
type Figures = Record<(typeof FIGURES)[number] | 'kills' | 'delivered', number>;

function median(figures: readonly number[]): number {
  const sorted = [...figures].sort((a, b) => a - b);
  return (sorted[(sorted.length - 1) >> 1]! + sorted[sorted.length >> 1]!) / 2;
}

/** Sends to the topic and pulls from it until told to stop; gives how many messages were delivered. */
async function flowBeside(address: string, topic: string): Promise<() => Promise<number>> {
  const [sender, reader] = await Promise.all([RemotingClient.connect(address), RemotingClient.connect(address)]);
  let isOver = false;
  let delivered = 0;
  const sending = (async () => {
    for (let n = 0; !isOver; n++) {
      await sendMessage(sender, topic, 'x'.repeat(128), { queueId: 0, properties: { n: String(n) } });
      await pause(1000 / BESIDE_RATE);
    }
  })();
  const reading = (async () => {
    for (let next = 0; !isOver; ) {
      const pulled = await pullMessages(reader, topic, 0, next, { max: 32, holdMs: 1000 });
      delivered += pulled.messages.length;
      next = pulled.next;
    }
  })();
  return async () => {
    isOver = true;
    await Promise.all([sending, reading]);
    await Promise.all([sender.close(), reader.close()]);
    return delivered;
  };
}

if (!existsSync(BUILT)) throw new Error(`${BUILT} is missing: run npm run build first`);
const folder = pluginFolder();
const dataDir = mkdtempSync(join(cacheFolder('run'), 'ringmq-'));
const settings = join(dataDir, '..', `plugins-${process.pid}.conf`);
writeFileSync(settings, `pluginDir=${folder.path}\n`);
for (const { name } of CASES) if (name !== 'none') folder.save(`${name}.mjs`, 'export default () => true;');
const broker = await prepareRingmq({
  shards: 1,
  dataDir,
  command: [process.execPath, BUILT, 'start'],
  args: ['--config', settings],
});

async function failures(plugin: string): Promise<number> {
  const text = await (await fetch(`http://${broker.admin}/metrics`)).text();
  return Number(new RegExp(`^ringmq_plugin_failures_total\\S*plugin="${plugin}"\\S* (\\d+)$`, 'm').exec(text)?.[1] ?? Number.NaN);
}

async function measure({ name, text }: Case, round: number): Promise<Figures> {
  const client = await RemotingClient.connect(broker.broker);
  const topic = `beside_${name}_${round}`;
  if (name !== 'none') folder.save(`${name}.mjs`, `// ${round}\nexport default () => true;`);
  await waitUntil('the topic', async () => {
    const { code } = await updateTopicAttributes(client, topic, name === 'none' ? '' : `+filter.plugin=${name}`);
    return code === 0;
  });
  await pause(1_200);
  const stop = await flowBeside(broker.broker, topic);
  const before = name === 'none' ? 0 : await failures(name);
  const load = runLoad(name, 'e2e', [
    ...['--ns', broker.nameServer, '--rate', values.rate, '--size', '1024'],
    ...['--duration', `${SECONDS}s`, '--warmup', `${WARMUP_MS}ms`, '--drop', '--server-pid', String(broker.pid)],
  ]);
  // The folder is looked at twice a second: the first fault comes as the measurement begins.
  await pause(WARMUP_MS);
  if (text !== null) folder.save(`${name}.mjs`, `// ${round}\n${text}`);
  const { metrics, problems } = await load;
  if (problems !== undefined && problems.length > 0) throw new Error(`${name}: ${problems.join('; ')}`);
  const kills = name === 'none' ? 0 : (await failures(name)) - before;
  const delivered = await stop();
  await client.close();
  return { ...(metrics as Figures), kills, delivered };
}

const figures = new Map<string, Figures[]>(CASES.map(({ name }) => [name, []]));
try {
  await broker.start();
  for (let round = -1; round < ROUNDS; round++) {
    // Each is once first, once second …: what drifts, drifts for all.
    for (const [place] of CASES.entries()) {
      const each = CASES[(place + Math.max(0, round)) % CASES.length]!;
      const one = await measure(each, round);
      const cells = FIGURES.map((figure) => `${figure.slice(4, -3)} ${one[figure].toFixed(0)}`).join(', ');
      process.stderr.write(`round ${round} ${each.name}: ${cells} us; ${one.kills} kills, ${one.delivered} delivered beside\n`);
      if (round >= 0) figures.get(each.name)!.push(one);
    }
  }
} finally {
  await broker.destroy();
  folder.destroy();
  rmSync(dataDir, { recursive: true, force: true, maxRetries: 5 });
  rmSync(settings, { force: true });
}

const rows = CASES.map(({ name, title }) => {
  const all = figures.get(name)!;
  const cells = FIGURES.map((figure) => (median(all.map((one) => one[figure])) / 1000).toFixed(2));
  const ratio = median(all.map((one, round) => one.e2e_p99_us / figures.get(FIRST.name)![round]!.e2e_p99_us)).toFixed(2);
  return `| ${title} | ${cells.join(' | ')} | ${ratio} | ${median(all.map(({ kills }) => kills))} |`;
});

function micro(name: string): string {
  const { status, stdout, stderr } = spawnSync(process.execPath, [fileURLToPath(new URL(`micro/${name}.bench.ts`, import.meta.url))], {
    encoding: 'utf8',
  });
  if (status !== 0) throw new Error(`${name} ended with ${status}: ${stderr}`);
  return stdout.trimEnd();
}

const text = `# Filter plugins beside others

${new Date().toISOString().slice(0, 16)}, ${machineName()}; made by \`node bench/plugins.ts\`. Milliseconds from send to delivery of a group that has no plugin: ${values.rate} messages
of 1 KB a second, one shard, asynchronous flush; beside it ${BESIDE_RATE} messages a second flow to a group behind the plugin. Medians of ${ROUNDS} rounds in turn,
${SECONDS} s each; the ratio is the median of the rounds' ratios. A faulty plugin fails until it is parked: its kills and starts lie within the measurement.

| the plugin beside | p50 | p99 | p99.9 | longest | p99 ÷ the first | kills |
| --- | ---: | ---: | ---: | ---: | ---: | ---: |
${rows.join('\n')}
`;
process.stdout.write(text);
if (!values['only-latency']) {
  const rest = `
## What is judged in a second

\`node bench/micro/plugin-filter.bench.ts\`

\`\`\`
${micro('plugin-filter')}
\`\`\`

\`node bench/micro/sql-filter.bench.ts\`

\`\`\`
${micro('sql-filter')}
\`\`\`
`;
  process.stdout.write(rest);
  writeFileSync(fileURLToPath(new URL('results/plugins.md', import.meta.url)), text + rest);
}
process.exit(0);
