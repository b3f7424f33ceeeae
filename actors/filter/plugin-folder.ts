/**
 * The plugin folder: which files in it are plugins, and whether one has changed. Reads names, sizes and times only. A folder that is not there has no
 * plugins; any other fault of reading it is told as such, and what runs goes on.
 */
import { readdir, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { isPluginName, PLUGIN_NAME_MAX } from './plugin-binding.ts';

/** Entries of the folder that are looked at. */
const ENTRIES_MAX = 1024;
const FILE_BYTES_MAX = 4 * 1024 * 1024;
const FILE = /^([^.]+)\.(?:ts|mts|js|mjs)$/;

export type PluginFile = {
  readonly name: string;
  readonly file: string;
  /** Another one when the file has changed. */
  readonly stamp: string;
};

/** `faults`: what lies there and cannot be a plugin, a line each. */
export type PluginFolder = { readonly isThere: boolean; readonly files: readonly PluginFile[]; readonly faults: readonly string[] };

/** The plugin that a file in the folder stands for; null: none. Tests and declarations beside plugins are no plugins. */
export function pluginNameOf(file: string): string | null {
  return FILE.exec(file)?.[1] ?? null;
}

export async function readPluginFolder(folder: string): Promise<PluginFolder> {
  let entries: string[];
  try {
    entries = await readdir(folder);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return { isThere: false, files: [], faults: [] };
    throw error;
  }
  const files = new Map<string, PluginFile>();
  const faults: string[] = [];
  if (entries.length > ENTRIES_MAX) faults.push(`${entries.length} entries in the folder; the first ${ENTRIES_MAX} are looked at`);
  for (const entry of entries.sort().slice(0, ENTRIES_MAX)) {
    const name = pluginNameOf(entry);
    if (name === null) continue;
    if (!isPluginName(name)) {
      faults.push(`${entry}: a plugin's name has letters, digits, '_' and '-', at most ${PLUGIN_NAME_MAX}`);
      continue;
    }
    const known = files.get(name);
    if (known !== undefined) {
      faults.push(`${entry}: there is ${known.file} already`);
      continue;
    }
    const file = join(folder, entry);
    const seen = await stat(file).catch(() => null);
    // Gone between the two looks, or a folder.
    if (seen === null || !seen.isFile()) continue;
    if (seen.size > FILE_BYTES_MAX) faults.push(`${entry}: ${seen.size} bytes; ${FILE_BYTES_MAX} are allowed`);
    else files.set(name, { name, file: entry, stamp: `${seen.ino} ${seen.size} ${seen.mtimeMs}` });
  }
  return { isThere: true, files: [...files.values()], faults };
}
