/**
 * DELETE_TOPIC_IN_BROKER (215): a topic goes from the broker's table and from every shard; its messages stay in the log until
 * retention takes them. Deleting what is not there succeeds. 29 for a system topic.
 * Source: RocketMQ 5.3 `AdminBrokerProcessor.deleteTopic`.
 */
import { decodeDeleteTopicInBrokerRequest } from '../../../../protocol/remoting/requests/delete-topic-in-broker.ts';
import type { ThreadContext } from '../../../../runtime/thread/thread-context.ts';
import type { DeleteTopic, TopicReply } from '../../../topic/topic-registry-actor.ts';
import { TOPIC_REGISTRY_PATH } from '../../../topic/topic-table-actor.ts';
import type { Handler } from '../../request.ts';
import { answerChange, TOPIC_CHANGE_MAX_MS } from './update-topic.ts';

export function deleteTopic(thread: ThreadContext): Handler {
  const registry = thread.ref<DeleteTopic>(TOPIC_REGISTRY_PATH);
  return (request) => {
    const { topic } = decodeDeleteTopicInBrokerRequest(request.command.ext);
    thread.ask<TopicReply, DeleteTopic>(
      registry,
      (replyTo) => ({ kind: 'delete-topic', topic, replyTo }),
      TOPIC_CHANGE_MAX_MS,
      (reply) => answerChange(request, topic, reply),
    );
  };
}
