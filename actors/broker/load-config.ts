/**
 * The configuration of a start: the file, then what was changed while a former process ran on the same store, then single settings,
 * environment and flags. Reads the store's settings file, for which the store's place has to be known first.
 * Fails as `parseBrokerConfig` does, and by DiskError.
 */
import { NodeDisk } from '../../storage/node-disk.ts';
import { savedSettings } from '../settings/settings-file.ts';
import {
  type ConfigEntry,
  fieldOfKey,
  formatSetting,
  type Machine,
  type ParsedConfig,
  parseBrokerConfig,
  type Role,
} from './broker-config.ts';

/** @param file settings of `--config FILE`; @param single settings that win over what was saved */
export function loadBrokerConfig(
  file: readonly ConfigEntry[],
  single: readonly ConfigEntry[],
  environment: Readonly<Record<string, string | undefined>>,
  flags: Readonly<Record<string, string | undefined>>,
  options: { readonly role: Role; readonly machine: Machine },
): ParsedConfig {
  const first = parseBrokerConfig([...file, ...single], environment, flags, options);
  // A name server alone has no store.
  if (!first.config.brokerEnable) return first;
  const saved = savedSettings(new NodeDisk(), first.config.storePath);
  if (saved.entries.length === 0) return { config: first.config, warnings: [...first.warnings, ...saved.warnings] };
  const { config, warnings } = parseBrokerConfig([...file, ...saved.entries, ...single], environment, flags, options);
  const overruled = saved.entries.flatMap(({ key, value, source }) => {
    const now = formatSetting(config, fieldOfKey(key)!);
    return now === value ? [] : [`${key}=${value} (${source}) is overruled by --set, the environment or a flag: ${now}`];
  });
  return { config, warnings: [...warnings, ...saved.warnings, ...overruled] };
}
