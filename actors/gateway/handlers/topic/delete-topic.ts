/**
 * DELETE_TOPIC_IN_BROKER (215): a topic goes from the broker's table and from every shard, with the offsets that groups
 * committed in it; its messages stay in the log until retention takes them. Deleting what is not there succeeds. 29 for a system topic.
 * Source: RocketMQ 5.3 `AdminBrokerProcessor.deleteTopic`.
 */

import { decodeDeleteTopicInBrokerRequest } from '../../../../protocol/remoting/requests/delete-topic-in-broker.ts';
import type { ThreadContext } from '../../../../runtime/thread/thread-context.ts';
import { TOPIC_REGISTRY_PATH } from '../../../broker/actor-paths.ts';
import { type ForgetTopic, OFFSET_STORE_PATH } from '../../../consumer-group/offset-store-actor.ts';
import type { DeleteTopic, TopicReply } from '../../../topic/topic-registry-actor.ts';
import type { Handler } from '../../request.ts';
import { answerChange, TOPIC_CHANGE_MAX_MS } from './update-topic.ts';

export function deleteTopic(thread: ThreadContext): Handler {
  const registry = thread.ref<DeleteTopic>(TOPIC_REGISTRY_PATH);
  const offsets = thread.ref<ForgetTopic>(OFFSET_STORE_PATH);
  return (request) => {
    const { topic } = decodeDeleteTopicInBrokerRequest(request.command.ext);
    thread.ask<TopicReply, DeleteTopic>(
      registry,
      (replyTo) => ({ kind: 'delete-topic', topic, replyTo }),
      TOPIC_CHANGE_MAX_MS,
      (reply) => {
        // A topic of the same name that is made later begins at 0 for every group.
        if (reply?.kind === 'topic-ready') offsets.tell({ kind: 'forget-topic', topic });
        answerChange(request, topic, reply);
      },
    );
  };
}
