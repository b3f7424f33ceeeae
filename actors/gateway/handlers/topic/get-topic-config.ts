/**
 * GET_TOPIC_CONFIG (351): one topic, from this shard's copy. 17 when there is none.
 * Source: RocketMQ 5.3 `AdminBrokerProcessor.getTopicConfig`.
 */
import { encodeTopicConfig } from '../../../../protocol/remoting/bodies/topic-config.ts';
import { decodeGetTopicConfigRequest } from '../../../../protocol/remoting/requests/get-topic-config.ts';
import { SUCCESS, TOPIC_NOT_EXIST } from '../../../../protocol/remoting/response-code.ts';
import { wireTopicConfig } from '../../../topic/topic-config.ts';
import type { TopicTable } from '../../../topic/topic-table.ts';
import type { Handler } from '../../request.ts';

export function getTopicConfig(topics: TopicTable): Handler {
  return (request) => {
    const name = decodeGetTopicConfigRequest(request.command.ext).topic;
    const topic = topics.get(name);
    if (topic === undefined) request.answer(TOPIC_NOT_EXIST, `No topic in this broker. topic: ${name}`);
    else request.answer(SUCCESS, null, null, encodeTopicConfig(wireTopicConfig(topic.config)));
  };
}
