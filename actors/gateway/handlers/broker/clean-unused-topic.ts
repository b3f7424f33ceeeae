/**
 * CLEAN_UNUSED_TOPIC (316): queues in the store that belong to no topic of the broker go, with their files; a Java broker leaves them
 * when it deletes a topic. Answered when it is done, or still under way after some seconds.
 * Source: RocketMQ 5.5 `AdminBrokerProcessor.cleanUnusedTopic`.
 */
import { SUCCESS } from '../../../../protocol/remoting/response-code.ts';
import type { ThreadContext } from '../../../../runtime/thread/thread-context.ts';
import { TOPIC_REGISTRY_PATH } from '../../../broker/actor-paths.ts';
import type { DropUnused, UnusedDropped } from '../../../topic/topic-registry-actor.ts';
import type { Handler } from '../../request.ts';

const CLEAN_MAX_MS = 2_500;

export function cleanUnusedTopic(thread: ThreadContext): Handler {
  const registry = thread.ref<DropUnused>(TOPIC_REGISTRY_PATH);
  return (request) => {
    thread.ask<UnusedDropped, DropUnused>(
      registry,
      (replyTo) => ({ kind: 'drop-unused', replyTo }),
      CLEAN_MAX_MS,
      (reply) => {
        request.answer(SUCCESS, reply === undefined ? 'It goes on in the background.' : `${reply.topics} topics were cleaned.`);
        thread.requestTurn();
      },
    );
  };
}
