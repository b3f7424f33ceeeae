/** Starts the plugin supervisor and its host on the root thread. */
import { join } from 'node:path';
import type { ActorRef, LogLevel } from '../../runtime/actor.ts';
import type { ThreadContext } from '../../runtime/thread/thread-context.ts';
import type { BrokerConfig } from '../broker/broker-config.ts';
import type { ExchangeMemory } from './plugin-exchange.ts';
import { PluginHost } from './plugin-host.ts';
import { PLUGINS_PATH, type PluginSupervisorCommand, type PluginView } from './plugin-messages.ts';
import { PluginSupervisorActor } from './plugin-supervisor-actor.ts';

/** Within the store's directory, where no other folder is configured. */
const DEFAULT_FOLDER = 'plugins';

export type PluginsRunning = {
  /** Rejects when a thread does not end in that time; without a limit it waits. */
  end(maxMs?: number): Promise<void>;
};

export function startPluginSupervisor(
  thread: ThreadContext,
  options: {
    readonly config: BrokerConfig;
    readonly exchanges: readonly ExchangeMemory[];
    readonly views: PluginView[];
    readonly log: (level: LogLevel, text: string, fields?: Record<string, unknown>) => void;
  },
): PluginsRunning {
  const { config, exchanges, views, log } = options;
  const host = new PluginHost({
    folder: config.pluginDir !== '' ? config.pluginDir : join(config.storePath, DEFAULT_FOLDER),
    exchanges,
    memoryMb: config.pluginMemoryMb,
    supervisor: thread.ref(PLUGINS_PATH) as ActorRef<PluginSupervisorCommand>,
    log,
  });
  const { pluginCallMs: callMs, pluginRestarts: restarts, pluginPolicy: policy } = config;
  const places = new Map<string, number>();
  thread.spawn(PLUGINS_PATH, () => new PluginSupervisorActor({ host, exchanges, callMs, restarts, policy, places, views }), {
    mailboxMax: 65_536,
  });
  return host;
}
