/**
 * ringmq.properties: the settings that were changed while the broker ran, as Java properties in the store's config folder. Read at
 * the next start behind `--config FILE`; a name of our own, for the file that a Java broker keeps there holds all its settings.
 * Fails by ConfigTextError for a text that is none, and by DiskError.
 * Source: RocketMQ `Configuration.persist`, which rewrites the file that the broker was started with.
 */
import { join } from 'node:path';
import type { Disk } from '../../storage/file.ts';
import { storeLayout } from '../../storage/store-layout.ts';
import { type ConfigEntry, fieldOfKey } from '../broker/broker-config.ts';
import { brokerOptions } from '../broker/broker-options.ts';
import { type PropertyLine, parsePropertiesText } from '../broker/properties-text.ts';

export const SETTINGS_FILE = 'ringmq.properties';
const BYTES_MAX = 1_048_576;
const HEAD = `# Settings changed while the broker ran (updateBrokerConfig, updateNamesrvConfig); written by the broker.
# Read at the start behind --config FILE. A line that is taken out gives the setting back to that file, or to its default.
`;

export function settingsFilePath(storePath: string): string {
  return join(storeLayout(storePath).config, SETTINGS_FILE);
}

/** What was saved last; none when there is no file. */
export function readSettingsFile(disk: Disk, storePath: string): { readonly path: string; readonly entries: readonly PropertyLine[] } {
  const path = settingsFilePath(storePath);
  if (!disk.exists(path)) return { path, entries: [] };
  const file = disk.open(path, 'read');
  try {
    const bytes = new Uint8Array(Math.min(disk.sizeOf(path), BYTES_MAX));
    const length = file.read(bytes, 0, bytes.length, 0);
    return { path, entries: parsePropertiesText(Buffer.from(bytes.buffer, 0, length).toString('utf8'), path) };
  } finally {
    file.close();
  }
}

/** What was saved last as settings of a configuration; `warnings` name lines that only a hand can have written. */
export function savedSettings(
  disk: Disk,
  storePath: string,
): { readonly entries: readonly ConfigEntry[]; readonly warnings: readonly string[] } {
  const { path, entries } = readSettingsFile(disk, storePath);
  const warnings: string[] = [];
  const taken = entries.flatMap(({ key, value, line }): ConfigEntry[] => {
    const field = fieldOfKey(key);
    const source = `${path} line ${line}`;
    if (field !== undefined && brokerOptions[field].change !== 'file') return [{ key, value, source }];
    warnings.push(`${key} (${source}) is not taken from this file; write it into the file that --config names`);
    return [];
  });
  return { entries: taken, warnings };
}

/** The file's text. */
export function settingsFileText(settings: ReadonlyMap<string, string>): string {
  const lines = [...settings].sort(([a], [b]) => (a < b ? -1 : 1)).map(([key, value]) => propertyLine(key, value));
  return `${HEAD}${lines.join('')}`;
}

/** One setting as a line that Java's and our reader take for exactly this key and value. */
export function propertyLine(key: string, value: string): string {
  const text = value
    .replaceAll('\\', '\\\\')
    .replaceAll('\n', '\\n')
    .replaceAll('\r', '\\r')
    .replaceAll('\t', '\\t')
    .replaceAll('\f', '\\f')
    .replace(/^ /, '\\ ');
  return `${key}=${text}\n`;
}
