/**
 * What the settings say about timed messages, as they are at each look.
 */
import type { LiveConfig } from '../settings/live-config.ts';

export type LiveTimerLimits = {
  readonly isEnabled: boolean;
  readonly maxDelaySec: number;
  readonly isRecallEnabled: boolean;
  /** The longest that one record of a timed message waits. */
  readonly rollAfterMs: number;
  readonly laneWaitMs: number;
  readonly answerMs: number;
};

const HOUR_MS = 3_600_000;

/** @param answerMs how long the log's word is waited for */
export function timerLimits(live: LiveConfig, answerMs: () => number): LiveTimerLimits {
  return {
    get isEnabled() {
      return live.config.timerWheelEnable;
    },
    get maxDelaySec() {
      return live.config.timerMaxDelaySec;
    },
    get isRecallEnabled() {
      return live.config.recallEnable;
    },
    get rollAfterMs() {
      // A segment may go so many hours after its last change: a record is stored anew long before.
      return Math.min(live.config.timerRollWindowSeconds * 1000, (live.config.reservedHours * HOUR_MS) / 2);
    },
    get laneWaitMs() {
      return live.config.laneWaitMs;
    },
    get answerMs() {
      return answerMs();
    },
  };
}
