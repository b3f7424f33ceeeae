/**
 * Thread tree: the supervisors and threads of one system as their supervisor keeps them, built from the specs. Only what is known of each; who is
 * started and ended, and when, is thread-supervisor.ts.
 */
import type { Restart } from '../actor.ts';
import type { ThreadHandle } from '../machine.ts';
import type { ThreadState } from '../thread/thread-block.ts';
import { HeartbeatWatch } from './heartbeat-watch.ts';
import { RestartBudget } from './restart-budget.ts';
import type { SupervisorSpec, ThreadExit, ThreadExitReason, ThreadSpec } from './thread-spec.ts';

const DEFAULT_HANG_MS = 10_000;
const DEFAULT_CALL_MAX_MS = 120_000;

export interface ThreadNode {
  readonly kind: 'thread';
  readonly spec: ThreadSpec;
  readonly parent: SupervisorNode;
  readonly index: number;
  readonly restart: Restart;
  worker: ThreadHandle | undefined;
  state: ThreadState;
  generation: number;
  /** Why we are ending it; undefined: it ends by itself. */
  ending: 'stop' | 'strategy' | 'hang' | 'terminated' | undefined;
  error: Error | undefined;
  lastExit: ThreadExit | undefined;
  exited: Promise<void>;
  diedMs: number;
  watch: HeartbeatWatch;
  /** The whole stops, and this one's turn has come: it does not start any more. */
  isOver: boolean;
}

export interface SupervisorNode {
  readonly kind: 'supervisor';
  readonly spec: SupervisorSpec;
  readonly parent: SupervisorNode | undefined;
  readonly restart: Restart;
  readonly children: Node[];
  budget: RestartBudget;
  hasGivenUp: boolean;
  /** Grows with each start of the whole, and with each stop. */
  starts: number;
  /** Strategies that touch siblings do one restart at a time. */
  isRestarting: boolean;
  waiting: { child: Node; exit: ThreadExit }[];
}

export type Node = ThreadNode | SupervisorNode;

/** The tree, and all its threads in the order of the specs. @param indexOf a thread's number by its name */
export function buildTree(
  spec: SupervisorSpec,
  indexOf: (name: string) => number,
): { readonly root: SupervisorNode; readonly threads: readonly ThreadNode[] } {
  const threads: ThreadNode[] = [];
  return { root: build(spec, undefined, indexOf, threads), threads };
}

function build(
  spec: SupervisorSpec,
  parent: SupervisorNode | undefined,
  indexOf: (name: string) => number,
  threads: ThreadNode[],
): SupervisorNode {
  const node: SupervisorNode = {
    kind: 'supervisor',
    spec,
    parent,
    restart: spec.restart ?? 'permanent',
    children: [],
    budget: new RestartBudget(spec.intensity, spec.periodMs, spec.backoff),
    hasGivenUp: false,
    starts: 0,
    isRestarting: false,
    waiting: [],
  };
  for (const child of spec.children) {
    if ('children' in child) {
      node.children.push(build(child, node, indexOf, threads));
      continue;
    }
    const thread: ThreadNode = {
      kind: 'thread',
      spec: child,
      parent: node,
      index: indexOf(child.name),
      restart: child.restart ?? 'permanent',
      worker: undefined,
      state: 'down',
      generation: -1,
      ending: undefined,
      error: undefined,
      lastExit: undefined,
      exited: Promise.resolve(),
      diedMs: 0,
      watch: new HeartbeatWatch(0, 0, 0),
      isOver: false,
    };
    threads.push(thread);
    node.children.push(thread);
  }
  return node;
}

export function hangAfterMs(spec: ThreadSpec): number {
  return spec.hangAfterMs ?? DEFAULT_HANG_MS;
}

export function callMaxMs(spec: ThreadSpec): number {
  return spec.callMaxMs ?? DEFAULT_CALL_MAX_MS;
}

/** Why the thread has ended: what its supervisor did counts before what it says itself. */
export function exitReason(node: ThreadNode, exitCode: number): ThreadExitReason {
  if (node.ending === 'hang' || node.ending === 'terminated' || node.ending === 'strategy') return node.ending;
  if ((node.error as { code?: unknown } | undefined)?.code === 'ERR_WORKER_OUT_OF_MEMORY') return 'out-of-memory';
  return node.error === undefined && exitCode === 0 ? 'exit' : 'crash';
}
