/**
 * UPDATE_AND_CREATE_TOPIC (17): a tool or client makes or changes a topic. Answered when it is saved, known on every shard and
 * registered with the name servers. 29 for a bad name, a system topic or a number out of range; 1 for attributes and limits.
 * Source: RocketMQ 5.3 `AdminBrokerProcessor.updateAndCreateTopic`.
 */

import { decodeUpdateAndCreateTopicRequest } from '../../../../protocol/remoting/requests/update-and-create-topic.ts';
import { SUCCESS, SYSTEM_BUSY } from '../../../../protocol/remoting/response-code.ts';
import type { ThreadContext } from '../../../../runtime/thread/thread-context.ts';
import { TOPIC_REGISTRY_PATH } from '../../../broker/actor-paths.ts';
import type { TopicReply, UpdateTopicCommand } from '../../../topic/topic-registry-actor.ts';
import type { Handler, Request } from '../../request.ts';

/** Longer than the save, the shards and the name servers may take together before they are given up. */
export const TOPIC_CHANGE_MAX_MS = 10_000;

export function updateTopic(thread: ThreadContext): Handler {
  const registry = thread.ref<UpdateTopicCommand>(TOPIC_REGISTRY_PATH);
  return (request) => {
    const { topic, readQueueNums, writeQueueNums, perm, topicFilterType, topicSysFlag, order, attributes } =
      decodeUpdateAndCreateTopicRequest(request.command.ext);
    const command = {
      kind: 'update-topic',
      topic,
      readQueueNums,
      writeQueueNums,
      perm,
      topicFilterType: topicFilterType === 'MULTI_TAG' ? 'MULTI_TAG' : 'SINGLE_TAG',
      topicSysFlag: topicSysFlag ?? 0,
      order,
      attributes: attributes ?? '',
    } as const;
    thread.ask<TopicReply, UpdateTopicCommand>(
      registry,
      (replyTo) => ({ ...command, replyTo }),
      TOPIC_CHANGE_MAX_MS,
      (reply) => answerChange(request, command.topic, reply),
    );
  };
}

export function answerChange(request: Request, topic: string, reply: TopicReply | undefined): void {
  if (reply === undefined) {
    request.answer(
      SYSTEM_BUSY,
      `The change of topic ${topic} was not done within ${TOPIC_CHANGE_MAX_MS} ms; it may still be. Look at the topic, then try again.`,
    );
  } else if (reply.kind === 'topic-ready') request.answer(SUCCESS);
  else request.answer(reply.code, reply.remark);
}
