/**
 * Plugin-table actor: brings a shard's plugin door what the plugin supervisor says. One a shard. It asks for everything when it starts, often
 * until all plugins of the broker's start have been told of, then now and then.
 */
import type { Actor, ActorContext, ActorRef } from '../../runtime/actor.ts';
import type { ThreadContext } from '../../runtime/thread/thread-context.ts';
import { PluginDoor } from './plugin-door.ts';
import type { ExchangeMemory } from './plugin-exchange.ts';
import { type AskPlugins, PLUGINS_PATH, type PluginTableCommand, pluginTablePath } from './plugin-messages.ts';

type AskAgain = { readonly kind: 'ask-again' };

/** The supervisor answers at once, but for what it is loading. */
const ASK_AGAIN_MS = 1_000;
/** A supervisor that was restarted has forgotten whom to tell. */
const ASK_LATER_MS = 30_000;

/** A shard's door to the plugins; without exchanges there are none. */
export function startPlugins(thread: ThreadContext, shard: number, exchanges: readonly ExchangeMemory[]): PluginDoor {
  const door = new PluginDoor(thread, shard, exchanges);
  if (exchanges.length === 0) door.complete = true;
  else thread.spawn(pluginTablePath(thread.name), () => new PluginTableActor(door, shard));
  return door;
}

export class PluginTableActor implements Actor<PluginTableCommand | AskAgain> {
  readonly #door: PluginDoor;
  readonly #shard: number;

  constructor(door: PluginDoor, shard: number) {
    this.#door = door;
    this.#shard = shard;
  }

  started(context: ActorContext): void {
    this.#ask(context);
  }

  receive(message: PluginTableCommand | AskAgain, context: ActorContext): void {
    switch (message.kind) {
      case 'plugin-state':
        this.#door.set(message);
        return;
      case 'plugins-complete':
        this.#door.complete = true;
        return;
      case 'ask-again':
        this.#ask(context);
        return;
    }
  }

  #ask(context: ActorContext): void {
    const supervisor = context.ref<AskPlugins>(PLUGINS_PATH);
    supervisor.tell({ kind: 'ask-plugins', shard: this.#shard, replyTo: context.self as ActorRef<PluginTableCommand> });
    context.schedule(this.#door.complete ? ASK_LATER_MS : ASK_AGAIN_MS, { kind: 'ask-again' });
  }
}
