/** `ringmq doctor`: looks, judges, says what to do. Ends with 1 when something was found. Requests: 106, 206, 28, 201, 203, 208, 307, 202. */

import { Cluster, forEachOf } from '../cluster.ts';
import type { Command, CommandContext } from '../command.ts';
import { counted } from '../count-text.ts';
import {
  type CheckName,
  checkBrokers,
  checkClocks,
  checkConsumers,
  checkDisks,
  checkNameServers,
  checkNames,
  checkPlugins,
  checkSubscriptions,
  type Finding,
} from '../doctor-checks.ts';
import { lookAtBrokers, lookAtGroups, lookAtNameServers, lookAtProgress, lookAtSubscriptions, reasonOf } from '../doctor-look.ts';
import { exitCodes } from '../exit-codes.ts';
import type { GroupView, Master } from '../group-view.ts';
import { fetchMetrics, metricsAddresses, parseDiffering, parsePlugins } from '../metrics-page.ts';
import type { Terminal } from '../terminal.ts';

/** Longer than two commits of a consumer, which come every five seconds: one that works is not taken for stuck. */
const WATCH_MS_DEFAULT = 12_000;
const DISK_PERCENT_DEFAULT = 80;
const SKEW_MS_DEFAULT = 5000;
const METRICS_MS_MAX = 2000;

type Check = { readonly check: CheckName; readonly looked: number; readonly skipped: string | null };

class Examination {
  readonly findings: Finding[] = [];
  readonly checks: Check[] = [];

  done(check: CheckName, looked: number, findings: readonly Finding[], skipped: string | null = null): void {
    this.checks.push({ check, looked, skipped });
    this.findings.push(...findings);
  }
}

export const doctor: Command = async (context) => {
  const { args, environment } = context;
  const cluster = Cluster.of(args, environment);
  const examination = new Examination();
  try {
    const { seen, brokers: nodes } = await lookAtNameServers(cluster);
    examination.done('name servers', seen.length, checkNameServers(seen));
    const isAnyUp = seen.some(({ error }) => error === null);
    if (isAnyUp && nodes.length === 0)
      examination.findings.push({
        check: 'brokers',
        subject: cluster.nameServers.join(', '),
        problem: 'no broker is registered',
        remedy: 'start one, or complete the namesrvAddr of those that run',
      });
    const { brokers, clocks, disks, masters, silent } = await lookAtBrokers(cluster, nodes);
    const blind = isAnyUp ? (masters.length > 0 ? null : 'no broker answers') : 'no name server answers';
    examination.done('brokers', brokers.length, checkBrokers(brokers), isAnyUp ? null : blind);
    const mute = silent.length === 0 ? blind : `${silent.join(', ')} does not serve GET_BROKER_RUNTIME_INFO (28)`;
    examination.done('clocks', clocks.length, checkClocks(clocks, args.number('skew') ?? SKEW_MS_DEFAULT), mute);
    examination.done('disks', disks.length, checkDisks(disks, args.number('disk') ?? DISK_PERCENT_DEFAULT), mute);
    if (blind === null) await examineGroups(context, cluster, masters, examination);
    else for (const check of ['subscriptions', 'consumers'] as const) examination.done(check, 0, [], blind);
    const pages = blind === null ? await metricsPages(context, masters) : [];
    const plugins = pages.flatMap(parsePlugins);
    examination.done('plugins', plugins.length, checkPlugins(plugins), blind ?? (pages.length > 0 ? null : 'no broker shows its metrics'));
  } finally {
    cluster.close();
  }
  return report(context, examination);
};

async function examineGroups(
  context: CommandContext,
  cluster: Cluster,
  masters: readonly Master[],
  examination: Examination,
): Promise<void> {
  const { args, terminal } = context;
  let groups: readonly GroupView[];
  try {
    groups = await lookAtGroups(cluster, masters);
  } catch (error) {
    const reason = reasonOf(error);
    examination.done('subscriptions', 0, [], reason);
    examination.done('consumers', 0, [], reason);
    return;
  }
  const subscriptions = await lookAtSubscriptions(cluster, masters, groups).catch((error: unknown) => reasonOf(error));
  if (typeof subscriptions === 'string') examination.done('subscriptions', 0, [], subscriptions);
  else {
    const { seen, silent } = subscriptions;
    const pages = silent === 0 ? [] : await metricsPages(context, masters);
    const skipped =
      silent === 0 || pages.length > 0
        ? null
        : `${counted(silent, 'member')} ${silent === 1 ? 'does' : 'do'} not tell what ${silent === 1 ? 'it subscribes' : 'they subscribe'} to`;
    const told = new Map(pages.flatMap((page) => [...parseDiffering(page)]));
    examination.done('subscriptions', seen.length, checkSubscriptions(seen, told), skipped);
  }
  const watchMs = args.number('watch') ?? WATCH_MS_DEFAULT;
  if (terminal.hasProgress && groups.some(({ lag }) => lag > 0)) terminal.note(terminal.style('dim', 'Watching the offsets of groups…'));
  const progress = await lookAtProgress(cluster, masters, groups, watchMs).catch((error: unknown) => reasonOf(error));
  if (typeof progress === 'string') examination.done('consumers', 0, [], progress);
  else examination.done('consumers', groups.length, checkConsumers(progress, watchMs, Date.now()));
}

/** Pages of brokers that tell what members do not. */
async function metricsPages({ args, environment }: CommandContext, masters: readonly Master[]): Promise<string[]> {
  const addresses = metricsAddresses(
    args.texts('metrics'),
    environment['ADMIN_ADDR'],
    masters.map(({ master }) => master),
  );
  const pages = await forEachOf(addresses, (address) => fetchMetrics(address, METRICS_MS_MAX));
  return pages.filter((page): page is string => page !== undefined && masters.some(({ name }) => page.includes(`node_id="${name}"`)));
}

function report({ terminal }: CommandContext, { findings, checks }: Examination): number {
  const healthy = findings.length === 0;
  if (terminal.isJson) terminal.json({ healthy, findings, checks });
  else {
    for (const name of checkNames) {
      const done = checks.find(({ check }) => check === name);
      if (done === undefined) continue;
      terminal.print(`${name.padEnd(14)} ${verdict(terminal, done, findings.filter(({ check }) => check === name).length)}`);
    }
    for (const { check, subject, problem, remedy } of findings) {
      terminal.print('');
      terminal.print(`${terminal.style('bold', `${check}: ${subject}`)} ${problem}`);
      terminal.print(`  → ${remedy}`);
    }
  }
  return healthy ? exitCodes.stopped : exitCodes.failed;
}

function verdict(terminal: Terminal, { looked, skipped }: Check, found: number): string {
  if (looked === 0 && found === 0) return skipped === null ? 'nothing to look at' : terminal.style('yellow', `not looked at: ${skipped}`);
  const word = found > 0 ? terminal.style('red', `${found} found`) : terminal.style('green', 'good');
  return `${word}, ${looked} looked at${skipped === null ? '' : `; ${skipped}`}`;
}
