/**
 * What becomes of a send that is not a plain one: delayed by a level, timed, to a group's retry topic, a transaction's half message, or of a
 * kind that is not supported.
 * Pure. Source: RocketMQ 5.3 `SendMessageProcessor.sendMessage`, `handleRetryAndDLQ`.
 */
import { DELAY_TIME_LEVEL, TRANSACTION_PREPARED } from '../../model/message-property.ts';
import { TRANSACTION_COMMIT, TRANSACTION_NONE, transactionType } from '../../model/system-flag.ts';
import { MESSAGE_ILLEGAL, SYSTEM_ERROR } from '../../protocol/remoting/response-code.ts';
import { delayLevelOf } from '../timer/delayed-message.ts';
import { hasTimer, timerWish } from '../timer/timed-message.ts';

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
  readonly now: number;
  readonly timers: TimerLimits;
};

/** Changed in place when the settings change. */
export type TimerLimits = { readonly isEnabled: boolean; readonly maxDelaySec: number };

export type UnusualDecision =
  | { readonly kind: 'refuse'; readonly code: number; readonly remark: string }
  /** To wait for the end of its transaction. */
  | { readonly kind: 'half' }
  /** `delayLevel` 0 and `deliverMs` 0: at once. `isDead`: to the group's dead letters. */
  | {
      readonly kind: 'store';
      readonly delayLevel: number;
      readonly deliverMs: number;
      readonly isDead: boolean;
      readonly properties: ReadonlyMap<string, string>;
    };

const HALF_REMARK =
  'a half message of a transaction cannot have a time of its own; send it without TIMER_ properties, or with a delay level';
const TIMERS_OFF = 'timed messages are not taken: timerWheelEnable is false on this broker; send it without TIMER_ properties';

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
  if (isHalf && level <= 0 && hasTimer(properties)) return { kind: 'refuse', code: MESSAGE_ILLEGAL, remark: HALF_REMARK };
  if (isHalf) return { kind: 'half' };
  const type = transactionType(sysFlag);
  const mayWait = type === TRANSACTION_NONE || type === TRANSACTION_COMMIT;
  const plain = { kind: 'store', delayLevel: 0, deliverMs: 0, isDead, properties } as const;
  if (!mayWait || isDead) return plain;
  if (level > 0) return { ...plain, delayLevel: level };
  const wish = timerWish(properties, send.now, send.timers.maxDelaySec);
  if (wish.kind === 'none') return plain;
  if (!send.timers.isEnabled) return { kind: 'refuse', code: SYSTEM_ERROR, remark: TIMERS_OFF };
  if (wish.kind === 'illegal') return { kind: 'refuse', code: MESSAGE_ILLEGAL, remark: wish.remark };
  return { ...plain, deliverMs: wish.deliverMs };
}

/** Whoever consumes in order holds locks, and has tried as often as it wants to. */
function isOverMax(send: UnusualSend, group: { readonly retryMaxTimes: number; readonly hasLocks: boolean }): boolean {
  const isSaid = send.version >= VERSION_WITH_MAX_RECONSUME_TIMES && send.maxReconsumeTimes !== -1;
  return group.hasLocks || send.reconsumeTimes > (isSaid ? send.maxReconsumeTimes : group.retryMaxTimes);
}
