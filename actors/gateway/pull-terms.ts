/**
 * Terms of a pull (pure): how much it may get and how long it may wait, of what it asked for. The same for every way to pull.
 * Source: RocketMQ 5.3 `PullMessageProcessor`, `PullRequestHoldService`.
 */
import { PULL_SUSPEND_FLAG } from '../../model/system-flag.ts';

/** Messages of one answer, whatever was asked for. */
export const MESSAGES_MAX = 8192;
/** Longest hold: clients give up their own request before. */
const HOLD_MS_MAX = 60_000;

/** Changed in place when the settings change. */
export type PullLimits = {
  /** Bytes of one answer, but one message is always given. */
  bytesMax: number;
  /** `enablePropertyFilter`: SQL92 subscriptions are served. */
  propertyFilter: boolean;
  /** Off: a pull that finds nothing waits `shortPollingMs`, whatever it asked for. */
  longPolling: boolean;
  shortPollingMs: number;
};

export function messagesAllowed(asked: number): number {
  return Math.min(Math.max(1, asked), MESSAGES_MAX);
}

/** `asked` of 0 or less: nothing was said. */
export function bytesAllowed(limits: PullLimits, asked: number): number {
  return asked > 0 ? Math.min(asked, limits.bytesMax) : limits.bytesMax;
}

export function holdAllowedMs(limits: PullLimits, sysFlag: number, askedMs: number): number {
  if ((sysFlag & PULL_SUSPEND_FLAG) === 0) return 0;
  return limits.longPolling ? Math.min(Math.max(0, askedMs), HOLD_MS_MAX) : limits.shortPollingMs;
}
