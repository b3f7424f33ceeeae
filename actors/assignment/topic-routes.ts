/**
 * Topic routes of one shard: which queues a topic has for consumers, on all brokers: from the own name server's part of the route, or asked of the name
 * servers that the broker registers with. One a shard; keeps what it has heard for a while, since the members of a group ask all at once. Bounded.
 * Gives null when no name server knows the topic, or none answers: the asker changes nothing then.
 * Source: RocketMQ 5.3 `TopicRouteInfoManager.getTopicSubscribeInfo`.
 */
import { isReadable } from '../../model/permission.ts';
import type { MessageQueue } from '../../model/queue-id.ts';
import { decodeTopicRoute, type QueueData } from '../../protocol/remoting/bodies/topic-route.ts';
import { BodyError } from '../../protocol/remoting/errors.ts';
import { GET_ROUTEINFO_BY_TOPIC } from '../../protocol/remoting/request-code.ts';
import { encodeGetRouteinfoByTopicRequest } from '../../protocol/remoting/requests/get-routeinfo-by-topic.ts';
import { SUCCESS, TOPIC_NOT_EXIST } from '../../protocol/remoting/response-code.ts';
import type { ThreadContext } from '../../runtime/thread/thread-context.ts';
import type { GetRoute, RouteAnswer } from '../name-server/shard-actor.ts';
import { nameServerPath, topicShard } from '../name-server/topic-shard.ts';
import { openTcpClient, type RemotingClient, type RemotingEvents } from '../registration/remoting-client.ts';

export type TopicRoutesParts = {
  readonly thread: ThreadContext;
  /** Names of the shards that have the own name server's routes; empty: there is none in this process. */
  readonly shards: readonly string[];
  /** Name servers that the broker registers with; read at each use. */
  readonly addresses: () => readonly string[];
  readonly open?: (address: string, events: RemotingEvents) => RemotingClient;
};

export type OnQueues = (queues: readonly MessageQueue[] | null) => void;

const KEPT_MS = 3_000;
const KEPT_MAX = 4_096;
const ASK_MAX_MS = 1_000;

type Kept = { readonly queues: readonly MessageQueue[] | null; readonly untilMs: number };

export class TopicRoutes {
  readonly #parts: TopicRoutesParts;
  readonly #kept: Map<string, Kept> = new Map();
  readonly #asking: Map<string, OnQueues[]> = new Map();

  constructor(parts: TopicRoutesParts) {
    this.#parts = parts;
  }

  /** Calls back at once or later. */
  of(topic: string, onQueues: OnQueues): void {
    const { thread, shards } = this.#parts;
    const kept = this.#kept.get(topic);
    if (kept !== undefined && thread.monotonicMs() < kept.untilMs) {
      onQueues(kept.queues);
      return;
    }
    const asking = this.#asking.get(topic);
    if (asking !== undefined) {
      asking.push(onQueues);
      return;
    }
    this.#asking.set(topic, [onQueues]);
    if (shards.length > 0) this.#askOwn(topic);
    else this.#askOthers(topic, [...this.#parts.addresses()]);
  }

  #askOwn(topic: string): void {
    const { thread, shards } = this.#parts;
    const shard = shards[topicShard(topic, shards.length)]!;
    thread.ask<RouteAnswer, GetRoute>(
      thread.ref(nameServerPath(shard)),
      (replyTo) => ({ kind: 'get-route', topic, replyTo }),
      ASK_MAX_MS,
      (route) => this.#told(topic, route?.found === true ? route.queues : null),
    );
  }

  /** One after the other, until one answers. */
  #askOthers(topic: string, addresses: readonly string[]): void {
    const [address, ...others] = addresses;
    if (address === undefined) {
      this.#told(topic, null);
      return;
    }
    const { thread, open = openTcpClient } = this.#parts;
    let isOver = false;
    const end = (then: () => void): void => {
      if (isOver) return;
      isOver = true;
      thread.cancel(timer);
      client.close();
      then();
      thread.requestTurn();
    };
    const timer = thread.schedule(ASK_MAX_MS, () => end(() => this.#askOthers(topic, others)));
    const client = open(address, {
      opened: () => {
        const ext = encodeGetRouteinfoByTopicRequest({ topic, acceptStandardJsonOnly: true });
        client.send({ code: GET_ROUTEINFO_BY_TOPIC, opaque: 1, ext });
      },
      answered: ({ code, body }) => {
        if (code === TOPIC_NOT_EXIST) end(() => this.#told(topic, null));
        else if (code !== SUCCESS) end(() => this.#askOthers(topic, others));
        else {
          const queues = routeQueues(body);
          end(() => this.#told(topic, queues));
        }
      },
      closed: () => end(() => this.#askOthers(topic, others)),
    });
  }

  #told(topic: string, data: readonly QueueData[] | null): void {
    const { thread } = this.#parts;
    const queues = data === null ? null : queuesToRead(topic, data);
    if (this.#kept.size >= KEPT_MAX) this.#kept.clear();
    // What is not there may come to be at any moment.
    if (queues !== null) this.#kept.set(topic, { queues, untilMs: thread.monotonicMs() + KEPT_MS });
    const asking = this.#asking.get(topic) ?? [];
    this.#asking.delete(topic);
    for (const onQueues of asking) onQueues(queues);
    thread.requestTurn();
  }
}

/** Null: the body is no route. */
function routeQueues(body: Uint8Array): readonly QueueData[] | null {
  try {
    return decodeTopicRoute(body).queueDatas;
  } catch (error) {
    if (error instanceof BodyError) return null;
    throw error;
  }
}

function queuesToRead(topic: string, data: readonly QueueData[]): MessageQueue[] {
  return data.flatMap(({ brokerName, perm, readQueueNums }) =>
    isReadable(perm) ? Array.from({ length: readQueueNums }, (_, queueId) => ({ brokerName, queueId, topic })) : [],
  );
}
