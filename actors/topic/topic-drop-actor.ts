/**
 * Topic-drop actor: takes a deleted topic's queues out of the broker. One a broker, beside the topic registry, at `topic-drop`; it
 * owns nothing. Three steps: the handles are retired; the log worker says up to where records of theirs may lie in the log; the
 * store notes that position and removes the queues' files. After that a topic of the same name begins at offset 0, whatever happens
 * to the process. An answer that does not come in time is asked for again, for a thread that died is replaced; each step may be done twice.
 * Source: RocketMQ 5.3 `DefaultMessageStore.deleteTopics`.
 */
import type { Actor, ActorContext, ActorRef } from '../../runtime/actor.ts';
import { COMMIT_LOG_PATH } from '../broker/actor-paths.ts';
import type { ForgetRetired, RetiredForgotten } from '../commit-log/commit-log-actor.ts';
import { type DropTopic, STORE_PATH, type TopicDropped } from '../store/store-messages.ts';

export const TOPIC_DROP_PATH = 'topic-drop';

/** Answered when nothing of the topic's queues is left, or cannot be removed. */
export type DropQueues = { readonly kind: 'drop-queues'; readonly topic: string; readonly replyTo: ActorRef<QueuesDropped> };
export type QueuesDropped = { readonly kind: 'queues-dropped'; readonly topic: string; readonly error: string };

type LogAnswered = { readonly kind: 'log-answered'; readonly drop: DropQueues; readonly end: number; readonly attempt: number };
type StoreAnswered = {
  readonly kind: 'store-answered';
  readonly drop: DropQueues;
  readonly position: number;
  readonly error: string | null;
  readonly attempt: number;
};
export type TopicDropCommand = DropQueues | LogAnswered | StoreAnswered;

const STEP_MAX_MS = 2_000;
const ATTEMPTS_MAX = 4;

export class TopicDropActor implements Actor<TopicDropCommand> {
  readonly #retire: (topic: string) => void;

  /** @param retire takes the topic's handles back */
  constructor(retire: (topic: string) => void) {
    this.#retire = retire;
  }

  receive(message: TopicDropCommand, context: ActorContext): void {
    switch (message.kind) {
      case 'drop-queues':
        this.#retire(message.topic);
        this.#askLog(message, 1, context);
        return;
      case 'log-answered':
        if (message.end >= 0) this.#askStore(message.drop, message.end, 1, context);
        else if (message.attempt < ATTEMPTS_MAX) this.#askLog(message.drop, message.attempt + 1, context);
        else this.#answer(message.drop, 'the log worker gives no answer', context);
        return;
      case 'store-answered':
        if (message.error !== null) this.#answer(message.drop, message.error, context);
        else if (message.attempt < ATTEMPTS_MAX) this.#askStore(message.drop, message.position, message.attempt + 1, context);
        else this.#answer(message.drop, 'the store gives no answer', context);
        return;
    }
  }

  #askLog(drop: DropQueues, attempt: number, context: ActorContext): void {
    context.ask<RetiredForgotten, ForgetRetired>(
      context.ref<ForgetRetired>(COMMIT_LOG_PATH),
      (replyTo) => ({ kind: 'forget-retired', replyTo }),
      STEP_MAX_MS,
      (reply): LogAnswered => ({ kind: 'log-answered', drop, end: reply?.end ?? -1, attempt }),
    );
  }

  #askStore(drop: DropQueues, position: number, attempt: number, context: ActorContext): void {
    context.ask<TopicDropped, DropTopic>(
      context.ref<DropTopic>(STORE_PATH),
      (replyTo) => ({ kind: 'drop-topic', topic: drop.topic, position, replyTo }),
      STEP_MAX_MS,
      (reply): StoreAnswered => ({ kind: 'store-answered', drop, position, error: reply?.error ?? null, attempt }),
    );
  }

  #answer({ topic, replyTo }: DropQueues, error: string, context: ActorContext): void {
    if (error !== '') context.log('error', 'a deleted topic that is made again may go on at its old offsets', { topic, error });
    replyTo.tell({ kind: 'queues-dropped', topic, error });
  }
}
