/** What the application's thread and the cluster's root thread say to each other, by the worker's port. Plain data. */
import type { LogLevel } from '../../runtime/actor.ts';
import type { MetricsSnapshot } from '../broker/metrics-snapshot.ts';
import type { BrokerFault, GuestInvitation } from '../broker/running-broker.ts';
import type { ErrorInWords } from './errors.ts';

/** What becomes of the cluster, or of a node. */
export type ClusterAction = { readonly action: 'start' } | { readonly action: 'stop' } | NodeAction;

/** `node`: its place in the plan. */
export type NodeAction =
  | { readonly action: 'stop-node'; readonly node: number }
  | { readonly action: 'kill-node'; readonly node: number }
  | { readonly action: 'restart-node'; readonly node: number }
  | { readonly action: 'end-thread'; readonly node: number; readonly thread: string }
  | { readonly action: 'metrics'; readonly node: number }
  /** The application's thread wants to join the node as its guest; `left`: it has gone again. */
  | { readonly action: 'join'; readonly node: number }
  | { readonly action: 'left'; readonly node: number };

/** Application → root. */
export type ClusterRequest = ClusterAction & { readonly id: number };

/** Root → application: `done` and `failed` answer the request of their id. */
export type ClusterWord =
  | { readonly word: 'done'; readonly id: number; readonly value: ClusterValue }
  | { readonly word: 'failed'; readonly id: number; readonly error: ErrorInWords }
  | { readonly word: 'log'; readonly level: LogLevel; readonly text: string; readonly fields: Record<string, unknown> | undefined }
  /** The node ends: its guest is to leave, and to say `left`. */
  | { readonly word: 'leave'; readonly node: number; readonly isOrderly: boolean; readonly reason: string }
  | { readonly word: 'fault'; readonly node: string; readonly kind: BrokerFault['kind']; readonly error: ErrorInWords };

/** `start` gives the nodes' addresses, in the plan's order; `metrics` a snapshot, `join` an invitation; the others nothing. */
export type ClusterValue = readonly string[] | MetricsSnapshot | GuestInvitation | null;
