/**
 * QUERY_TOPIC_CONSUME_BY_WHO (300): groups with members that subscribe to a topic, and those that have offsets of it; a group off line whose
 * first commit there is younger than a second may be missing. Answers 0, also for an unknown topic (nobody).
 * Source: RocketMQ 5.3 `AdminBrokerProcessor.queryTopicConsumeByWho`.
 */
import { encodeGroupList } from '../../../../protocol/remoting/bodies/group-list.ts';
import { decodeQueryTopicConsumeByWhoRequest } from '../../../../protocol/remoting/requests/query-topic-consume-by-who.ts';
import { SUCCESS } from '../../../../protocol/remoting/response-code.ts';
import type { GroupDoor } from '../../../consumer-group/group-door.ts';
import { type GroupsOfListed, type ListGroupsOf, OFFSET_STORE_PATH } from '../../../consumer-group/offset-store-actor.ts';
import type { Handler } from '../../request.ts';

export function queryTopicConsumeByWho(door: GroupDoor): Handler {
  return (request) => {
    const { topic } = decodeQueryTopicConsumeByWhoRequest(request.command.ext);
    const groups = new Set(door.groups.subscribersOf(topic));
    const ask = (from: number): void => {
      door.ask<GroupsOfListed, ListGroupsOf>(
        request,
        OFFSET_STORE_PATH,
        (replyTo) => ({ kind: 'list-groups-of', topic, from, replyTo }),
        (page) => {
          for (const group of page.groups) groups.add(group);
          if (page.next >= 0) ask(page.next);
          else request.answer(SUCCESS, null, null, encodeGroupList([...groups].sort()));
        },
      );
    };
    ask(0);
  };
}
