/** Threads of a ringmq broker from its /metrics page. Pure but for the fetch. Whatever is no such page gives nothing. */

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

/** undefined when nothing answers there in time. */
export async function fetchThreads(address: string, timeoutMs: number): Promise<ThreadSample[] | undefined> {
  try {
    const answer = await fetch(`http://${address}/metrics`, { signal: AbortSignal.timeout(timeoutMs) });
    if (!answer.ok || Number(answer.headers.get('content-length') ?? 0) > PAGE_BYTES_MAX) return undefined;
    return parseThreads(await answer.text(), address);
  } catch {
    // Nobody there, or not HTTP: top goes on without threads.
    return undefined;
  }
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
