/**
 * Where a message whose time has come is stored: the topic and queue that it was sent to. Pure.
 * A topic that is no more takes nothing: the message is dropped. One with fewer queues now takes it in another queue.
 */
import { TOPICS_FORBIDDEN_FOR_SEND } from '../../model/topic.ts';
import type { TopicState, TopicTable } from '../topic/topic-table.ts';
import { destinationOf } from './delayed-message.ts';

export type Destination =
  | { readonly kind: 'to'; readonly topic: TopicState; readonly queueId: number }
  /** The topic table is not whole yet: ask again. */
  | { readonly kind: 'wait' }
  | { readonly kind: 'gone'; readonly topic: string };

export function settleDestination(properties: ReadonlyMap<string, string>, topics: Pick<TopicTable, 'get' | 'complete'>): Destination {
  const destination = destinationOf(properties);
  if (destination === null) return { kind: 'gone', topic: '' };
  const topic = topics.get(destination.topic);
  if (topic === undefined && !topics.complete) return { kind: 'wait' };
  if (topic === undefined || TOPICS_FORBIDDEN_FOR_SEND.has(topic.name) || topic.queueHandles.length === 0)
    return { kind: 'gone', topic: destination.topic };
  return { kind: 'to', topic, queueId: destination.queueId % topic.queueHandles.length };
}
