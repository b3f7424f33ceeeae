/**
 * Workload: clients of one kind in a simulated world, and what is checked of them. A world runs several side by side over all of the
 * broker's lives. It keeps what its clients were told, compares what they see with it at once, and everything once more at the end, when
 * the world is healed. It tells `world.problem`; it never throws for what the broker does wrong.
 */
import type { CrashKind } from './scenario.ts';

export type Crash = {
  readonly kind: CrashKind | 'exit';
  readonly atMs: number;
  /** Since when nothing was saved any more: the disk had failed. `atMs` when it had not. */
  readonly fencedAtMs: number;
  /** Everything before this end of the log was synced, by the broker's own word. */
  readonly flushedEnd: number;
  /** What is not synced may be lost: the machine went down. */
  readonly losesUnsynced: boolean;
};

export interface Workload {
  readonly name: string;
  /** Its clients begin; they go on over crashes until `stop`. */
  start(): void;
  /** The broker's process has ended, however. */
  onCrash?(crash: Crash): void;
  /** A thread has ended, and will be replaced. */
  onThreadEnd?(name: string): void;
  /** No further load. */
  stop(): void;
  /** Before this time not everything can be there that was promised; 0: all can. */
  dueAtMs?(): number;
  /** All is healed and the broker serves: looks at everything. */
  verify(): Promise<void>;
}
