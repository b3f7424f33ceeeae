/**
 * The runtime's public API by name: actors on worker threads, rings of shared memory between them. Knows nothing of any broker.
 */
export type {
  Actor,
  ActorContext,
  ActorMessage,
  ActorRef,
  ChildSpec,
  LogLevel,
  Restart,
  RestartStrategy,
  TimerId,
} from './actor.ts';
export {
  ActorSystem,
  type ActorSystemOptions,
  type Log,
  ROOT_NAME,
} from './actor-system.ts';
export { type Clock, systemClock, VirtualClock } from './clock.ts';
export { type ControlApi, exposeControl, type Remote } from './control-link.ts';
export type { DeadLetter, DeadLetterReason } from './dead-letters.ts';
export { RuntimeError, type RuntimeErrorCode } from './errors.ts';
export { Jobs, type JobsOptions, type RunJobOptions } from './jobs.ts';
export { type Random, SeededRandom, systemRandom } from './random.ts';
export { type RecordSink, RingReader, RingWriter } from './ring/ring-buffer.ts';
export { createRing, recordBytesMax } from './ring/ring-layout.ts';
export { type Probe, type SimulatedLog, Simulation, type SimulationOptions } from './simulation.ts';
export type { Supervising, Supervision } from './supervision/child-spec.ts';
export type { Backoff } from './supervision/restart-budget.ts';
export { Supervisor, type SupervisorOptions } from './supervision/supervisor.ts';
export type {
  SupervisorSpec,
  ThreadEvent,
  ThreadExit,
  ThreadExitReason,
  ThreadSpec,
} from './supervision/thread-spec.ts';
export { type PlacementRule, stableHash } from './thread/placement.ts';
export type {
  Activator,
  LoopKind,
  PollSource,
  RecordHandler,
  ThreadContext,
  ThreadModule,
} from './thread/thread-context.ts';
export type { SystemStats, ThreadStats } from './thread/thread-stats.ts';
export { TimerWheel } from './timer-wheel.ts';
