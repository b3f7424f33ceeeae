/**
 * GET_SYSTEM_TOPIC_LIST_FROM_BROKER (305): names of the topics that are the broker's own.
 * Source: RocketMQ 5.3 `AdminBrokerProcessor.getSystemTopicListFromBroker`.
 */
import { SUCCESS } from '../../../../protocol/remoting/response-code.ts';
import type { TopicSettings } from '../../../topic/topic-rules.ts';
import { systemTopicNames } from '../../../topic/topic-rules.ts';
import type { Handler } from '../../request.ts';

export function listSystemTopicsOfBroker(settings: TopicSettings): Handler {
  const body = Buffer.from(JSON.stringify({ topicList: systemTopicNames(settings) }), 'utf8');
  return (request) => request.answer(SUCCESS, null, null, body);
}
