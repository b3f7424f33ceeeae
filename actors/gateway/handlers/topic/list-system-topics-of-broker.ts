/**
 * GET_SYSTEM_TOPIC_LIST_FROM_BROKER (305): names of the topics that are the broker's own.
 * Source: RocketMQ 5.3 `AdminBrokerProcessor.getSystemTopicListFromBroker`.
 */
import { encodeTopicList } from '../../../../protocol/remoting/bodies/topic-list.ts';
import { SUCCESS } from '../../../../protocol/remoting/response-code.ts';
import type { TopicSettings } from '../../../topic/topic-rules.ts';
import { systemTopicNames } from '../../../topic/topic-rules.ts';
import type { Handler } from '../../request.ts';

export function listSystemTopicsOfBroker(settings: TopicSettings): Handler {
  const body = encodeTopicList({ topicList: systemTopicNames(settings), brokerAddr: null });
  return (request) => request.answer(SUCCESS, null, null, body);
}
