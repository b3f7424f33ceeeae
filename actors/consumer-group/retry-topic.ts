/**
 * A group's retry topic: made with the group's first heartbeat, and again should somebody have deleted it; heartbeats are answered once it is there.
 * The consumer-group actor's. A registry that gives no answer in time counts as a refusal; the next heartbeat asks again.
 * Source: RocketMQ 5.3 `ClientManageProcessor.heartBeat`, `TopicConfigManager.createTopicInSendMessageBackMethod`.
 */
import { PERM_READ_WRITE } from '../../model/permission.ts';
import type { ActorContext } from '../../runtime/actor.ts';
import type { EnsureTopic, TopicReply } from '../topic/topic-registry-actor.ts';

const SYSTEM_BUSY = 2;
const RETRY_TOPIC_MAX_MS = 6_000;

/** Code 0: the topic is there. */
export type RetryTopicAnswer = { readonly kind: 'retry-topic'; readonly code: number; readonly remark: string };

export class RetryTopic {
  readonly #topic: string;
  readonly #hasTopic: (topic: string) => boolean;
  readonly #queues: () => number;
  #state: 'unknown' | 'asked' | 'ready' = 'unknown';

  /** @param hasTopic whether the shard knows the topic. @param queues wanted now; 0: the group wants no retries */
  constructor(group: string, hasTopic: (topic: string) => boolean, queues: () => number) {
    this.#topic = `%RETRY%${group}`;
    this.#hasTopic = hasTopic;
    this.#queues = queues;
  }

  get isReady(): boolean {
    return this.#state === 'ready';
  }

  /** Asks for the topic unless it is there, or was asked for; the answer comes as a message. */
  ensure(context: ActorContext): void {
    const topic = this.#topic;
    if (this.#state === 'asked' || (this.#state === 'ready' && this.#hasTopic(topic))) return;
    const queues = this.#queues();
    if (queues <= 0) {
      this.#state = 'ready';
      return;
    }
    this.#state = 'asked';
    context.ask<TopicReply, EnsureTopic>(
      context.ref('topic-registry'),
      (replyTo) => ({ kind: 'ensure-topic', topic, readQueues: queues, writeQueues: queues, perm: PERM_READ_WRITE, replyTo }),
      RETRY_TOPIC_MAX_MS,
      (reply): RetryTopicAnswer => {
        if (reply?.kind === 'topic-ready') return { kind: 'retry-topic', code: 0, remark: '' };
        if (reply !== undefined) return { kind: 'retry-topic', code: reply.code, remark: reply.remark };
        return { kind: 'retry-topic', code: SYSTEM_BUSY, remark: `the topic ${topic} could not be made in time; try again` };
      },
    );
  }

  answered({ code }: RetryTopicAnswer): void {
    this.#state = code === 0 ? 'ready' : 'unknown';
  }
}
