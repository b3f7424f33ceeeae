/** Turns what was measured into one table of ratios: pure, from results to markdown. */
import type { LoadResult } from './load-generator.ts';
import { READABLE_P99_MAX_US, type Workload } from './workloads.ts';

export type Column = { readonly label: string; readonly results: readonly LoadResult[] };

export type Report = {
  readonly date: string;
  readonly machine: string;
  readonly flush: 'async' | 'sync';
  readonly isQuick: boolean;
  readonly columns: readonly Column[];
};

function figure(value: number | undefined): string {
  if (value === undefined) return '–';
  if (value >= 10_000) return `${(value / 1_000).toFixed(0)} k`;
  if (value >= 100) return value.toFixed(0);
  if (value >= 10) return value.toFixed(1);
  return value.toFixed(2);
}

function ratio(ours: number | undefined, theirs: number | undefined): string {
  return ours === undefined || theirs === undefined || theirs === 0 ? '–' : (ours / theirs).toFixed(2);
}

type Row = { readonly name: string; readonly metric: string; readonly unit: string; readonly bound?: number };

/** The rows of one workload: its CPU first, which decides, then rates and latencies. */
function rowsOf(workload: Workload, flush: 'async' | 'sync'): Row[] {
  const { name, mode } = workload;
  const bounds = flush === 'sync' ? workload.sync : workload;
  const cpu = bounds?.cpuRatioMax === undefined ? {} : { bound: bounds.cpuRatioMax };
  const rows: Row[] = [];
  if (mode === 'idle') rows.push({ name, metric: 'server_cpu_cores', unit: 'cores' });
  else if (mode === 'backlog') {
    rows.push({ name: `${name} write`, metric: 'write_server_cpu_us_per_msg', unit: 'CPU µs/msg', ...cpu });
    rows.push({ name: `${name} read`, metric: 'read_server_cpu_us_per_msg', unit: 'CPU µs/msg', ...cpu });
    rows.push({ name: `${name} read`, metric: 'read_msgs_per_s', unit: 'msg/s' });
  } else {
    rows.push({ name, metric: 'server_cpu_us_per_msg', unit: 'CPU µs/msg', ...cpu });
    if (mode !== 'e2e') rows.push({ name, metric: 'msgs_per_s', unit: 'msg/s' });
    const latencies =
      mode === 'e2e' || mode === 'fanout' ? ['e2e_p50_us', 'e2e_p99_us'] : mode === 'send' ? ['lat_p50_us', 'lat_p99_us'] : [];
    for (const metric of latencies) {
      const bound = bounds?.latencyRatioMax?.[metric];
      rows.push({ name, metric, unit: metric.includes('p50') ? 'p50 µs' : 'p99 µs', ...(bound === undefined ? {} : { bound }) });
    }
  }
  return rows;
}

const STARTUP_ROWS: readonly Row[] = [
  { name: 'start to first acknowledged send', metric: 'first_send_ms', unit: 'ms' },
  { name: 'idle memory after it, resident', metric: 'server_peak_rss_mb', unit: 'MB' },
  { name: 'idle CPU after it', metric: 'server_cpu_cores', unit: 'cores' },
];

/** Problems that a workload reported, per column. */
export function problemsOf(columns: readonly Column[]): string[] {
  return columns.flatMap(({ label, results }) =>
    results
      .filter(({ ok }) => !ok)
      .map(({ name, problems, note }) => `${label}, ${name}: ${(problems ?? []).join('; ')}${note === undefined ? '' : ` (${note})`}`),
  );
}

export function toMarkdown(report: Report, workloads: readonly Workload[]): string {
  const [first, ...others] = report.columns;
  if (first === undefined) return '';
  const result = (column: Column, name: string): LoadResult | undefined => column.results.find((one) => one.name === name);
  const lines = [
    `${report.date}, ${report.machine}, flush ${report.flush}${report.isQuick ? ', quick run' : ''}. Ratios to ${first.label}; "must" is the largest ratio allowed.`,
    '',
    `| workload | | ${[first.label, ...others.flatMap(({ label }) => [label, 'ratio'])].join(' | ')} | must |`,
    `| --- | --- | ${[first, ...others, ...others].map(() => '---:').join(' | ')} | --- |`,
  ];
  const line = (row: Row, source: string): void => {
    const theirs = result(first, source)?.metrics[row.metric];
    const cells = others.map((column) => {
      const ours = result(column, source)?.metrics[row.metric];
      return `${figure(ours)} | ${ratio(ours, theirs)}`;
    });
    if (theirs === undefined && others.every((column) => result(column, source)?.metrics[row.metric] === undefined)) return;
    lines.push(
      `| ${[row.name, row.unit, figure(theirs), ...cells].join(' | ')} | ${row.bound === undefined ? '' : `≤ ${row.bound.toFixed(2)}`} |`,
    );
  };
  for (const workload of workloads) for (const row of rowsOf(workload, report.flush)) line(row, workload.name);
  for (const row of STARTUP_ROWS) line(row, 'startup');
  line(
    { name: `flood_beside (≤ ${READABLE_P99_MAX_US} µs)`, metric: 'readable_p99_us', unit: 'acknowledged to readable, p99 µs' },
    'flood_beside',
  );
  line({ name: 'flood_beside', metric: 'e2e_p99_us', unit: 'due to received, p99 µs' }, 'flood_beside');
  line({ name: 'flood_beside', metric: 'flood_msgs_per_s', unit: 'flood msg/s' }, 'flood_beside');
  const problems = problemsOf(report.columns);
  lines.push(
    '',
    problems.length === 0
      ? 'Nothing lost, duplicated or corrupted in any read-back.'
      : problems.map((problem) => `- PROBLEM ${problem}`).join('\n'),
  );
  return `${lines.join('\n')}\n`;
}
