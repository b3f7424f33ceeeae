/**
 * QUERY_TOPICS_BY_CONSUMER (343): topics that a group has offsets of. Answers 0, also for an unknown group (none).
 * Source: RocketMQ 5.3 `AdminBrokerProcessor.queryTopicsByConsumer`.
 */
import { encodeTopicList } from '../../../../protocol/remoting/bodies/topic-list.ts';
import { decodeQueryTopicsByConsumerRequest } from '../../../../protocol/remoting/requests/query-topics-by-consumer.ts';
import { SUCCESS } from '../../../../protocol/remoting/response-code.ts';
import { collectOffsets } from '../../../consumer-group/collect-offsets.ts';
import type { GroupDoor } from '../../../consumer-group/group-door.ts';
import type { Handler } from '../../request.ts';

export function queryTopicsByConsumer(door: GroupDoor): Handler {
  return (request) => {
    const { group } = decodeQueryTopicsByConsumerRequest(request.command.ext);
    collectOffsets(door, request, group, '', (offsets) => {
      request.answer(SUCCESS, null, null, encodeTopicList({ topicList: [...offsets.keys()], brokerAddr: door.broker.address }));
    });
  };
}
