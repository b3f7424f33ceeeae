/**
 * Metrics source: puts a snapshot together from shared counters on the root: no thread is asked, no hot path pays.
 */
import type { ActorSystem } from '../../runtime/actor-system.ts';
import { FLUSHED_END, Watermarks, WRITTEN_END } from '../commit-log/watermarks.ts';
import type { PluginView } from '../filter/plugin-messages.ts';
import { type ShardCounter, ShardCounterBlock } from '../shard/shard-counters.ts';
import type { BrokerConfig } from './broker-config.ts';
import type { BrokerMemory } from './broker-memory.ts';
import type { MetricsSnapshot } from './metrics-snapshot.ts';

export class MetricsSource {
  readonly #config: BrokerConfig;
  readonly #system: ActorSystem;
  readonly #marks: Watermarks | null;
  readonly #blocks: readonly ShardCounterBlock[];
  readonly #plugins: readonly PluginView[];
  readonly #health: () => string;
  readonly #startedAt: number;

  /** @param health '' when the broker may be sent traffic, else why not */
  constructor(
    config: BrokerConfig,
    system: ActorSystem,
    memory: BrokerMemory | null,
    plugins: readonly PluginView[],
    health: () => string,
  ) {
    this.#config = config;
    this.#system = system;
    this.#marks = memory === null ? null : new Watermarks(memory.marks);
    this.#blocks = memory === null ? [] : memory.lanes.map((_, producer) => new ShardCounterBlock(memory.counters, producer));
    this.#plugins = plugins;
    this.#health = health;
    this.#startedAt = system.context.monotonicMs();
  }

  snapshot(): MetricsSnapshot {
    const counts = this.#blocks.map((block) => block.read());
    const sum = (name: ShardCounter): number => counts.reduce((total, shard) => total + shard[name], 0);
    const first = (name: ShardCounter): number => counts[0]?.[name] ?? 0;
    const firstMs = first('timersFirstMs');
    const reason = this.#health();
    const stats = this.#system.stats();
    const written = this.#marks?.read(WRITTEN_END) ?? 0;
    return {
      cluster: this.#config.brokerClusterName,
      broker: this.#config.brokerName,
      healthy: reason === '',
      reason,
      uptimeMs: this.#system.context.monotonicMs() - this.#startedAt,
      messagesIn: sum('messagesIn'),
      messagesOut: sum('messagesOut'),
      bytesIn: sum('bytesIn'),
      bytesOut: sum('bytesOut'),
      topics: [],
      groups: null,
      connections: sum('connections'),
      producerConnections: null,
      topicCount: first('topics'),
      groupCount: first('groups'),
      logMinOffset: 0,
      logWrittenOffset: written,
      logFlushedOffset: this.#marks?.read(FLUSHED_END) ?? 0,
      reservedMs: null,
      transactions: {
        open: first('halfMessages'),
        oldestMs: first('halfMessagesSince') === 0 ? null : Math.max(0, this.#system.context.now() - first('halfMessagesSince')),
        committed: first('transactionsCommitted'),
        rolledBack: first('transactionsRolledBack'),
        checks: first('transactionChecks'),
        givenUp: first('transactionsGivenUp'),
      },
      heldPulls: sum('heldPulls'),
      pendingSends: sum('pendingSends'),
      timers: {
        pending: first('timersPending'),
        lagMs: firstMs === 0 ? 0 : Math.max(0, this.#system.context.now() - firstMs),
        behind: first('timersBehind'),
        parked: first('timersParked'),
        delivered: first('timersDelivered'),
        recalled: first('timersRecalled'),
      },
      refusals: [
        { code: 2, count: sum('laneFullRefusals') },
        { code: 3, count: sum('unsupported') },
      ],
      protocolErrors: sum('protocolErrors'),
      crowdedOut: { unread: sum('slowClosed'), unfinished: sum('unfinishedClosed') },
      plugins: [...this.#plugins],
      threads: stats.threads.map((thread) => ({
        name: thread.name,
        mailboxDepth: thread.mailboxDepth,
        ringFillBytes: thread.ringFill,
        ringFillShare: Math.max(0, ...stats.rings.filter((ring) => ring.to === thread.name).map((ring) => ring.fill / ring.capacity)),
        messages: thread.messages,
        turns: thread.turns,
        busyMs: thread.busyMicroseconds / 1000,
        restarts: thread.restarts,
        deadLetters: thread.deadLetters,
      })),
    };
  }
}

/** Room of a ring between two threads: registrations with many topics cross them. */
export const RING_BYTES = 1024 * 1024;
