/** How topics and groups are bound to filter plugins: by an attribute that any admin tool can set. Pure. */

import { TOOLS_CONSUMER_GROUP } from '../../model/group.ts';

/** Characters of a plugin's name. */
export const PLUGIN_NAME_MAX = 64;
export const PLUGIN_ATTRIBUTE = 'filter.plugin';
const NAME = /^[A-Za-z0-9][A-Za-z0-9_-]{0,63}$/;

export function isPluginName(name: string): boolean {
  return NAME.test(name);
}

/** The plugin that attributes name; null: none. */
export function pluginOf(attributes: Readonly<Record<string, string>>): string | null {
  const name = attributes[PLUGIN_ATTRIBUTE];
  return name !== undefined && isPluginName(name) ? name : null;
}

/** What a plugin may be bound to. */
export type PluginBound = { readonly name: string; readonly isRetry: boolean; readonly isDlq: boolean; readonly plugin: string | null };

const NONE: readonly string[] = [];

/**
 * The plugins that a group's messages of a topic have to pass, in order; `named`: by its subscription. Messages for another try have passed them once,
 * and tools see what the log has.
 */
export function pluginsOf(topic: PluginBound, group: string, ofGroup: string | null, named: readonly string[]): readonly string[] {
  if ((topic.plugin === null && ofGroup === null) || topic.isRetry || topic.isDlq || group === TOOLS_CONSUMER_GROUP) return named;
  const names = new Set(topic.plugin === null ? NONE : [topic.plugin]);
  if (ofGroup !== null) names.add(ofGroup);
  for (const name of named) names.add(name);
  return [...names];
}

/** Null for a name that a plugin may have, else what is needed. */
export function pluginNameFault(name: string): string | null {
  return isPluginName(name) ? null : `the name of a filter plugin is needed: 1 to ${PLUGIN_NAME_MAX} letters, digits, _ and -`;
}
