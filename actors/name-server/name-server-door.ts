/**
 * Name-server door: what the name server's request handlers on one shard share: where the shards and the key values are, the
 * connections of brokers on this shard, and the way to ask one shard or all of them. One a shard; not an actor, for it only forwards
 * what the sockets bring. Fails by an undefined reply when a shard does not answer in time.
 */
import type { ActorRef } from '../../runtime/actor.ts';
import type { ThreadContext } from '../../runtime/thread/thread-context.ts';
import type { Connection, Request } from '../gateway/request.ts';
import { AskerAddresses } from './asker-addresses.ts';
import type { GetNamespace, KeyValueCommand, NamespaceAnswer } from './key-value-actor.ts';
import { keyValuePath } from './key-value-actor.ts';
import type { ConnectionClosed, Done, NameServerCommand } from './shard-actor.ts';
import { nameServerPath, topicShard } from './topic-shard.ts';

/** Shorter than the 3 s that clients wait. */
export const ASK_MAX_MS = 2_500;
const CLOSE_AGAIN_MS = 100;
const SYSTEM_BUSY = 2;

export class NameServerDoor {
  readonly thread: ThreadContext;
  /** Position of this shard among the shards. */
  readonly shard: number;
  readonly shards: readonly ActorRef<NameServerCommand>[];
  readonly keyValues: ActorRef<KeyValueCommand>;
  readonly addresses = new AskerAddresses();
  /** Brokers' connections on this shard, by id. */
  readonly #connections: Map<number, Connection> = new Map();
  #serial = 0;

  constructor(thread: ThreadContext, shard: number, shardNames: readonly string[]) {
    this.thread = thread;
    this.shard = shard;
    this.shards = shardNames.map((name) => thread.ref<NameServerCommand>(nameServerPath(name)));
    this.keyValues = thread.ref<KeyValueCommand>(keyValuePath(shardNames[0]!));
  }

  /** Numbers registrations. */
  nextSerial(): number {
    this.#serial = (this.#serial + 1) % 0x7fffffff;
    return this.#serial;
  }

  /** Position of the shard that has the topic's route. */
  shardOf(topic: string): number {
    return topicShard(topic, this.shards.length);
  }

  /** Asks one shard. `onReply` is not called when it does not answer: the request is then answered busy. */
  ask<R extends { readonly kind: string }>(
    request: Request,
    shard: number,
    build: (replyTo: ActorRef<R>) => NameServerCommand,
    onReply: (reply: R) => void,
  ): void {
    this.thread.ask<R, NameServerCommand>(this.shards[shard]!, build, ASK_MAX_MS, (reply) => {
      if (reply === undefined) answerBusy(request);
      else onReply(reply);
    });
  }

  /** Asks every shard; `onReplies` gets their replies in order, or the request is answered busy when one is missing. */
  askAll<R extends { readonly kind: string }>(
    request: Request,
    build: (shard: number, replyTo: ActorRef<R>) => NameServerCommand,
    onReplies: (replies: R[]) => void,
  ): void {
    const replies = new Array<R | undefined>(this.shards.length).fill(undefined);
    let waiting = this.shards.length;
    for (let shard = 0; shard < this.shards.length; shard++) {
      this.thread.ask<R, NameServerCommand>(
        this.shards[shard]!,
        (replyTo) => build(shard, replyTo),
        ASK_MAX_MS,
        (reply) => {
          replies[shard] = reply;
          waiting--;
          if (waiting > 0) return;
          const all = replies.filter((one): one is R => one !== undefined);
          if (all.length === replies.length) onReplies(all);
          else answerBusy(request);
        },
      );
    }
  }

  /** Asks the key values, busy as above. */
  askValues<R extends { readonly kind: string }>(
    request: Request,
    build: (replyTo: ActorRef<R>) => KeyValueCommand,
    onReply: (reply: R) => void,
  ): void {
    this.thread.ask<R, KeyValueCommand>(this.keyValues, build, ASK_MAX_MS, (reply) => {
      if (reply === undefined) answerBusy(request);
      else onReply(reply);
    });
  }

  /** All values of a namespace by key; null when there is no such namespace. */
  readNamespace(request: Request, namespace: string, onValues: (values: ReadonlyMap<string, string> | null) => void): void {
    const values = new Map<string, string>();
    const readPage = (cursor: number): void =>
      this.askValues<NamespaceAnswer>(
        request,
        (replyTo): GetNamespace => ({ kind: 'get-namespace', namespace, cursor, replyTo }),
        (page) => {
          page.keys.forEach((key, index) => void values.set(key, page.values[index]!));
          if (page.next >= 0) readPage(page.next);
          else onValues(values.size > 0 ? values : null);
        },
      );
    readPage(0);
  }

  /**
   * A broker registers by this connection: its closing is told to all shards. Call after the registration was sent to them, so
   * that the closing comes behind it on every way, even when the socket has gone already.
   */
  keepBroker(connection: Connection): void {
    if (this.#connections.has(connection.id)) return;
    this.#connections.set(connection.id, connection);
    connection.onClose(() => {
      this.#connections.delete(connection.id);
      for (let shard = 0; shard < this.shards.length; shard++) this.#tellClosed(shard, connection.id);
    });
  }

  /** Again until that shard has heard it: else a dead broker stays in its routes until it is evicted for its silence. */
  #tellClosed(shard: number, connection: number): void {
    const build = (replyTo: ActorRef<Done>): ConnectionClosed => ({ kind: 'connection-closed', shard: this.shard, connection, replyTo });
    this.thread.ask<Done, NameServerCommand>(this.shards[shard]!, build, ASK_MAX_MS, (reply) => {
      if (reply === undefined) this.thread.schedule(CLOSE_AGAIN_MS, () => this.#tellClosed(shard, connection));
    });
  }

  closeConnection(id: number, reason: string): void {
    this.#connections.get(id)?.close(reason);
  }
}

function answerBusy(request: Request): void {
  request.answer(
    SYSTEM_BUSY,
    `[name server] a shard gave no answer within ${ASK_MAX_MS} ms: it is overloaded or being restarted, try again`,
  );
}
