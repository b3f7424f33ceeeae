/**
 * UPDATE_AND_CREATE_TOPIC_LIST (18): many topics in one request (`mqadmin updateTopicList`). Each is decided by itself; answered
 * when all are done, by the first refusal if there is one.
 * Source: RocketMQ 5.3 `AdminBrokerProcessor.updateAndCreateTopicList`.
 */

import { decodeTopicConfigList } from '../../../../protocol/remoting/bodies/topic-config.ts';
import { BodyError } from '../../../../protocol/remoting/errors.ts';
import { SUCCESS } from '../../../../protocol/remoting/response-code.ts';
import type { ThreadContext } from '../../../../runtime/thread/thread-context.ts';
import { TOPIC_REGISTRY_PATH } from '../../../broker/actor-paths.ts';
import type { TopicReply, UpdateTopicCommand } from '../../../topic/topic-registry-actor.ts';
import type { Handler } from '../../request.ts';
import { answerChange, TOPIC_CHANGE_MAX_MS } from './update-topic.ts';

const TOPICS_MAX = 1_000;

export function updateTopicList(thread: ThreadContext): Handler {
  const registry = thread.ref<UpdateTopicCommand>(TOPIC_REGISTRY_PATH);
  return (request) => {
    const commands = topicsOf(request.command.body);
    let waiting = commands.length;
    let failed: { readonly topic: string; readonly reply: TopicReply | undefined } | null = null;
    if (waiting === 0) request.answer(SUCCESS);
    for (const command of commands) {
      thread.ask<TopicReply, UpdateTopicCommand>(
        registry,
        (replyTo) => ({ ...command, replyTo }),
        TOPIC_CHANGE_MAX_MS,
        (reply) => {
          if (reply?.kind !== 'topic-ready') failed ??= { topic: command.topic, reply };
          waiting--;
          if (waiting > 0) return;
          if (failed === null) request.answer(SUCCESS);
          else answerChange(request, failed.topic, failed.reply);
        },
      );
    }
  };
}

function topicsOf(body: Uint8Array): Omit<UpdateTopicCommand, 'replyTo'>[] {
  const list = decodeTopicConfigList(body);
  if (list.length > TOPICS_MAX) throw new BodyError(`topicConfigList has ${list.length} topics, at most ${TOPICS_MAX} are taken at once`);
  return list.map((topic) => ({
    kind: 'update-topic',
    topic: topic.topicName,
    readQueueNums: topic.readQueueNums,
    writeQueueNums: topic.writeQueueNums,
    perm: topic.perm,
    topicFilterType: topic.topicFilterType === 'MULTI_TAG' ? 'MULTI_TAG' : 'SINGLE_TAG',
    topicSysFlag: topic.topicSysFlag,
    order: topic.order,
    attributes: attributesOf(topic.attributes),
  }));
}

/** Java expects the `+` of request 17 before each key; without one it is meant all the same. */
function attributesOf(attributes: ReadonlyMap<string, string>): string {
  return [...attributes].map(([key, text]) => `${key.startsWith('+') ? '' : '+'}${key}=${text}`).join(',');
}
