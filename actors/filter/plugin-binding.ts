/** How topics and groups are bound to filter plugins: by an attribute that any admin tool can set. Pure. */

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

/** Null for a name that a plugin may have, else what is needed. */
export function pluginNameFault(name: string): string | null {
  return isPluginName(name) ? null : `the name of a filter plugin is needed: 1 to ${PLUGIN_NAME_MAX} letters, digits, _ and -`;
}
