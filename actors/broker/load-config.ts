/**
 * The configuration of a start: the file, then what was changed while a former process ran on the same store, then single settings,
 * environment and flags. Reads the store's settings file, for which the store's place has to be known first.
 * Fails as `parseBrokerConfig` does, and by DiskError.
 */
import { NodeDisk } from '../../storage/node-disk.ts';
import { savedSettings } from '../settings/settings-file.ts';
import {
  type BrokerConfig,
  type ConfigEntry,
  changedConfig,
  fieldOfKey,
  formatSetting,
  type Machine,
  type ParsedConfig,
  parseBrokerConfig,
  type Role,
  rangeText,
} from './broker-config.ts';
import { brokerOptions, type OptionField } from './broker-options.ts';
import { ConfigError } from './errors.ts';

/** What an embedder decides by its options, whatever a tool has saved: addresses, names and threads. */
const EMBEDDERS: ReadonlySet<OptionField> = new Set([
  'brokerClusterName',
  'brokerName',
  'brokerId',
  'bindHost',
  'listenPort',
  'vipPortEnable',
  'advertisedHost',
  'registerAddresses',
  'nameServerHost',
  'nameServerPort',
  'shards',
  'adminHost',
  'adminPort',
]);

/** A configuration that was put together by an embedder, with what tools changed while a former broker ran on its store. */
export function withSavedSettings(config: BrokerConfig): ParsedConfig {
  const { entries, warnings } = savedSettings(new NodeDisk(), config.storePath);
  const changes = entries.filter(({ key, value, source }) => {
    const field = fieldOfKey(key)!;
    if (EMBEDDERS.has(field)) return false;
    const option = brokerOptions[field];
    if (option.parse(value) === undefined) throw new ConfigError(key, value, rangeText(option, value), source);
    return true;
  });
  return { config: changedConfig(config, changes), warnings };
}

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
