/**
 * What a round of checks does with a half message: nothing yet, ask its producer group once more, or give it up. Pure.
 * Source: RocketMQ 5.4 `TransactionalMessageServiceImpl.check`, `needDiscard`, `needSkip`. Unlike there the age of a half message is that
 * by the broker's clock, so that a client whose clock is wrong is neither asked at once nor never.
 */
import type { MessageRecord } from '../../model/message-record.ts';
import { checkTimes, immunityOf, type Properties, waitsSince } from './half-message.ts';

export type CheckRules = {
  readonly timeoutMs: number;
  readonly checksMax: number;
  /** A half message that waits for longer is about to be removed with its part of the log. */
  readonly keptMs: number;
};

export type CheckDecision =
  | { readonly kind: 'wait' }
  /** For the `times`-th time. */
  | { readonly kind: 'ask'; readonly times: number }
  | { readonly kind: 'give-up' };

export function decideCheck(
  half: Pick<MessageRecord, 'bornTimestamp' | 'storeTimestamp'>,
  properties: Properties,
  rules: CheckRules,
  now: number,
): CheckDecision {
  const times = checkTimes(properties);
  if (times >= rules.checksMax) return { kind: 'give-up' };
  const waitedMs = now - waitsSince(half, properties);
  if (waitedMs > rules.keptMs) return { kind: 'give-up' };
  if (waitedMs <= immunityOf(properties, rules.timeoutMs).ms && times === 0) return { kind: 'wait' };
  return { kind: 'ask', times: times + 1 };
}
