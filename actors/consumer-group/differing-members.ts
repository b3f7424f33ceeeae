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

/** The members of one group by what they want: changed with each of them, so that a look costs what there are of wishes and not of members. */
export class Parties {
  /** Connections by client, by wish; what need not be the same is not in it. */
  readonly #byWish: Map<string, Map<string, number>> = new Map();

  add(clientId: string, wants: string): void {
    if (wants === '') return;
    let party = this.#byWish.get(wants);
    if (party === undefined) this.#byWish.set(wants, (party = new Map()));
    party.set(clientId, (party.get(clientId) ?? 0) + 1);
  }

  remove(clientId: string, wants: string): void {
    const party = this.#byWish.get(wants);
    const connections = party?.get(clientId);
    if (party === undefined || connections === undefined) return;
    if (connections > 1) party.set(clientId, connections - 1);
    else party.delete(clientId);
    if (party.size === 0) this.#byWish.delete(wants);
  }

  /** Clients outside the largest party, or of all when two are as large, as many as are shown; none when all want the same. */
  differing(): string[] {
    if (this.#byWish.size < 2) return [];
    let largest = 0;
    let isAlone = true;
    for (const party of this.#byWish.values()) {
      if (party.size === largest) isAlone = false;
      if (party.size <= largest) continue;
      largest = party.size;
      isAlone = true;
    }
    const differing = new Set<string>();
    for (const party of this.#byWish.values()) {
      if (isAlone && party.size === largest) continue;
      for (const clientId of party.keys()) {
        if (differing.size >= DIFFERING_SHOWN_MAX) break;
        differing.add(clientId);
      }
    }
    return [...differing].sort();
  }

  /** One client of each party with what it wants, for the log. */
  describe(): string {
    const examples: string[] = [];
    for (const [wants, party] of this.#byWish) {
      if (examples.length >= DIFFERING_SHOWN_MAX) break;
      examples.push(`${party.keys().next().value ?? ''} wants ${wants.slice(0, WANTS_SHOWN_MAX)}`);
    }
    return examples.join(' | ');
  }
}
