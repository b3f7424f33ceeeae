/**
 * Plugin outboxes: what shards have still to be told of plugins, by shard. A shard whose ring is full is told the rest later: of each plugin what
 * is true then. At most one entry a plugin and shard.
 */
import type { ActorRef } from '../../runtime/actor.ts';
import type { ParkPolicy } from './filter-plugin.ts';
import type { PluginTableCommand } from './plugin-messages.ts';
import type { WatchedPlugin } from './watched-plugin.ts';

type Outbox = { readonly target: ActorRef<PluginTableCommand>; readonly plugins: Set<string>; complete: boolean };

export class PluginOutboxes {
  readonly #outboxes: Map<number, Outbox> = new Map();
  readonly #plugins: ReadonlyMap<string, WatchedPlugin>;
  readonly #policy: ParkPolicy;

  /** @param policy the broker's, for plugins that have none of their own */
  constructor(plugins: ReadonlyMap<string, WatchedPlugin>, policy: ParkPolicy) {
    this.#plugins = plugins;
    this.#policy = policy;
  }

  /** A shard asks for all. */
  ask(shard: number, target: ActorRef<PluginTableCommand>): void {
    this.#outboxes.set(shard, { target, plugins: new Set(this.#plugins.keys()), complete: false });
  }

  /** All are to be told of it. */
  say(plugin: string): void {
    for (const outbox of this.#outboxes.values()) outbox.plugins.add(plugin);
  }

  /**
   * Tells what the rings take. False: the rest is to be told a little later.
   * @param isComplete what the folder held at the start has been loaded or refused
   */
  flush(isComplete: boolean): boolean {
    let isAllTold = true;
    for (const outbox of this.#outboxes.values()) {
      for (const name of outbox.plugins) {
        const plugin = this.#plugins.get(name)!;
        const standing = plugin.standing(this.#policy);
        if (!outbox.target.tell({ kind: 'plugin-state', plugin: name, place: plugin.place, standing })) break;
        outbox.plugins.delete(name);
      }
      if (outbox.plugins.size === 0 && isComplete && !outbox.complete) {
        outbox.complete = outbox.target.tell({ kind: 'plugins-complete' });
        if (!outbox.complete) isAllTold = false;
      }
      if (outbox.plugins.size > 0) isAllTold = false;
    }
    return isAllTold;
  }
}
