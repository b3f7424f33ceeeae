/**
 * Settings actor: brings changed settings to what uses them on its thread. One on each thread that has such, at
 * `<thread>/settings`. It is told the same changes again when its answer did not come in time, which changes nothing twice.
 * Fails by assertion only; the settings outlive it in the thread's live configuration.
 */
import type { Actor, ActorRef } from '../../runtime/actor.ts';
import type { ThreadContext } from '../../runtime/thread/thread-context.ts';
import { settingsPath } from '../broker/actor-paths.ts';
import type { BrokerConfig } from '../broker/broker-config.ts';
import { LiveConfig } from './live-config.ts';

/**
 * All fields of the configuration that have changed since the process began, as they are now: a JSON object. Values and not texts, so
 * that no thread but the root has to have the table of settings.
 */
export type ApplySettings = { kind: 'apply-settings'; fields: string; replyTo: ActorRef<SettingsApplied> };
/** Everything on that thread works by them. */
export type SettingsApplied = { kind: 'settings-applied' };

export class SettingsActor implements Actor<ApplySettings> {
  readonly #live: LiveConfig;

  constructor(live: LiveConfig) {
    this.#live = live;
  }

  receive({ fields, replyTo }: ApplySettings): void {
    this.#live.apply(JSON.parse(fields) as Partial<BrokerConfig>, () => void replyTo.tell({ kind: 'settings-applied' }));
  }
}

/** Puts the actor onto a thread; gives the settings that it keeps up to date. */
export function startSettings(thread: ThreadContext, config: BrokerConfig): LiveConfig {
  const live = new LiveConfig(config);
  thread.spawn(settingsPath(thread.name), () => new SettingsActor(live));
  return live;
}
