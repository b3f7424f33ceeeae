/** What `ringmq top` shows, worked out of two looks at a cluster. Pure. Rates are of offsets, so they hold for any broker. */
import { retryTopic } from '../model/topic.ts';
import type { GroupView } from './group-view.ts';
import type { ThreadSample } from './metrics-page.ts';
import type { QueueView } from './topic-view.ts';

/** One look. */
export type TopSample = {
  /** On the monotonic clock. */
  readonly atMs: number;
  /** On the calendar. */
  readonly time: string;
  readonly brokers: readonly { readonly broker: string; readonly address: string; readonly runtime: ReadonlyMap<string, string> | null }[];
  readonly topics: readonly { readonly topic: string; readonly queues: readonly QueueView[] }[];
  readonly groups: readonly GroupView[];
  readonly threads: readonly ThreadSample[];
  readonly notShown: { readonly topics: number; readonly groups: number };
};

export type TopView = {
  readonly time: string;
  readonly brokers: readonly {
    readonly broker: string;
    readonly address: string;
    readonly version: string | null;
    readonly inRate: number | null;
    readonly outRate: number | null;
    readonly diskRatio: number | null;
  }[];
  readonly topics: readonly { readonly topic: string; readonly rate: number | null; readonly messages: number }[];
  readonly groups: readonly {
    readonly group: string;
    readonly topic: string;
    readonly rate: number | null;
    readonly lag: number;
    readonly members: number;
  }[];
  readonly threads: readonly {
    readonly address: string;
    readonly thread: string;
    readonly busyShare: number | null;
    readonly mailboxDepth: number;
  }[];
  readonly notShown: { readonly topics: number; readonly groups: number };
};

/** @param before the look before; undefined at the first: then rates are null. */
export function topView(now: TopSample, before: TopSample | undefined): TopView {
  const seconds = before === undefined ? 0 : (now.atMs - before.atMs) / 1000;
  const rate = (current: number, earlier: number | undefined): number | null =>
    seconds <= 0 || earlier === undefined ? null : Math.max(0, round((current - earlier) / seconds));
  const topicsBefore = new Map(before?.topics.map(({ topic, queues }) => [topic, ends(queues)]));
  const groupsBefore = new Map(
    before?.groups.flatMap((group) => consumed(group).map((entry) => [`${entry.group}\n${entry.topic}`, entry.offset])),
  );
  const threadsBefore = new Map(before?.threads.map((thread) => [`${thread.address} ${thread.thread}`, thread.busySeconds]));
  return {
    time: now.time,
    brokers: now.brokers.map(({ broker, address, runtime }) => ({
      broker,
      address,
      version: runtime?.get('brokerVersionDesc') ?? null,
      inRate: firstNumber(runtime?.get('putTps')),
      outRate: firstNumber(runtime?.get('getTransferredTps') ?? runtime?.get('getTransferedTps')),
      diskRatio: firstNumber(runtime?.get('commitLogDiskRatio')),
    })),
    topics: now.topics
      .map(({ topic, queues }) => ({
        topic,
        rate: rate(ends(queues), topicsBefore.get(topic)),
        messages: queues.reduce((total, { minOffset, maxOffset }) => total + maxOffset - minOffset, 0),
      }))
      .sort((a, b) => (b.rate ?? 0) - (a.rate ?? 0) || b.messages - a.messages || (a.topic < b.topic ? -1 : 1)),
    groups: now.groups
      .flatMap(consumed)
      .map(({ group, topic, offset, lag, members }) => ({
        group,
        topic,
        rate: rate(offset, groupsBefore.get(`${group}\n${topic}`)),
        lag,
        members,
      }))
      .sort((a, b) => b.lag - a.lag || (b.rate ?? 0) - (a.rate ?? 0) || (a.group < b.group ? -1 : 1)),
    threads: now.threads.map(({ address, thread, busySeconds, mailboxDepth }) => {
      const earlier = threadsBefore.get(`${address} ${thread}`);
      const share = seconds <= 0 || earlier === undefined ? null : Math.min(1, Math.max(0, (busySeconds - earlier) / seconds));
      return { address, thread, busyShare: share === null ? null : Math.round(share * 1000) / 1000, mailboxDepth };
    }),
    notShown: now.notShown,
  };
}

function ends(queues: readonly QueueView[]): number {
  return queues.reduce((total, { maxOffset }) => total + maxOffset, 0);
}

/** By topic; a group without offsets is shown with its subscriptions. */
function consumed({
  group,
  queues,
  topics,
  members,
}: GroupView): { group: string; topic: string; offset: number; lag: number; members: number }[] {
  const byTopic = new Map<string, { group: string; topic: string; offset: number; lag: number; members: number }>();
  const entry = (topic: string) => {
    const found = byTopic.get(topic) ?? { group, topic, offset: 0, lag: 0, members: members.length };
    byTopic.set(topic, found);
    return found;
  };
  for (const topic of topics) entry(topic);
  for (const { topic, consumerOffset, lag } of queues) {
    // Retries that are not there are of no interest.
    if (topic === retryTopic(group) && lag === 0) continue;
    const found = entry(topic);
    found.offset += consumerOffset;
    found.lag += lag;
  }
  return [...byTopic.values()];
}

/** The first of the numbers that brokers give in a row: the shortest average. */
function firstNumber(text: string | undefined): number | null {
  const value = Number.parseFloat((text ?? '').trim().split(' ')[0] ?? '');
  return Number.isFinite(value) ? Math.round(value * 1000) / 1000 : null;
}

function round(value: number): number {
  return Math.round(value * 10) / 10;
}
