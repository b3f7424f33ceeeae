/**
 * Cuts configurations into messages to a shard's copy so that each fits one record between threads; only the last is to be confirmed. Pure.
 */
import type { GroupConfig, GroupTableVersion } from './group-config.ts';
import type { GroupConfigsChanged } from './group-table-actor.ts';

/** A configuration has up to 16 K characters beside its own members. */
const CHARACTERS_PER_MESSAGE = 32_768;

export type ConfigChange = {
  readonly configs: Iterable<GroupConfig>;
  readonly removed: readonly string[];
  /** These are all: what they do not name has gone. */
  readonly isWhole: boolean;
  readonly version: GroupTableVersion;
  readonly forbidden: string;
  readonly revision: number;
};

/** @param charactersOf of the configuration's JSON text */
export function configMessages(change: ConfigChange, charactersOf: (config: GroupConfig) => number): GroupConfigsChanged[] {
  const { configs, removed, isWhole, version, forbidden, revision } = change;
  const pages: GroupConfig[][] = [[]];
  let characters = 0;
  for (const config of configs) {
    const length = charactersOf(config);
    if (characters + length > CHARACTERS_PER_MESSAGE && characters > 0) {
      pages.push([]);
      characters = 0;
    }
    pages[pages.length - 1]!.push(config);
    characters += length;
  }
  // A full sending has a first and a last part even when one would do.
  if (isWhole) pages.push([]);
  return pages.map((page, index) => {
    const isLast = index === pages.length - 1;
    return {
      kind: 'group-configs-changed',
      version,
      forbidden,
      configs: page,
      removed: index === 0 ? removed : [],
      part: !isWhole ? 'change' : index === 0 ? 'first' : isLast ? 'last' : 'next',
      revision: isLast ? revision : 0,
    };
  });
}
