/**
 * GET_ALL_TOPIC_CONFIG (21): all topics with the version of the table, from this shard's copy; for tools and slaves. A slave of
 * 5.3.3 or later may ask for a part of them.
 * Source: RocketMQ 5.3 `AdminBrokerProcessor.getAllTopicConfig`.
 */
import { decodeGetAllTopicConfigRequest } from '../../../../protocol/remoting/requests/get-all-topic-config.ts';
import { SUCCESS, SYSTEM_BUSY } from '../../../../protocol/remoting/response-code.ts';
import type { TopicTable } from '../../../topic/topic-table.ts';
import { topicJson } from '../../../topic/topics-json.ts';
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
    const { counter, stateVersion, timestamp } = topics.version;
    const dataVersion = { counter, stateVersion, timestamp };
    const body = {
      dataVersion,
      mappingDataVersion: dataVersion,
      topicConfigTable: Object.fromEntries(part.map((topic) => [topic.name, topicJson(topic.config)])),
      topicQueueMappingDetailMap: {},
      topicQueueMappingInfoMap: {},
    };
    request.answer(SUCCESS, null, { totalTopicNum: String(all.length) }, Buffer.from(JSON.stringify(body), 'utf8'));
  };
}
