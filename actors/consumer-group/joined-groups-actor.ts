/**
 * Joined-groups actor: tells other shards which producer groups connections of its own shard belong to, and which of them is a
 * client's; producers are in no table. One a shard, at
 * `<shard thread>/joined-groups`. Owns nothing, fails by assertion only.
 */
import type { Actor, ActorRef } from '../../runtime/actor.ts';
import type { GroupDoor } from './group-door.ts';

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
export type JoinedGroupsCommand = ListProducerGroups | FindProducer;

/** Names in one message: it must fit one record between threads. */
const PAGE = 256;

export function joinedGroupsPath(shardName: string): string {
  return `${shardName}/joined-groups`;
}

export class JoinedGroupsActor implements Actor<JoinedGroupsCommand> {
  readonly #door: GroupDoor;

  constructor(door: GroupDoor) {
    this.#door = door;
  }

  receive(message: JoinedGroupsCommand): void {
    if (message.kind === 'list-producer-groups') this.#list(message);
    else {
      const { connection, sinceMs } = this.#door.findProducer(message.clientId) ?? { connection: -1, sinceMs: 0 };
      message.replyTo.tell({ kind: 'producer-found', connection, sinceMs });
    }
  }

  #list({ from, replyTo }: ListProducerGroups): void {
    const all = this.#door.joinedGroups('producer').sort();
    const end = from + PAGE;
    replyTo.tell({ kind: 'producer-groups-listed', groups: all.slice(from, end), next: end < all.length ? end : -1 });
  }
}
