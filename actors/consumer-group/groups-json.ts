/**
 * subscriptionGroup.json: the consumer groups at rest, in RocketMQ's own shape, which a Java broker reads and writes too. Pure.
 * `{"dataVersion":{…},"forbiddenTable":{…},"subscriptionGroupTable":{"<group>":{SubscriptionGroupConfig}}}`.
 * Source: RocketMQ `SubscriptionGroupManager`, `SubscriptionGroupWrapper`.
 */
import type { JsonValue } from '../../protocol/remoting/bodies/tolerant-json.ts';
import { BodyError } from '../../protocol/remoting/errors.ts';
import { type GroupConfig, type GroupTableVersion, groupConfigJson, groupConfigOf } from './group-config.ts';

export const GROUPS_FILE = 'subscriptionGroup.json';

export type GroupsFile = {
  readonly version: GroupTableVersion;
  /** `forbiddenTable` as JSON text: kept for those who read it. */
  readonly forbidden: string;
  readonly groups: readonly GroupConfig[];
};

/** A subscriptionGroup.json that is no group table. */
export class GroupsFileError extends Error {
  readonly code = 'MQ_GROUP_BAD_TABLE';

  constructor(reason: string) {
    super(`Cannot read ${GROUPS_FILE}: ${reason}`);
    this.name = 'GroupsFileError';
  }
}

/** @param groups each group's JSON text by its name. */
export function groupsText(version: GroupTableVersion, forbidden: string, groups: Iterable<readonly [string, string]>): string {
  const table: string[] = [];
  for (const [name, text] of groups) table.push(`${JSON.stringify(name)}:${text}`);
  const { counter, stateVersion, timestamp } = version;
  const head = `{"dataVersion":${JSON.stringify({ counter, stateVersion, timestamp })},"forbiddenTable":${forbidden}`;
  return `${head},"subscriptionGroupTable":{\n${table.join(',\n')}\n}}\n`;
}

/** The body of request 201: the same without line breaks. */
export function groupsBody(version: GroupTableVersion, forbidden: string, groups: Iterable<GroupConfig>): string {
  const table: string[] = [];
  for (const config of groups) table.push(`${JSON.stringify(config.groupName)}:${groupConfigJson(config)}`);
  const { counter, stateVersion, timestamp } = version;
  const head = `{"dataVersion":${JSON.stringify({ counter, stateVersion, timestamp })},"forbiddenTable":${forbidden}`;
  return `${head},"subscriptionGroupTable":{${table.join(',')}}}`;
}

/** Reads the table from parsed JSON; what a group lacks is as in a new one. */
export function parseGroupsFile(parsed: unknown): GroupsFile {
  const root = record(parsed, 'the table');
  const groups: GroupConfig[] = [];
  for (const [name, value] of Object.entries(record(root['subscriptionGroupTable'] ?? {}, 'subscriptionGroupTable'))) {
    groups.push(readGroup(name, value));
  }
  const version = record(root['dataVersion'] ?? {}, 'dataVersion');
  return {
    version: {
      counter: integer(version['counter'] ?? 0, 'dataVersion.counter'),
      stateVersion: integer(version['stateVersion'] ?? 0, 'dataVersion.stateVersion'),
      timestamp: integer(version['timestamp'] ?? 0, 'dataVersion.timestamp'),
    },
    forbidden: JSON.stringify(record(root['forbiddenTable'] ?? {}, 'forbiddenTable')),
    groups,
  };
}

function readGroup(name: string, value: unknown): GroupConfig {
  try {
    // Java's own files have the name inside, too; older tools left it out.
    return groupConfigOf({ groupName: name, ...record(value, `group ${JSON.stringify(name)}`) } as JsonValue);
  } catch (error) {
    if (error instanceof BodyError) throw new GroupsFileError(`group ${JSON.stringify(name)}: ${error.message}`);
    throw error;
  }
}

function record(value: unknown, what: string): Record<string, unknown> {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) throw new GroupsFileError(`${what} is no object`);
  return value as Record<string, unknown>;
}

function integer(value: unknown, what: string): number {
  const number = typeof value === 'string' || typeof value === 'bigint' ? Number(value) : value;
  if (typeof number !== 'number' || !Number.isSafeInteger(number)) throw new GroupsFileError(`${what} is ${String(value)}, no integer`);
  return number;
}
