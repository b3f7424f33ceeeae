/**
 * What an actor may know: the words that every actor and every reference in the system speaks.
 * No thread, ring or socket shows here, so that the same class runs in production and in simulation.
 */

/**
 * A message is flat: numbers, strings, booleans, bigint, null, Uint8Array, ActorRef, and arrays or plain records of those.
 * It must fit one ring record when it crosses threads. `kind` tells the members of an actor's union apart.
 */
export type ActorMessage = { readonly kind: string };

/** Where messages are told; the same on every thread. Two refs of one path are the same actor. */
export interface ActorRef<in M extends ActorMessage> {
  readonly path: string;
  /** Never blocks and never throws. False: the mailbox or the ring to its thread is full, and the message went nowhere. */
  tell(message: M): boolean;
}

/** What runs. `receive` never awaits; an answer is another message. A throw is a bug: the supervisor decides. */
export interface Actor<in M extends ActorMessage> {
  receive(message: M, context: ActorContext): void;
  /** After creation and after each restart, before the first message. */
  started?(context: ActorContext): void;
  /** Before the actor goes: by stop, by restart, with its thread. */
  stopped?(context: ActorContext): void;
}

/** Handle of a scheduled message. */
export type TimerId = number;

export type LogLevel = 'debug' | 'info' | 'warn' | 'error';

/** The effects an actor has. */
export interface ActorContext {
  readonly path: string;
  readonly self: ActorRef<never>;
  /** Wall-clock milliseconds from the system's clock (virtual in simulation). */
  now(): number;
  /** Milliseconds that never go back; for time-outs. */
  monotonicMs(): number;
  /** From the system's random source: [0, 1). */
  random(): number;
  /** A reference by path; the actor need not exist yet. */
  ref<M extends ActorMessage>(path: string): ActorRef<M>;
  /** Sends `message` to self after `delayMs`. */
  schedule(delayMs: number, message: ActorMessage): TimerId;
  cancel(timer: TimerId): void;
  /**
   * Asks `target` with a message built around a reply reference, and tells self what `toSelf` makes of the reply, or of
   * `undefined` after `timeoutMs` or when the target's mailbox is full.
   */
  ask<R extends ActorMessage, M extends ActorMessage>(
    target: ActorRef<M>,
    build: (replyTo: ActorRef<R>) => M,
    timeoutMs: number,
    toSelf: (reply: R | undefined) => ActorMessage,
  ): void;
  /** Starts a child under this actor's supervision; its path is `${path}/${id}`. */
  spawn(child: ChildSpec): ActorRef<ActorMessage>;
  /** Stops a child, or self without an argument. */
  stop(child?: ActorRef<never>): void;
  /** Tells self `message` once when the actor at `target` has stopped or died for good, or its thread died. */
  watch(target: ActorRef<never>, message: ActorMessage): void;
  log(level: LogLevel, text: string, fields?: Record<string, unknown>): void;
}

/** When a child is started again: always, only after a failure, never (as in OTP). */
export type Restart = 'permanent' | 'transient' | 'temporary';

/** Who restarts with a failed child: it alone, all children, or it and those started after it (as in OTP). */
export type RestartStrategy = 'one-for-one' | 'one-for-all' | 'rest-for-one';

/** How to build a child. `create` runs on the thread that hosts the parent. */
export interface ChildSpec {
  readonly id: string;
  readonly create: () => Actor<never>;
  /** default 'permanent' */
  readonly restart?: Restart;
  /** Messages that may wait; one more is refused (`tell` gives false). Default 1024. */
  readonly mailboxMax?: number;
}
