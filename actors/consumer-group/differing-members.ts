/**
 * Which members of a group want something else than the others. Pure. All members of a group must subscribe alike: the group keeps the newest
 * heartbeat's word for all, so that members that differ lose messages to one another's filters.
 * Source: none; RocketMQ leaves it to whoever compares `consumerStatus` of all members.
 */
import { isTagType, type SubscriptionData } from '../../model/subscription.ts';
import { isRetryTopic } from '../../model/topic.ts';

/** Named in log and metrics; the others are as many more. */
export const DIFFERING_SHOWN_MAX = 16;
/** Characters of one member's wishes in the log. */
const WANTS_SHOWN_MAX = 200;

/** What a member wants as one text, the same for two that want the same; '' for one that need not want what the others do. */
export function wantsOf(consumeType: string, subscriptions: readonly SubscriptionData[]): string {
  // Pull clients are given their queues by their own program.
  if (consumeType === 'CONSUME_ACTIVELY') return '';
  const wants: string[] = [];
  for (const { topic, expressionType, subString, tagsSet } of subscriptions) {
    if (isRetryTopic(topic)) continue;
    const isTags = isTagType(expressionType);
    const expression = isTags && tagsSet.length > 0 ? [...tagsSet].sort().join(' || ') : subString.trim();
    wants.push(`${topic}: ${isTags ? '' : `${expressionType} `}${expression === '' ? '*' : expression}`);
  }
  return wants.sort().join('; ');
}

/** One member and what it wants. */
export type Wish = { readonly clientId: string; readonly wants: string };

/** The clients outside the largest party of the same wishes, or all when two parties are as large; none when all want the same. */
export function differingClients(wishes: Iterable<Wish>): string[] {
  const parties = new Map<string, Set<string>>();
  for (const { clientId, wants } of wishes) {
    if (wants === '') continue;
    const party = parties.get(wants);
    if (party === undefined) parties.set(wants, new Set([clientId]));
    else party.add(clientId);
  }
  if (parties.size < 2) return [];
  const sizes = [...parties.values()].map((party) => party.size).sort((a, b) => b - a);
  const largest = sizes[0]! > sizes[1]! ? sizes[0]! : Number.POSITIVE_INFINITY;
  const differing = new Set<string>();
  for (const party of parties.values()) if (party.size < largest) for (const clientId of party) differing.add(clientId);
  return [...differing].sort().slice(0, DIFFERING_SHOWN_MAX);
}

/** One client of each party with what it wants, for the log. */
export function describeParties(wishes: Iterable<Wish>): string {
  const examples = new Map<string, string>();
  for (const { clientId, wants } of wishes) {
    if (wants !== '' && !examples.has(wants) && examples.size < DIFFERING_SHOWN_MAX) examples.set(wants, clientId);
  }
  return [...examples].map(([wants, clientId]) => `${clientId} wants ${wants.slice(0, WANTS_SHOWN_MAX)}`).join(' | ');
}
