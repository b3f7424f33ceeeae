/**
 * Watched plugin: what the plugin supervisor knows of one plugin: its file, its versions, how it stands. Decides nothing but what shards and tools
 * are told of it. Pure.
 */
import type { RestartBudget } from '../../runtime/supervision/restart-budget.ts';
import type { ParkPolicy } from './filter-plugin.ts';
import type { ExchangeWatch } from './plugin-exchange.ts';
import type { PluginStanding, PluginView } from './plugin-messages.ts';
import type { PluginWatch } from './plugin-watch.ts';

/** A worker, as the host started it. */
export interface StartedPlugin {
  /** From 1; another one for each worker of the host. */
  readonly generation: number;
  readonly progress: number;
  delayedMs(): number | null;
  end(): void;
}

/** A version of a plugin with its worker. */
export type RunningPlugin = {
  readonly generation: number;
  /** Of what has failed: it is not good again for being loaded. */
  readonly isRestart: boolean;
  readonly started: StartedPlugin;
  readonly watch: PluginWatch;
  /** Why it was ended from here; empty: it was not, or without reproach. */
  why: string;
};

export class WatchedPlugin {
  readonly name: string;
  readonly place: number;
  readonly exchange: ExchangeWatch;
  file = '';
  /** Of the version that was loaded last, or is being loaded. */
  stamp = '';
  state: PluginView['state'] = 'loading';
  generation = 0;
  budget: RestartBudget;
  serving: RunningPlugin | null = null;
  candidate: RunningPlugin | null = null;
  /** They end what they are at. */
  readonly retiring: RunningPlugin[] = [];
  description = '';
  /** Its own policy, before the broker's. */
  whenParked: ParkPolicy | null = null;
  fault = '';
  loads = 0;
  failures = 0;

  constructor(name: string, place: number, exchange: ExchangeWatch, budget: RestartBudget) {
    this.name = name;
    this.place = place;
    this.exchange = exchange;
    this.budget = budget;
  }

  /** @param policy the broker's, for plugins that have none of their own */
  standing(policy: ParkPolicy): PluginStanding {
    switch (this.state) {
      case 'running':
      case 'restarting':
        return 'up';
      case 'loading':
        return this.serving === null ? 'hold' : 'up';
      case 'parked':
      case 'refused':
        return this.whenParked ?? policy;
      case 'gone':
        return 'gone';
    }
  }

  /** @param policy as for `standing` */
  view(policy: ParkPolicy): PluginView {
    const { name: plugin, file, state, description, fault, loads, failures } = this;
    const { judged, passed } = this.exchange;
    return { plugin, file, state, policy: this.whenParked ?? policy, description, fault, loads, failures, judged, passed };
  }
}
