/**
 * Members of a group as tools list them (203, 204). Pure. Source: RocketMQ `Connection`.
 */
import type { Member } from '../../../consumer-group/members.ts';

/** Members in Java's order of names. */
export function connectionSet(members: Iterable<Member>): Record<string, unknown>[] {
  const set: Record<string, unknown>[] = [];
  for (const { address, clientId, language, version } of members) set.push({ clientAddr: address, clientId, language, version });
  return set;
}
