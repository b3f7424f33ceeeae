/**
 * Disk level: tells the shards, and the operator, when the disk is so full that sends are refused, and when they are taken again. The store
 * actor's. A change is told at several looks, for a shard may have missed it.
 * Source: RocketMQ 5.3 `DefaultMessageStore.CleanCommitLogService.isSpaceToDelete`.
 */
import type { ActorContext } from '../../runtime/actor.ts';
import type { RetentionRules } from './decide-retention.ts';
import type { RetentionResult } from './retention-rounds.ts';

/** Looks at the disk in which a change of its level is told again. */
const TELLS = 3;

export class DiskLevel {
  readonly #path: string;
  readonly #tell: (reason: string) => void;
  #isFull = false;
  /** A former store worker may have told something else. */
  #tells = TELLS;

  /** @param path of the store; @param tell why sends are refused; empty: they are taken */
  constructor(path: string, tell: (reason: string) => void) {
    this.#path = path;
    this.#tell = tell;
  }

  look({ isFull, usedPercent }: RetentionResult, { diskFullPercent, diskForcePercent }: RetentionRules, context: ActorContext): void {
    const path = this.#path;
    if (isFull !== this.#isFull) {
      this.#isFull = isFull;
      this.#tells = TELLS;
      if (isFull) context.log('error', 'the disk is nearly full: sends are refused', { path, usedPercent });
      else context.log('info', 'the disk has room again: sends are taken', { path, usedPercent });
    }
    if (!isFull && this.#tells === 0) return;
    this.#tells = Math.max(0, this.#tells - 1);
    const rule = `diskSpaceWarningLevelRatio is ${diskFullPercent} %`;
    const remedy = `make room, or shorten fileReservedTime; sends go on at ${Math.min(diskFullPercent, diskForcePercent)} %`;
    this.#tell(isFull ? `service not available now: the disk of ${path} is ${usedPercent} % full, ${rule}; ${remedy}` : '');
  }
}
