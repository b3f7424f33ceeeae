/**
 * What the joined-groups actor of a shard hears and says, and where it is. Types and a path only.
 */
import type { ActorRef } from '../../runtime/actor.ts';

/** Page by page; `from` counts groups. */
export type ListProducerGroups = {
  readonly kind: 'list-producer-groups';
  readonly from: number;
  readonly replyTo: ActorRef<ProducerGroupsListed>;
};
/** `next`: where the next page begins; −1: this was the last. */
export type ProducerGroupsListed = { readonly kind: 'producer-groups-listed'; readonly groups: readonly string[]; readonly next: number };

/** Whether a connection of this shard has a producer with this client id. */
export type FindProducer = { readonly kind: 'find-producer'; readonly clientId: string; readonly replyTo: ActorRef<ProducerFound> };
/** `connection` −1: none has. */
export type ProducerFound = { readonly kind: 'producer-found'; readonly connection: number; readonly sinceMs: number };
/** A connection of another shard has the client's producers since then: an older one of this shard has them no more. Not answered. */
export type ProducerMoved = { readonly kind: 'producer-moved'; readonly clientId: string; readonly sinceMs: number };
export type JoinedGroupsCommand = ListProducerGroups | FindProducer | ProducerMoved;

export function joinedGroupsPath(shardName: string): string {
  return `${shardName}/joined-groups`;
}
