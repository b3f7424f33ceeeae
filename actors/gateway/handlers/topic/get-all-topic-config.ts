/**
 * GET_ALL_TOPIC_CONFIG (21): all topics with the version of the table, from this shard's copy; for tools and slaves. A slave of
 * 5.3.3 or later may ask for a part of them.
 * Source: RocketMQ 5.3 `AdminBrokerProcessor.getAllTopicConfig`.
 */
import { encodeTopicConfigTable } from '../../../../protocol/remoting/bodies/topic-config.ts';
import { decodeGetAllTopicConfigRequest } from '../../../../protocol/remoting/requests/get-all-topic-config.ts';
import { SUCCESS, SYSTEM_BUSY } from '../../../../protocol/remoting/response-code.ts';
import { wireTopicConfig } from '../../../topic/topic-config.ts';
import type { TopicTable } from '../../../topic/topic-table.ts';
import type { Handler } from '../../request.ts';

export function getAllTopicConfig(topics: TopicTable): Handler {
  return (request) => {
    if (!topics.complete) {
      request.answer(SYSTEM_BUSY, 'The topics are still being read: try again.');
      return;
    }
    const { topicSeq, maxTopicNum } = decodeGetAllTopicConfigRequest(request.command.ext);
    const from = Math.max(0, topicSeq ?? 0);
    const count = maxTopicNum ?? 0;
    const all = [...topics.all()];
    const part = count > 0 ? all.slice(from, from + count) : all;
    const configs = new Map(part.map((topic) => [topic.name, wireTopicConfig(topic.config)]));
    const body = encodeTopicConfigTable({ dataVersion: topics.version, topics: configs });
    request.answer(SUCCESS, null, { totalTopicNum: String(all.length) }, body);
  };
}
