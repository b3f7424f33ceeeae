/**
 * Paths of the actors that other threads know by name. Apart from the actors themselves: the root, which only starts and asks them,
 * then loads none of their code.
 */
export const COMMIT_LOG_PATH = 'commit-log';
export const CONFIGURATION_PATH = 'root/configuration';
export const REGISTRATION_PATH = 'registration';
export const BROKER_STATS_PATH = 'broker-stats';
export const TOPIC_REGISTRY_PATH = 'topic-registry';

/** The actor that starts a shard's parts and lets it serve. */
export function shardPath(name: string): string {
  return `${name}/shard`;
}

/** Delivers the messages of the delay levels. */
export const TIMER_PATH = 'timer';
export const WHEEL_PATH = 'timer-wheel';

/** Ends half messages, and asks about them. */
export const TRANSACTION_PATH = 'transaction';

/** The actor that brings changed settings to a thread. */
export function settingsPath(thread: string): string {
  return `${thread}/settings`;
}
