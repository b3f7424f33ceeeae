/**
 * Puts the registration actor onto a thread with its real connections, and unregisters when that thread is stopped in order.
 */
import { PERM_READ_WRITE } from '../../model/permission.ts';
import type { ActorRef } from '../../runtime/actor.ts';
import type { ThreadContext } from '../../runtime/thread/thread-context.ts';
import { REGISTRATION_PATH } from '../broker/actor-paths.ts';
import type { RegistrationCommand, RegistrationOptions, Unregistered } from './registration-actor.ts';
import { RegistrationActor } from './registration-actor.ts';
import { openTcpClient } from './remoting-client.ts';

/** A stop does not wait longer for name servers. */
const UNREGISTER_MAX_MS = 1_000;

/** Call on the thread where the placement puts the path `registration`, when the broker's address is known. */
export function startRegistration(
  thread: ThreadContext,
  options: Omit<RegistrationOptions, 'open' | 'requestTurn'>,
): ActorRef<RegistrationCommand> {
  const create = (): RegistrationActor =>
    new RegistrationActor({
      ...options,
      // Read at each registration, not once here: it may change.
      get permission() {
        return options.permission ?? PERM_READ_WRITE;
      },
      get listeners() {
        return options.listeners ?? '';
      },
      open: openTcpClient,
      requestTurn: () => thread.requestTurn(),
    });
  thread.spawn(REGISTRATION_PATH, create);
  const registration = thread.ref<RegistrationCommand>(REGISTRATION_PATH);
  thread.onStop(() => unregister(thread, registration));
  return registration;
}

function unregister(thread: ThreadContext, registration: ActorRef<RegistrationCommand>): Promise<void> {
  return new Promise((resolve) => {
    thread.ask<Unregistered, RegistrationCommand>(
      registration,
      (replyTo) => ({ kind: 'unregister', replyTo }),
      UNREGISTER_MAX_MS,
      () => resolve(),
    );
  });
}
