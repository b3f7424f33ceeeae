/**
 * Which offsets a tool may set, and which of them the clients are told when they do it themselves. Pure.
 * Source: RocketMQ 5.3 `AdminBrokerProcessor.resetOffsetInner`, `Broker2Client.resetOffset`.
 */
import type { Refusal } from './group-limits.ts';

const SYSTEM_ERROR = 1;

/** Null for an offset within the queue, its end included; Java allows one beyond that, at which nothing can ever be pulled. */
export function resetRefusal(offset: number, min: number, max: number): Refusal | null {
  if (offset >= min && offset <= max) return null;
  return { code: SYSTEM_ERROR, remark: `Target offset ${offset} not in consume queue range [${min}-${max}]` };
}

/**
 * What clients are told of each queue: without force none goes ahead, for what lies between would never be consumed.
 * @param committed the group's offsets by queue. Gives null when it has none in one of the queues: clients start by their own rule there.
 */
export function clientOffsets(
  wanted: readonly number[],
  committed: ReadonlyMap<number, number> | undefined,
  isForce: boolean,
): number[] | null {
  const offsets: number[] = [];
  for (const [queueId, offset] of wanted.entries()) {
    const current = committed?.get(queueId);
    if (current === undefined) return null;
    offsets.push(isForce || offset < current ? offset : current);
  }
  return offsets;
}
