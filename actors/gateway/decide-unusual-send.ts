/**
 * What becomes of a send that is not a plain one: delayed by a level, to a group's retry topic, a transaction's half message, or of a kind
 * that is not supported.
 * Pure. Source: RocketMQ 5.3 `SendMessageProcessor.sendMessage`, `handleRetryAndDLQ`.
 */
import { DELAY_TIME_LEVEL, TRANSACTION_PREPARED } from '../../model/message-property.ts';
import { TRANSACTION_COMMIT, TRANSACTION_NONE, transactionType } from '../../model/system-flag.ts';
import { MESSAGE_ILLEGAL, SYSTEM_ERROR } from '../../protocol/remoting/response-code.ts';
import { delayLevelOf, hasTimer } from '../timer/delayed-message.ts';

/** Clients from 3.4.9 on say themselves how often a message is tried. */
export const VERSION_WITH_MAX_RECONSUME_TIMES = 121;

export type UnusualSend = {
  /** As the client sent them. */
  readonly properties: ReadonlyMap<string, string>;
  readonly sysFlag: number;
  readonly reconsumeTimes: number;
  /** −1: not sent. */
  readonly maxReconsumeTimes: number;
  /** The client's. */
  readonly version: number;
  /** Null: not to a retry topic. */
  readonly group: { readonly retryMaxTimes: number; readonly hasLocks: boolean } | null;
};

export type UnusualDecision =
  | { readonly kind: 'refuse'; readonly code: number; readonly remark: string }
  /** To wait for the end of its transaction. */
  | { readonly kind: 'half' }
  /** `delayLevel` 0: at once. `isDead`: to the group's dead letters. */
  | { readonly kind: 'store'; readonly delayLevel: number; readonly isDead: boolean; readonly properties: ReadonlyMap<string, string> };

const KIND_REMARK = 'timed messages are not supported yet; send it without TIMER_';

export function decideUnusualSend(send: UnusualSend): UnusualDecision {
  const { sysFlag, reconsumeTimes, group } = send;
  let { properties } = send;
  const isDead = group !== null && isOverMax(send, group);
  if (isDead) properties = new Map(properties).set(DELAY_TIME_LEVEL, '-1');
  const level = delayLevelOf(properties);
  if (level === null) {
    const shown = JSON.stringify(properties.get(DELAY_TIME_LEVEL)!.slice(0, 32));
    return {
      kind: 'refuse',
      code: SYSTEM_ERROR,
      remark: `the property DELAY is ${shown}, a delay level is an integer; send 1 or more, or none`,
    };
  }
  const isRetried = reconsumeTimes > 0 && level > 0;
  const isHalf = properties.get(TRANSACTION_PREPARED)?.toLowerCase() === 'true' && !isRetried;
  if (level <= 0 && hasTimer(properties)) return { kind: 'refuse', code: MESSAGE_ILLEGAL, remark: KIND_REMARK };
  if (isHalf) return { kind: 'half' };
  const type = transactionType(sysFlag);
  const mayWait = type === TRANSACTION_NONE || type === TRANSACTION_COMMIT;
  return { kind: 'store', delayLevel: mayWait ? Math.max(0, level) : 0, isDead, properties };
}

/** Whoever consumes in order holds locks, and has tried as often as it wants to. */
function isOverMax(send: UnusualSend, group: { readonly retryMaxTimes: number; readonly hasLocks: boolean }): boolean {
  const isSaid = send.version >= VERSION_WITH_MAX_RECONSUME_TIMES && send.maxReconsumeTimes !== -1;
  return group.hasLocks || send.reconsumeTimes > (isSaid ? send.maxReconsumeTimes : group.retryMaxTimes);
}
