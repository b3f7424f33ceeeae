/**
 * Topics that groups may not read: `forbiddenTable` of subscriptionGroup.json, by group and topic a number of which bit 2 says so; the other
 * bits are kept for those who know them. Pure. Source: RocketMQ 5.3 `SubscriptionGroupManager.forbiddenTable`, `PermName.INDEX_PERM_READ`.
 */

export type ForbiddenTable = ReadonlyMap<string, ReadonlyMap<string, number>>;

const READ_BIT = 1 << 2;

/** The table of its JSON text; what is no bit set is passed over. */
export function forbiddenOf(text: string): ForbiddenTable {
  const table = new Map<string, Map<string, number>>();
  for (const [group, topics] of Object.entries(JSON.parse(text) as Record<string, unknown>)) {
    if (typeof topics !== 'object' || topics === null) continue;
    const bits = new Map<string, number>();
    for (const [topic, value] of Object.entries(topics)) if (Number.isSafeInteger(value) && value > 0) bits.set(topic, value as number);
    if (bits.size > 0) table.set(group, bits);
  }
  return table;
}

export function forbiddenText(table: ForbiddenTable): string {
  const groups: string[] = [];
  for (const [group, topics] of table) {
    const pairs = [...topics].map(([topic, bits]) => `${JSON.stringify(topic)}:${bits}`);
    groups.push(`${JSON.stringify(group)}:{${pairs.join(',')}}`);
  }
  return `{${groups.join(',')}}`;
}

export function mayRead(table: ForbiddenTable, group: string, topic: string): boolean {
  return ((table.get(group)?.get(topic) ?? 0) & READ_BIT) === 0;
}

/** The table with one topic forbidden to a group, or allowed. */
export function withForbidden(table: ForbiddenTable, group: string, topic: string, isReadable: boolean): ForbiddenTable {
  const topics = new Map(table.get(group));
  const known = topics.get(topic) ?? 0;
  const bits = isReadable ? known & ~READ_BIT : known | READ_BIT;
  if (bits === 0) topics.delete(topic);
  else topics.set(topic, bits);
  const changed = new Map(table);
  if (topics.size === 0) changed.delete(group);
  else changed.set(group, topics);
  return changed;
}
