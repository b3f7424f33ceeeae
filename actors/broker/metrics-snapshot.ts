/**
 * One look at all counters of a running broker: plain numbers, taken by the root from shared memory. Types only; the
 * Prometheus text comes from metrics-text.ts.
 */

import type { PluginView } from '../filter/plugin-messages.ts';

/** Of one topic; counters since the start. */
export type TopicMetrics = {
  readonly topic: string;
  readonly messagesIn: number;
  readonly messagesOut: number;
  readonly bytesIn: number;
  readonly bytesOut: number;
};

/** Of one group on one topic. */
export type LagMetrics = {
  readonly group: string;
  readonly topic: string;
  /** Messages that it has yet to consume. */
  readonly messages: number;
  /** Age of the oldest of them; null when it was not looked up. */
  readonly latencyMs: number | null;
};

/** What is asked of the groups when somebody looks. */
export type GroupMetrics = {
  /** Those furthest behind, first. */
  readonly lags: readonly LagMetrics[];
  readonly lagsNotShown: number;
  /** Groups with members, and the clients among them that subscribe to something else than the others. */
  readonly online: readonly { readonly group: string; readonly members: number; readonly differing: readonly string[] }[];
};

/** Of one thread. */
export type ThreadMetrics = {
  readonly name: string;
  /** Messages that wait in its mailboxes. */
  readonly mailboxDepth: number;
  /** Bytes that wait in the rings to it. */
  readonly ringFillBytes: number;
  /** Largest share in use of a ring to it, 0 to 1. */
  readonly ringFillShare: number;
  readonly messages: number;
  readonly turns: number;
  /** Milliseconds of work since the start. */
  readonly busyMs: number;
  readonly restarts: number;
  readonly deadLetters: number;
};

/** Of half messages and what became of them; counters since the start. */
export type TransactionMetrics = {
  readonly open: number;
  /** Age of the oldest one, as the last round of checks saw it; null: none waits. */
  readonly oldestMs: number | null;
  readonly committed: number;
  readonly rolledBack: number;
  readonly checks: number;
  readonly givenUp: number;
};

export type MetricsSnapshot = {
  readonly cluster: string;
  readonly broker: string;
  /** False when it must not be sent traffic: starting, stopping, fenced. */
  readonly healthy: boolean;
  /** Why not; empty when healthy. */
  readonly reason: string;
  readonly uptimeMs: number;
  readonly messagesIn: number;
  readonly messagesOut: number;
  readonly bytesIn: number;
  readonly bytesOut: number;
  readonly topics: readonly TopicMetrics[];
  /** Null where nobody asked for them. */
  readonly groups: GroupMetrics | null;
  readonly connections: number;
  /** Null where nobody counts them: then they are left out, for 0 would be a lie. */
  readonly producerConnections: number | null;
  readonly topicCount: number;
  readonly groupCount: number;
  /** Physical range of the commit log. */
  readonly logMinOffset: number;
  readonly logWrittenOffset: number;
  readonly logFlushedOffset: number;
  /** Age of the oldest message that is kept; null when unknown. */
  readonly reservedMs: number | null;
  readonly transactions: TransactionMetrics;
  readonly heldPulls: number;
  readonly pendingSends: number;
  /** Timed messages: those that wait, how late the oldest due one is, units not seen yet; counters since the start. */
  readonly timers: {
    readonly pending: number;
    readonly lagMs: number;
    readonly behind: number;
    readonly parked: number;
    readonly delivered: number;
    readonly recalled: number;
  };
  /** Refused requests by response code. */
  readonly refusals: readonly { readonly code: number; readonly count: number }[];
  /** Connections closed for breaking the protocol. */
  readonly protocolErrors: number;
  /** Connections closed for the memory that they took, by what it was. */
  readonly crowdedOut: { readonly unread: number; readonly unfinished: number };
  readonly threads: readonly ThreadMetrics[];
  /** Filter plugins, as their supervisor saw them last. */
  readonly plugins: readonly PluginView[];
};
