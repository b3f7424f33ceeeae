/**
 * Shard counters: what each shard counts, in shared memory, read by the root without a message. Doubles, so that nothing wraps;
 * one writer a block, and a reader may see one number a moment before another.
 */
export const SHARD_COUNTERS = [
  'messagesIn',
  'bytesIn',
  'messagesOut',
  'bytesOut',
  'connections',
  'requests',
  'protocolErrors',
  'slowClosed',
  'unfinishedClosed',
  'unsupported',
  'handlerErrors',
  'heldPulls',
  'pendingSends',
  'coldPulls',
  'laneFullRefusals',
  'topics',
  'groups',
  'pullsFound',
  'pullsMissed',
  'timersPending',
  'timersFirstMs',
  'timersBehind',
  'timersParked',
  'timersDelivered',
  'timersRecalled',
  'halfMessages',
  'halfMessagesSince',
  'transactionsCommitted',
  'transactionsRolledBack',
  'transactionChecks',
  'transactionsGivenUp',
] as const;
export type ShardCounter = (typeof SHARD_COUNTERS)[number];
export type ShardCounts = Record<ShardCounter, number>;

/** 32-bit words of one shard's block. */
export const SHARD_COUNTER_WORDS = SHARD_COUNTERS.length * 2;

export class ShardCounterBlock {
  readonly #values: Float64Array;

  constructor(memory: SharedArrayBuffer, shard: number) {
    this.#values = new Float64Array(memory, shard * SHARD_COUNTER_WORDS * 4, SHARD_COUNTERS.length);
  }

  set(counter: number, value: number): void {
    this.#values[counter] = value;
  }

  read(): ShardCounts {
    const counts = {} as ShardCounts;
    for (let i = 0; i < SHARD_COUNTERS.length; i++) counts[SHARD_COUNTERS[i]!] = this.#values[i]!;
    return counts;
  }
}
