/**
 * GET_ALL_SUBSCRIPTIONGROUP_CONFIG (201): the whole group table from the shard's own copy. Always whole: a client that asks for a
 * part of it (5.3.3) takes an answer without `totalGroupNum` as all there is.
 * Source: RocketMQ `AdminBrokerProcessor.getAllSubscriptionGroup`.
 */
import { SUCCESS } from '../../../../protocol/remoting/response-code.ts';
import type { GroupConfig } from '../../../consumer-group/group-config.ts';
import type { GroupDoor } from '../../../consumer-group/group-door.ts';
import { groupsBody } from '../../../consumer-group/groups-json.ts';
import type { Handler } from '../../request.ts';

export function getAllSubscriptionGroupConfig(door: GroupDoor): Handler {
  return (request) => {
    const configs: GroupConfig[] = [];
    for (const state of door.groups.all()) configs.push(state.config);
    request.answer(SUCCESS, null, null, Buffer.from(groupsBody(door.groups.version, door.groups.forbidden, configs)));
  };
}
