/**
 * QUERY_ASSIGNMENT (400): which queues a member of a group is to read, and whether by pulling or popping: the broker divides them where a client does not
 * (`clientRebalance` false). A retry topic is always pulled. An answer without assignments changes nothing.
 * Answers 0; 2 an actor gave no answer; 1 a body that is none. Source: RocketMQ 5.3 `QueryAssignmentProcessor`.
 */
import { isRetryTopic } from '../../../../model/topic.ts';
import { decodeQueryAssignment, encodeAssignments, type QueryAssignment } from '../../../../protocol/remoting/bodies/query-assignment.ts';
import { SUCCESS } from '../../../../protocol/remoting/response-code.ts';
import { assignQueues } from '../../../assignment/assign-queues.ts';
import { type QueryRequestMode, REQUEST_MODES_PATH, type RequestModeTold } from '../../../assignment/request-modes-actor.ts';
import type { RequestMode } from '../../../assignment/request-modes-json.ts';
import { TopicRoutes, type TopicRoutesParts } from '../../../assignment/topic-routes.ts';
import type { GroupDoor } from '../../../consumer-group/group-door.ts';
import type { Handler, Request } from '../../request.ts';

/** `defaultMessageRequestMode`, `defaultPopShareQueueNum`, `serverLoadBalancerEnable`; read at each use. */
export type AssignmentLimits = { readonly mode: RequestMode['mode']; readonly shareQueues: number; readonly isBalanced: boolean };

export function queryAssignment(door: GroupDoor, parts: TopicRoutesParts, limits: AssignmentLimits): Handler {
  const routes = new TopicRoutes(parts);
  return (request) => {
    const asked = decodeQueryAssignment(request.command.body);
    const { topic, consumerGroup: group } = asked;
    door.ask<RequestModeTold, QueryRequestMode>(
      request,
      REQUEST_MODES_PATH,
      (replyTo) => ({ kind: 'query-request-mode', topic, group, replyTo }),
      ({ mode, shareQueues }) => {
        const usual: RequestMode = isRetryTopic(topic) ? { mode: 'PULL', shareQueues: 0 } : limits;
        assign(door, routes, request, asked, mode === '' ? usual : { mode, shareQueues }, limits.isBalanced);
      },
    );
  };
}

function assign(
  door: GroupDoor,
  routes: TopicRoutes,
  request: Request,
  asked: QueryAssignment,
  mode: RequestMode,
  isBalanced: boolean,
): void {
  const { topic, consumerGroup, clientId, messageModel, strategyName: strategy } = asked;
  routes.of(topic, (queues) => {
    const members = [...(door.groups.get(consumerGroup)?.members.values() ?? [])].map((member) => member.clientId);
    const isBroadcast = messageModel === 'BROADCASTING';
    const assigned = queues === null ? null : assignQueues({ queues, members, clientId, isBroadcast, strategy, mode, isBalanced });
    request.answer(SUCCESS, null, null, encodeAssignments(assigned?.map((queue) => ({ queue, mode: mode.mode })) ?? null));
  });
}
