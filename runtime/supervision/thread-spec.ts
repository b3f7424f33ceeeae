/**
 * What a system is told of its threads, and what it tells of them.
 */
import type { ResourceLimits } from 'node:worker_threads';
import type { Restart, RestartStrategy } from '../actor.ts';
import type { LoopKind } from '../thread/thread-context.ts';
import type { Backoff } from './restart-budget.ts';

export interface ThreadSpec {
  readonly name: string;
  readonly group?: string;
  readonly loop: LoopKind;
  /** Exports `main(thread, data)`: see ThreadModule. */
  readonly module: URL;
  /** The module is the worker's entry and runs itself by `runThread`: one file to load where it was joined with the runtime. */
  readonly isWhole?: boolean;
  /** Started only when the first record or wake-up is for it: for a thread that an idle system needs not. Its start cannot fail `start`. */
  readonly startWhenUsed?: boolean;
  /** Cloned to the worker; SharedArrayBuffers are shared. */
  readonly data?: unknown;
  /** Default 'permanent'. */
  readonly restart?: Restart;
  /** What others have to leave behind goes through it: it is replaced during a stop too, until its own turn to stop comes. */
  readonly isNeededToStop?: boolean;
  readonly resourceLimits?: ResourceLimits;
  /**
   * The thread calls V8's builtins where they are instead of mapping them again near its own code: 2 MB less, up to 10 % more CPU where they are
   * hot. Kept by a flag of the process that V8 reads when the thread begins to run: lean threads start apart from others (`startTogether`).
   * Absent: the flag is left as it is, for the process may be somebody else's.
   */
  readonly isLean?: boolean;
  /** Without a heartbeat for this long, by the supervisor's own ticks, the thread is ended as hung. Default 10 000; Infinity: never. */
  readonly hangAfterMs?: number;
  /** A call (enterCall … leaveCall) that lasts longer is reported, once: a thread in a system call cannot be ended. Default 120 000. */
  readonly callMaxMs?: number;
  /** What an orderly stop may take before the thread is ended. Default 10 000. */
  readonly stopMaxMs?: number;
  /** On the root, awaited before the replacement starts. A rejection fails the supervisor. */
  readonly beforeRestart?: (exit: ThreadExit) => void | Promise<void>;
}

export interface SupervisorSpec {
  readonly id: string;
  readonly strategy: RestartStrategy;
  /** Restarts allowed within `periodMs`. */
  readonly intensity: number;
  readonly periodMs: number;
  readonly backoff?: Backoff;
  /** Starts all children at once instead of one after the other. */
  readonly startTogether?: boolean;
  readonly restart?: Restart;
  readonly children: readonly (ThreadSpec | SupervisorSpec)[];
}

/** Why a thread ended. `strategy`: stopped because a sibling failed. */
export type ThreadExitReason = 'crash' | 'exit' | 'out-of-memory' | 'hang' | 'terminated' | 'strategy';

export interface ThreadExit {
  readonly thread: string;
  readonly index: number;
  readonly generation: number;
  readonly reason: ThreadExitReason;
  readonly exitCode: number;
  readonly error: Error | undefined;
}

interface ThreadEventBase {
  readonly thread: string;
  readonly index: number;
  readonly generation: number;
}

export type ThreadEvent = ThreadEventBase &
  (
    | { readonly kind: 'started' }
    | { readonly kind: 'died'; readonly exit: ThreadExit }
    /** `tookMs` since the death, back-off and hook included. */
    | { readonly kind: 'restarted'; readonly tookMs: number }
    | { readonly kind: 'report'; readonly event: string; readonly detail: Record<string, string | number | boolean> }
    | { readonly kind: 'stuck-in-call'; readonly callMs: number }
  );

/** All threads of a tree in order of start. */
export function threadsOfSpec(spec: SupervisorSpec): ThreadSpec[] {
  return spec.children.flatMap((child) => ('children' in child ? threadsOfSpec(child) : [child]));
}
