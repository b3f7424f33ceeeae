/**
 * Puts a metrics snapshot together from what the threads count in shared memory. Pure: sums and subtractions; what nobody
 * counts is null.
 */
import type { SystemStats } from '../../runtime/actor-system.ts';
import type { ShardCounts } from '../shard/shard-counters.ts';
import type { BrokerConfig } from './broker-config.ts';
import type { MetricsSnapshot } from './metrics-snapshot.ts';

export type MetricsSources = {
  readonly config: BrokerConfig;
  readonly system: SystemStats;
  /** One a shard. */
  readonly shards: readonly ShardCounts[];
  /** Physical offsets; all 0 for a name server alone. */
  readonly log: { readonly min: number; readonly written: number; readonly flushed: number };
  readonly uptimeMs: number;
  /** Empty when it serves. */
  readonly unhealthyReason: string;
};

const SYSTEM_ERROR = 1;
const SYSTEM_BUSY = 2;
const REQUEST_CODE_NOT_SUPPORTED = 3;

export function takeMetrics(sources: MetricsSources): MetricsSnapshot {
  const { config, system, shards, log } = sources;
  const sum = (pick: (counts: ShardCounts) => number): number => shards.reduce((total, counts) => total + pick(counts), 0);
  // Tables are copied to every shard: the fullest copy has what all will have.
  const most = (pick: (counts: ShardCounts) => number): number => shards.reduce((largest, counts) => Math.max(largest, pick(counts)), 0);
  return {
    cluster: config.brokerClusterName,
    broker: config.brokerEnable ? config.brokerName : 'namesrv',
    healthy: sources.unhealthyReason === '',
    reason: sources.unhealthyReason,
    uptimeMs: sources.uptimeMs,
    messagesIn: sum((counts) => counts.messagesIn),
    messagesOut: sum((counts) => counts.messagesOut),
    bytesIn: sum((counts) => counts.bytesIn),
    bytesOut: sum((counts) => counts.bytesOut),
    topics: [],
    lags: [],
    connections: sum((counts) => counts.connections),
    producerConnections: null,
    consumerConnections: null,
    topicCount: most((counts) => counts.topics),
    groupCount: most((counts) => counts.groups),
    logMinOffset: log.min,
    logWrittenOffset: log.written,
    logFlushedOffset: log.flushed,
    reservedMs: null,
    heldPulls: sum((counts) => counts.heldPulls),
    pendingSends: sum((counts) => counts.pendingSends),
    refusals: [
      { code: SYSTEM_ERROR, count: sum((counts) => counts.handlerErrors) },
      { code: SYSTEM_BUSY, count: sum((counts) => counts.laneFullRefusals) },
      { code: REQUEST_CODE_NOT_SUPPORTED, count: sum((counts) => counts.unsupported) },
    ],
    protocolErrors: sum((counts) => counts.protocolErrors),
    threads: system.threads.map((thread) => ({
      name: thread.name,
      mailboxDepth: thread.mailboxDepth,
      ringFillBytes: thread.ringFill,
      ringFillShare: system.rings.reduce(
        (largest, ring) => (ring.to === thread.name ? Math.max(largest, ring.fill / ring.capacity) : largest),
        0,
      ),
      messages: thread.messages,
      turns: thread.turns,
      busyMs: thread.busyMicroseconds / 1000,
      restarts: thread.restarts,
      deadLetters: thread.deadLetters,
    })),
  };
}
