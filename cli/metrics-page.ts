/** What commands read in a ringmq broker's /metrics page. Pure but for the fetch. Whatever is no such page gives nothing. */

import type { PluginSeen } from './doctor-checks.ts';

export type ThreadSample = {
  readonly address: string;
  /** The broker's name. */
  readonly node: string;
  readonly thread: string;
  readonly busySeconds: number;
  readonly mailboxDepth: number;
};

/** A page is larger with many topics; beyond this it is not a broker's. */
const PAGE_BYTES_MAX = 16 * 1024 * 1024;

/** ringmq's default port of /metrics. */
const METRICS_PORT = 5557;

/** Addresses that were named, else the inherited one, else the default port where a broker is on this machine. */
export function metricsAddresses(given: readonly string[], inherited: string | undefined, brokers: readonly string[]): string[] {
  if (given.length > 0) return [...given];
  if (inherited !== undefined && inherited !== '' && inherited !== 'off') return [inherited];
  return brokers.some((address) => /^(127\.|localhost:|\[::1\]:)/.test(address)) ? [`127.0.0.1:${METRICS_PORT}`] : [];
}

/** The page's text; undefined when nothing answers there in time. */
export async function fetchMetrics(address: string, timeoutMs: number): Promise<string | undefined> {
  try {
    const answer = await fetch(`http://${address}/metrics`, { signal: AbortSignal.timeout(timeoutMs) });
    if (!answer.ok || Number(answer.headers.get('content-length') ?? 0) > PAGE_BYTES_MAX) return undefined;
    return await answer.text();
  } catch {
    // Nobody there, or not HTTP: the command goes on without.
    return undefined;
  }
}

/** Members that a broker says subscribe to something else than the others of their group, by group. */
export function parseDiffering(page: string): Map<string, string[]> {
  const groups = new Map<string, string[]>();
  for (const line of page.split('\n')) {
    const labels = /^ringmq_member_subscription_differs\{([^}]*)\} 1$/.exec(line)?.[1];
    if (labels === undefined) continue;
    const group = /consumer_group="([^"]*)"/.exec(labels)?.[1];
    const client = /client_id="([^"]*)"/.exec(labels)?.[1];
    if (group !== undefined && client !== undefined) groups.set(group, [...(groups.get(group) ?? []), client]);
  }
  return groups;
}

/** Filter plugins that a broker tells of. */
export function parsePlugins(page: string): PluginSeen[] {
  const plugins: PluginSeen[] = [];
  for (const line of page.split('\n')) {
    const labels = /^ringmq_plugin_running\{(.*)\} [01]$/.exec(line)?.[1];
    if (labels === undefined) continue;
    const label = (name: string): string => {
      const text = new RegExp(`(?:^|,)${name}="((?:[^"\\\\]|\\\\.)*)"`).exec(labels)?.[1] ?? '';
      return text.replaceAll(/\\(.)/g, (_, character: string) => (character === 'n' ? '\n' : character));
    };
    plugins.push({
      broker: label('node_id'),
      plugin: label('plugin'),
      state: label('state'),
      policy: label('policy'),
      fault: label('fault'),
    });
  }
  return plugins;
}

export function parseThreads(page: string, address: string): ThreadSample[] {
  const threads = new Map<string, { node: string; thread: string; busySeconds: number; mailboxDepth: number }>();
  for (const line of page.split('\n')) {
    const match = /^ringmq_(busy_seconds_total|mailbox_depth)\{([^}]*)\} (\S+)$/.exec(line);
    if (match === null) continue;
    const [, metric, labels, value] = match as unknown as [string, string, string, string];
    const thread = /thread="([^"]*)"/.exec(labels)?.[1];
    if (thread === undefined || !Number.isFinite(Number(value))) continue;
    const node = /node_id="([^"]*)"/.exec(labels)?.[1] ?? '';
    const sample = threads.get(thread) ?? { node, thread, busySeconds: 0, mailboxDepth: 0 };
    if (metric === 'mailbox_depth') sample.mailboxDepth = Number(value);
    else sample.busySeconds = Number(value);
    threads.set(thread, sample);
  }
  return [...threads.values()].map((sample) => ({ address, ...sample }));
}
