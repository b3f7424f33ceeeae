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

/** All settings that have changed since the process began: value `values[i]`, as text, for key `keys[i]`. */
export type ApplySettings = { kind: 'apply-settings'; keys: string[]; values: string[]; replyTo: ActorRef<SettingsApplied> };
/** Everything on that thread works by them. */
export type SettingsApplied = { kind: 'settings-applied' };

export class SettingsActor implements Actor<ApplySettings> {
  readonly #live: LiveConfig;

  constructor(live: LiveConfig) {
    this.#live = live;
  }

  receive({ keys, values, replyTo }: ApplySettings): void {
    const changes = keys.map((key, i) => ({ key, value: values[i]! }));
    this.#live.apply(changes, () => void replyTo.tell({ kind: 'settings-applied' }));
  }
}

/** Puts the actor onto a thread; gives the settings that it keeps up to date. */
export function startSettings(thread: ThreadContext, config: BrokerConfig): LiveConfig {
  const live = new LiveConfig(config);
  thread.spawn(settingsPath(thread.name), () => new SettingsActor(live));
  return live;
}
