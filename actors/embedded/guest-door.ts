/**
 * Guest door: what a shard has for threads that are guests of its broker: the far ends of their pipes, which its gateway takes for
 * sockets, and an actor (`<shard>/guest-door`) that tells a guest what a send or a pull must know of its topic and group. One a shard. A
 * guest that has gone takes its pipes with it; a shard that dies takes the door with it, which its guests see.
 */
import { isWriteable } from '../../model/permission.ts';
import { isTagType } from '../../model/subscription.ts';
import type { Actor, ActorContext, ActorRef } from '../../runtime/actor.ts';
import type { ThreadContext } from '../../runtime/thread/thread-context.ts';
import type { GroupTable } from '../consumer-group/group-table.ts';
import type { PullLimits } from '../gateway/pull-terms.ts';
import type { RemotingGateway } from '../gateway/remoting-gateway.ts';
import type { TopicConfig } from '../topic/topic-config.ts';
import type { TopicTable } from '../topic/topic-table.ts';
import { PIPE_CLOSE, PIPE_DATA, PIPE_ID_BYTES, PIPE_OPEN, PIPE_OPENED, PIPE_PAUSE, PIPE_RESUME } from './pipe.ts';
import { PipeSocket } from './pipe-socket.ts';

/** A guest has joined; its pipes end when it has gone. */
export type GuestHello = { readonly kind: 'guest-hello'; readonly thread: number; readonly guest: ActorRef<never> };
type GuestGone = { readonly kind: 'guest-gone'; readonly thread: number };
/** What of `topic`, and of `group` on it ('': none)? */
export type AskLease = { readonly kind: 'ask-lease'; readonly topic: string; readonly group: string; readonly replyTo: ActorRef<Lease> };
/**
 * What the shard knows at this moment, to be trusted for a short time. `config` null: no such topic. `handles` are int32 in the machine's
 * order. `group`: null when the group is unknown, may not consume, or has no such subscription; then the shard itself answers.
 */
export type Lease = {
  readonly kind: 'lease';
  readonly config: TopicConfig | null;
  readonly handles: Uint8Array;
  /** `brokerPermission` */
  readonly permission: number;
  /** A plain message to it would be taken. */
  readonly isWritable: boolean;
  readonly bodyBytesMax: number;
  readonly pullLimits: PullLimits;
  readonly subscription: LeasedSubscription | null;
  /** The group is known, and may consume. */
  readonly mayConsume: boolean;
};
export type LeasedSubscription = {
  readonly isTag: boolean;
  readonly subVersion: number;
  readonly isAll: boolean;
  readonly codes: readonly number[];
  readonly tags: readonly string[];
};

/** What the door reads of its shard; null on a name server. */
export type DoorTables = {
  readonly topics: TopicTable;
  readonly groups: GroupTable;
  /** What may change while the broker runs: the door looks anew for each lease. */
  readonly sendLimits: { readonly bodyBytesMax: number };
  readonly pullLimits: PullLimits;
};

const NO_TOPIC: Lease = {
  kind: 'lease',
  config: null,
  handles: new Uint8Array(0),
  permission: 0,
  isWritable: false,
  bodyBytesMax: 0,
  pullLimits: { bytesMax: 0, longPolling: false, shortPollingMs: 0, propertyFilter: false },
  subscription: null,
  mayConsume: false,
};
const DOOR_MAILBOX_MAX = 4096;

export function guestDoorPath(shard: string): string {
  return `${shard}/guest-door`;
}

export function openGuestDoor(thread: ThreadContext, gateway: RemotingGateway, localPort: number, tables: DoorTables | null): void {
  const pipes = new Map<string, PipeSocket>();
  const keyOf = (from: number, pipe: number): string => `${from}/${pipe}`;
  thread.onRecord(PIPE_OPEN, (_bytes, view, offset, _length, from) => {
    const pipe = view.getInt32(offset);
    const key = keyOf(from, pipe);
    const socket = new PipeSocket(thread, from, pipe, localPort, () => pipes.delete(key));
    const connection = gateway.adopt(socket);
    if (connection === null) {
      socket.destroy();
      return;
    }
    socket.readBy((chunk, length) => connection.received(chunk, length));
    pipes.set(key, socket);
    socket.writer.word(PIPE_OPENED);
  });
  thread.onRecord(PIPE_DATA, (bytes, view, offset, length, from) => {
    pipes.get(keyOf(from, view.getInt32(offset)))?.arrived(bytes.subarray(offset + PIPE_ID_BYTES, offset + length));
  });
  thread.onRecord(PIPE_PAUSE, (_bytes, view, offset, _length, from) => {
    pipes.get(keyOf(from, view.getInt32(offset)))?.writer.pause(true);
  });
  thread.onRecord(PIPE_RESUME, (_bytes, view, offset, _length, from) => {
    pipes.get(keyOf(from, view.getInt32(offset)))?.writer.pause(false);
  });
  thread.onRecord(PIPE_CLOSE, (_bytes, view, offset, _length, from) => {
    pipes.get(keyOf(from, view.getInt32(offset)))?.gone();
  });
  const guestGone = (from: number): void => {
    for (const [key, socket] of [...pipes]) if (key.startsWith(`${from}/`)) socket.gone();
  };
  thread.spawn(guestDoorPath(thread.name), () => new GuestDoorActor(tables, guestGone), { mailboxMax: DOOR_MAILBOX_MAX });
}

class GuestDoorActor implements Actor<GuestHello | GuestGone | AskLease> {
  readonly #tables: DoorTables | null;
  readonly #guestGone: (thread: number) => void;

  constructor(tables: DoorTables | null, guestGone: (thread: number) => void) {
    this.#tables = tables;
    this.#guestGone = guestGone;
  }

  receive(message: GuestHello | GuestGone | AskLease, context: ActorContext): void {
    switch (message.kind) {
      case 'guest-hello':
        context.watch(message.guest, { kind: 'guest-gone', thread: message.thread } as GuestGone);
        return;
      case 'guest-gone':
        this.#guestGone(message.thread);
        return;
      case 'ask-lease':
        message.replyTo.tell(this.#lease(message.topic, message.group));
        return;
    }
  }

  #lease(topic: string, group: string): Lease {
    const tables = this.#tables;
    const state = tables?.topics.get(topic);
    if (tables === null || state === undefined) return NO_TOPIC;
    const { buffer, byteOffset, byteLength } = state.queueHandles;
    const known = group === '' ? undefined : tables.groups.get(group);
    // What a restricted group may pull, and where it is to go on, a shard decides.
    const mayConsume = known !== undefined && !known.isRestricted && known.plugin === null;
    const subscription = mayConsume && known.memberCount > 0 ? known.subscriptions.get(topic) : undefined;
    return {
      kind: 'lease',
      config: state.config,
      handles: new Uint8Array(buffer, byteOffset, byteLength),
      permission: tables.topics.brokerPermission,
      isWritable: state.refusal === 0 && isWriteable(state.perm),
      bodyBytesMax: tables.sendLimits.bodyBytesMax,
      pullLimits: { ...tables.pullLimits },
      mayConsume,
      subscription:
        subscription === undefined
          ? null
          : {
              isTag: isTagType(subscription.expressionType),
              subVersion: subscription.subVersion,
              isAll: subscription.all,
              codes: [...subscription.codes],
              tags: subscription.tags,
            },
    };
  }
}
