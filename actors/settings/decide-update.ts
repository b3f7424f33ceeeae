/**
 * What becomes of settings that a tool sends (requests 25 and 318). Pure. All are taken or none: a key that names a path, a command or
 * what the store is made with is refused, a value out of its range too, each with key, value and range. A key without
 * effect changes nothing and is named in the remark, where a Java broker says nothing.
 * Source: RocketMQ 5.4 `AdminBrokerProcessor.updateBrokerConfig`, `DefaultRequestProcessor.updateConfig`, `Configuration.update`.
 */
import {
  type BrokerConfig,
  type ConfigChange,
  changedConfig,
  conflictOf,
  fieldOfKey,
  formatSetting,
  rangeText,
  unknownKeyText,
} from '../broker/broker-config.ts';
import { brokerOptions, type OptionField } from '../broker/broker-options.ts';
import { ConfigTextError } from '../broker/errors.ts';
import { type PropertyLine, parsePropertiesText } from '../broker/properties-text.ts';

/** Whose settings: one process may be both. */
export type SettingsScope = 'broker' | 'namesrv';

/** Why nothing was changed: no properties at all; a key that no tool may set; a value out of its range. */
export type Refusal = 'no-properties' | 'forbidden' | 'bad-value';

export type UpdateDecision =
  | { readonly kind: 'refuse'; readonly reason: Refusal; readonly remark: string }
  /** `remark`: what has no effect, or not yet; empty when all works at once. */
  | { readonly kind: 'accept'; readonly changes: readonly ConfigChange[]; readonly remark: string };

/** Of a request's body. */
export const TEXT_BYTES_MAX = 64 * 1024;
const CHANGES_MAX = 256;
const SHOWN_MAX = 8;
/** Keys of RocketMQ's, known here or not, by which a tool could make a broker write or run what it likes. */
const DANGEROUS = /path|home|blacklist|plugin|command|filterserver|provider|strategy|credential/i;

/** Answered where stock tools read them and there is nothing to set. */
const CONSTANTS: Readonly<Record<SettingsScope, readonly (readonly [key: string, value: string])[]>> = {
  broker: [
    ['filterServerNums', '0'],
    ['slaveReadEnable', 'false'],
    ['traceOn', 'true'],
    ['useTLS', 'false'],
  ],
  namesrv: [],
};

/** @param config as it is now; @param saved what is to hold from the next start on */
export function decideUpdate(
  body: Uint8Array,
  scope: SettingsScope,
  config: BrokerConfig,
  saved: ReadonlyMap<string, string>,
): UpdateDecision {
  if (body.length > TEXT_BYTES_MAX)
    return refuse('bad-value', `The settings have ${body.length} bytes, at most ${TEXT_BYTES_MAX} are taken`);
  let lines: PropertyLine[];
  try {
    lines = parsePropertiesText(Buffer.from(body.buffer, body.byteOffset, body.byteLength).toString('utf8'), 'in the request');
  } catch (error) {
    if (!(error instanceof ConfigTextError)) throw error;
    return refuse('no-properties', `string2Properties error: ${error.message}`);
  }
  if (lines.length > CHANGES_MAX) return refuse('bad-value', `${lines.length} settings in one request, at most ${CHANGES_MAX} are taken`);
  const changes = new Map<string, string>();
  const atRestart = new Set<string>();
  const ineffective = new Set<string>();
  let more = 0;
  for (const { key, value } of lines) {
    const field = fieldOfKey(key);
    if (DANGEROUS.test(key) || (field !== undefined && brokerOptions[field].change === 'file')) {
      const why = 'it names a path, a command or what the store is made with; change it in the configuration file and start again';
      return refuse('forbidden', `Can not update config in black list: ${shown(key)}: ${why}`);
    }
    if (field === undefined) {
      // The nearest known key is worth a search for those that are shown.
      if (ineffective.size < SHOWN_MAX) ineffective.add(unknownKeyText(plain(key), ''));
      else more++;
      continue;
    }
    if (scopeOf(field) !== scope) {
      ineffective.add(
        scope === 'broker'
          ? `${key} is a setting of the name server: use updateNamesrvConfig`
          : `${key} is a setting of the broker: use updateBrokerConfig`,
      );
      continue;
    }
    const option = brokerOptions[field];
    const parsed = option.parse(value);
    if (parsed === undefined)
      return refuse('bad-value', `Cannot set ${key}=${shown(value)}: must be ${rangeText(option, value)}; nothing was changed`);
    const format = option.format as (value: unknown) => string;
    changes.set(key, format(parsed));
    if (option.change === 'restart') atRestart.add(key);
  }
  const conflict = conflictOf(changedConfig(config, changesOf(new Map([...saved, ...changes]))));
  if (conflict !== null)
    return refuse('bad-value', `Cannot set ${conflict.key}=${shown(conflict.value)}: must be ${conflict.range}; nothing was changed`);
  const parts: string[] = [];
  if (atRestart.size > 0) parts.push(`takes effect at the next start: ${[...atRestart].join(', ')}`);
  parts.push(...ineffective);
  if (more > 0) parts.push(`and ${more} more without effect`);
  return { kind: 'accept', changes: changesOf(changes), remark: parts.join('; ') };
}

/** The settings as tools read them, sorted; `saved` are those of the next start, which a Java broker shows as well. */
export function listSettings(
  config: BrokerConfig,
  saved: ReadonlyMap<string, string>,
  scope: SettingsScope,
): [key: string, value: string][] {
  const settings = new Map<string, string>(CONSTANTS[scope]);
  const waiting: string[] = [];
  for (const [name, option] of Object.entries(brokerOptions)) {
    const field = name as OptionField;
    if (scopeOf(field) !== scope) continue;
    const now = formatSetting(config, field);
    const next = option.change === 'restart' ? (saved.get(option.key) ?? now) : now;
    settings.set(option.key, next);
    if (next !== now) waiting.push(option.key);
  }
  if (waiting.length > 0) settings.set('settingsAwaitingRestart', waiting.join(';'));
  return [...settings].sort(([a], [b]) => (a < b ? -1 : 1));
}

/** Those that a tool can have set: a hand may have written others into the file. */
function changesOf(settings: ReadonlyMap<string, string>): ConfigChange[] {
  return [...settings].flatMap(([key, value]) => {
    const field = fieldOfKey(key);
    return field === undefined || brokerOptions[field].parse(value) === undefined ? [] : [{ key, value }];
  });
}

/** Whether a change of the setting works at once. */
export function isLive(key: string): boolean {
  const field = fieldOfKey(key);
  return field !== undefined && brokerOptions[field].change === 'live';
}

function scopeOf(field: OptionField): SettingsScope {
  return brokerOptions[field].group === 'Name server' ? 'namesrv' : 'broker';
}

function refuse(reason: Refusal, remark: string): UpdateDecision {
  return { kind: 'refuse', reason, remark };
}

/** Foreign text in a remark: short and without control characters, for remarks land in logs. */
function shown(text: string): string {
  return JSON.stringify(text.length > 200 ? `${text.slice(0, 200)}…` : text);
}

function plain(key: string): string {
  return /^[\x21-\x7e]{1,100}$/.test(key) ? key : shown(key);
}
