/**
 * Supervisor actor: owns its children and nothing else; starts them in order when it starts, and they are restarted by its strategy.
 * Fails when its children failed more often than its intensity allows: then its own supervisor decides.
 * Source: OTP `supervisor`.
 */
import type { Actor, ActorContext, ActorMessage, ChildSpec } from '../actor.ts';
import type { Supervising, Supervision } from './child-spec.ts';

export interface SupervisorOptions extends Supervision {
  readonly children: readonly ChildSpec[];
}

export class Supervisor implements Actor<ActorMessage>, Supervising {
  readonly supervision: Supervision;
  readonly #children: readonly ChildSpec[];

  constructor(options: SupervisorOptions) {
    this.supervision = options;
    this.#children = options.children;
  }

  started(context: ActorContext): void {
    for (const child of this.#children) context.spawn(child);
  }

  receive(message: ActorMessage, context: ActorContext): void {
    context.log('warn', 'a supervisor takes no messages', { path: context.path, kind: message.kind });
  }
}
