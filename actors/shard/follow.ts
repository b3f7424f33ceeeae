/**
 * An actor that has to be told of a changed setting: the change counts as made when it has answered, or after the time in which one that is
 * restarted has it anyway.
 */
import type { ActorMessage, ActorRef } from '../../runtime/actor.ts';
import type { ThreadContext } from '../../runtime/thread/thread-context.ts';
import type { Wait } from '../settings/live-config.ts';

/** Longer than name servers may take to be told. */
const FOLLOW_MAX_MS = 4_500;

/** Tells the actor at `path`; `wait` is a listener's (LiveConfig.onChange). */
export function follow<R extends ActorMessage, M extends ActorMessage & { readonly replyTo: ActorRef<R> }>(
  thread: ThreadContext,
  path: string,
  message: Omit<M, 'replyTo'>,
  wait: Wait,
): void {
  thread.ask<R, M>(thread.ref<M>(path), (replyTo) => ({ ...message, replyTo }) as unknown as M, FOLLOW_MAX_MS, wait());
}
