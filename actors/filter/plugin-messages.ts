/** What the plugin supervisor, the shards and the workers' host tell each other. Types only. */
import type { ActorRef } from '../../runtime/actor.ts';
import type { ParkPolicy } from './filter-plugin.ts';

/** `up`: batches are judged, now or when its worker is back. Parked: all `pass`, or all `hold`. */
export type PluginStanding = 'up' | 'pass' | 'hold' | 'gone';

/** Supervisor → shard. */
export type PluginState = {
  readonly kind: 'plugin-state';
  readonly plugin: string;
  readonly place: number;
  readonly standing: PluginStanding;
};
/** Supervisor → shard: all plugins that the folder held at the start have been told of. */
export type PluginsComplete = { readonly kind: 'plugins-complete' };
export type PluginTableCommand = PluginState | PluginsComplete;

/** Shard → supervisor: tell me all. */
export type AskPlugins = { readonly kind: 'ask-plugins'; readonly shard: number; readonly replyTo: ActorRef<PluginTableCommand> };
/** Shard → supervisor: there is work for workers that nobody watches. */
export type WatchPlugins = { readonly kind: 'watch-plugins' };

/** Host → supervisor. `faults`: what lies in the folder and cannot be a plugin; `error`: the folder could not be read. */
export type FolderRead = {
  readonly kind: 'folder-read';
  readonly isThere: boolean;
  readonly names: readonly string[];
  readonly files: readonly string[];
  readonly stamps: readonly string[];
  readonly faults: readonly string[];
  readonly error: string;
};
export type PluginLoadEnded = {
  readonly kind: 'plugin-load-ended';
  readonly plugin: string;
  readonly generation: number;
  /** Empty: it is ready to serve. */
  readonly fault: string;
  readonly description: string;
  readonly whenParked: ParkPolicy | null;
};
export type PluginExited = { readonly kind: 'plugin-exited'; readonly plugin: string; readonly generation: number; readonly fault: string };

export type PluginSupervisorCommand = AskPlugins | WatchPlugins | FolderRead | PluginLoadEnded | PluginExited;

export const PLUGINS_PATH = 'root/plugins';

/** A shard's actor that is told of plugins. */
export function pluginTablePath(shard: string): string {
  return `${shard}/plugins`;
}

/** What tools show of a plugin. */
export type PluginView = {
  readonly plugin: string;
  readonly file: string;
  /** `refused`: no version of it has ever been loaded. */
  readonly state: 'loading' | 'running' | 'restarting' | 'parked' | 'refused' | 'gone';
  readonly policy: ParkPolicy;
  readonly description: string;
  /** The last one; empty: none since its file was replaced. */
  readonly fault: string;
  /** Versions loaded, and workers that failed, since the broker's start. */
  readonly loads: number;
  readonly failures: number;
  readonly judged: number;
  readonly passed: number;
};
