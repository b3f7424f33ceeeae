/**
 * Figures of one shard: what its parts count, put into the block of shared counters at the end of each turn, from where metrics read them. The block
 * outlives the thread.
 */
import type { ThreadContext } from '../../runtime/thread/thread-context.ts';
import type { BrokerMemory } from '../broker/broker-memory.ts';
import type { RemotingGateway } from '../gateway/remoting-gateway.ts';
import type { WheelCounts } from '../timer/wheel-counts.ts';
import type { TransactionFigures } from '../transaction/transaction-messages.ts';
import { SHARD_COUNTERS, type ShardCounter, ShardCounterBlock } from './shard-counters.ts';
import type { ShardPulls } from './shard-pulls.ts';
import type { ShardSends } from './shard-sends.ts';

export type CountedParts = {
  readonly gateway: RemotingGateway;
  readonly sends: ShardSends;
  readonly pulls: ShardPulls;
  readonly popped: { readonly messagesOut: number; readonly bytesOut: number };
  readonly topics: { readonly size: number };
  readonly groups: { readonly size: number };
  readonly timers: WheelCounts;
  readonly transactions: TransactionFigures;
};

export function showFigures(thread: ThreadContext, memory: BrokerMemory, index: number, parts: CountedParts): void {
  const { gateway, popped, topics, groups, timers, transactions } = parts;
  const { path: send, append, lane } = parts.sends;
  const { path: pull } = parts.pulls;
  const block = new ShardCounterBlock(memory.counters, index);
  const sources: Record<ShardCounter, () => number> = {
    messagesIn: () => send.messages + append.messages,
    bytesIn: () => send.bytes + append.bytes,
    messagesOut: () => pull.counters.messagesOut + popped.messagesOut,
    bytesOut: () => pull.counters.bytesOut + popped.bytesOut,
    connections: () => gateway.counters.connections,
    requests: () => gateway.counters.requests,
    protocolErrors: () => gateway.counters.protocolErrors,
    slowClosed: () => gateway.counters.slowClosed,
    unfinishedClosed: () => gateway.input.closed,
    unsupported: () => gateway.counters.unsupported,
    handlerErrors: () => gateway.counters.handlerErrors,
    heldPulls: () => pull.held,
    pendingSends: () => lane.pending,
    coldPulls: () => pull.counters.coldPulls,
    pullsFound: () => pull.counters.pullsFound,
    pullsMissed: () => pull.counters.pullsMissed,
    laneFullRefusals: () => send.laneFullRefusals,
    topics: () => topics.size,
    groups: () => groups.size,
    timersPending: () => timers.pending,
    timersFirstMs: () => timers.firstMs,
    timersBehind: () => timers.behind,
    timersParked: () => timers.parked,
    timersDelivered: () => timers.delivered,
    timersRecalled: () => timers.recalled,
    halfMessages: () => transactions.pending,
    halfMessagesSince: () => transactions.oldestSince,
    transactionsCommitted: () => transactions.committed,
    transactionsRolledBack: () => transactions.rolledBack,
    transactionChecks: () => transactions.checks,
    transactionsGivenUp: () => transactions.givenUp,
  };
  const readers = SHARD_COUNTERS.map((name) => sources[name]);
  thread.addTurnEnd(() => {
    for (let i = 0; i < readers.length; i++) block.set(i, readers[i]!());
  });
}
