/**
 * Where the connection of a producer is, by its client id: on the shard that asks, else wherever another shard says; of several the one
 * that came last, for its shard has told the others. Nobody else keeps such a table: it is where the connections are, and goes with them.
 * Source: RocketMQ 5.3 `ProducerManager.findChannel`.
 */
import type { GroupDoor } from '../consumer-group/group-door.ts';
import { type FindProducer, joinedGroupsPath, type ProducerFound } from '../consumer-group/joined-groups-messages.ts';
import type { ConnectionRef } from '../gateway/request.ts';

const ASK_MAX_MS = 1_000;

/** @param ownShard index of the shard that asks. @param onFound null: no shard has it; called once, at once or later. */
export function findProducer(door: GroupDoor, ownShard: number, clientId: string, onFound: (where: ConnectionRef | null) => void): void {
  const own = door.findProducer(clientId);
  let waiting = door.shards.length - 1;
  if (own !== undefined || waiting === 0) {
    onFound(own === undefined ? null : { shard: ownShard, connection: own.connection });
    return;
  }
  const { thread } = door;
  let found: ConnectionRef | null = null;
  let since = Number.NEGATIVE_INFINITY;
  for (const [shard, name] of door.shards.entries()) {
    if (shard === ownShard) continue;
    thread.ask<ProducerFound, FindProducer>(
      thread.ref(joinedGroupsPath(name)),
      (replyTo) => ({ kind: 'find-producer', clientId, replyTo }),
      ASK_MAX_MS,
      (reply) => {
        if (reply !== undefined && reply.connection >= 0 && reply.sinceMs > since) {
          since = reply.sinceMs;
          found = { shard, connection: reply.connection };
        }
        if (--waiting > 0) return;
        onFound(found);
        thread.requestTurn();
      },
    );
  }
}
