/**
 * Live configuration: the broker's settings as one thread knows them now. One a thread, moved on by the thread's settings actor
 * alone; what works live reads `config` at each use, or listens. Fails by assertion only: values were checked before they came.
 * Source: RocketMQ `Configuration.update`, which sets the fields of objects that every thread reads.
 */
import assert from 'node:assert/strict';
import type { BrokerConfig } from '../broker/broker-config.ts';

/** Gives the word that what a listener began has ended; only those that take time call it. */
export type Wait = () => () => void;
export type ConfigListener = (next: BrokerConfig, previous: BrokerConfig, wait: Wait) => void;

/** The settings whose values fit. */
type SettingOf<V> = { [N in keyof BrokerConfig]: BrokerConfig[N] extends V ? N : never }[keyof BrokerConfig];

/** Settings under the names that a part of the broker has for them, read at each use. */
export function settingsAs<V extends object>(live: LiveConfig, names: { readonly [K in keyof V]: SettingOf<V[K]> }): Readonly<V> {
  const view = {} as V;
  for (const [name, setting] of Object.entries(names) as [string, keyof BrokerConfig][])
    Object.defineProperty(view, name, { enumerable: true, get: () => live.config[setting] });
  return view;
}

export class LiveConfig {
  /** Replaced as a whole: hold no reference to it over a turn. */
  config: BrokerConfig;
  readonly #listeners: ConfigListener[] = [];

  constructor(config: BrokerConfig) {
    this.config = config;
  }

  /** Runs after each change, on this thread. */
  onChange(listener: ConfigListener): void {
    this.#listeners.push(listener);
  }

  /** Takes changed fields; `done` is called when all that listens has followed, maybe during this call. */
  apply(fields: Partial<BrokerConfig>, done: () => void): void {
    const previous = this.config;
    this.config = Object.freeze({ ...previous, ...fields });
    let waiting = 1;
    const ended = (): void => {
      waiting--;
      assert(waiting >= 0, 'A listener ends what it began once');
      if (waiting === 0) done();
    };
    const wait = (): (() => void) => {
      waiting++;
      return ended;
    };
    for (const listener of this.#listeners) listener(this.config, previous, wait);
    ended();
  }
}
