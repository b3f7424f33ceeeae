/**
 * Joined-groups actor: tells other shards which producer groups connections of its own shard belong to, and which of them is a
 * client's; producers are in no table. One a shard, at
 * `<shard thread>/joined-groups`. Owns nothing, fails by assertion only.
 */
import type { Actor } from '../../runtime/actor.ts';
import type { GroupDoor } from './group-door.ts';
import type { JoinedGroupsCommand, ListProducerGroups } from './joined-groups-messages.ts';

/** Names in one message: it must fit one record between threads. */
const PAGE = 256;

export class JoinedGroupsActor implements Actor<JoinedGroupsCommand> {
  readonly #door: GroupDoor;

  constructor(door: GroupDoor) {
    this.#door = door;
  }

  receive(message: JoinedGroupsCommand): void {
    if (message.kind === 'list-producer-groups') this.#list(message);
    else if (message.kind === 'producer-moved') this.#door.producerMoved(message.clientId, message.sinceMs);
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
