/**
 * A name server's thread without a broker beside it: an event loop that owns sockets, and its part of the routes. Has none of what a broker's
 * shard has, and so starts in half the time. Waits for the root's word as a shard does. When it dies its connections drop; brokers
 * register again, and its peers tell it what they know.
 * Source: RocketMQ 5.3 `NamesrvController`.
 */
import type { ActorRef } from '../../runtime/actor.ts';
import { GUEST_GROUP } from '../../runtime/thread/placement.ts';
import type { ThreadContext } from '../../runtime/thread/thread-context.ts';
import { shardPath } from '../broker/actor-paths.ts';
import { openGuestDoor } from '../embedded/guest-door.ts';
import { listen } from '../gateway/client-socket.ts';
import type { LiveConfig } from '../settings/live-config.ts';
import { startSettings } from '../settings/settings-actor.ts';
import { type SendsStopped, type ServedShard, ShardActor } from '../shard/shard-actor.ts';
import { type FrontThreadData, ShardFront } from '../shard/shard-front.ts';

export function main(thread: ThreadContext, data: FrontThreadData): void {
  const live = startSettings(thread, data.config);
  thread.spawn(shardPath(thread.name), () => new ShardActor(thread, () => new NameServerShard(thread, data, live)), { intensity: 0 });
}

class NameServerShard implements ServedShard {
  readonly #front: ShardFront;

  constructor(thread: ThreadContext, data: FrontThreadData, live: LiveConfig) {
    const front = new ShardFront(thread, data, live, listen, null);
    this.#front = front;
    if (thread.threadsOf(GUEST_GROUP).length > 0) openGuestDoor(thread, front.gateway, data.config.nameServerPort, null);
    thread.onStop(() => front.stop());
  }

  listen(): Promise<void> {
    return this.#front.listen();
  }

  /** Nothing is sent to a name server. */
  refuseSends(): void {}

  stopSends(_reason: string, replyTo: ActorRef<SendsStopped>): void {
    replyTo.tell({ kind: 'sends-stopped', pending: 0 });
  }
}
