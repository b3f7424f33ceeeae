/**
 * GET_ALL_SUBSCRIPTIONGROUP_CONFIG (201): the group table from the shard's own copy, whole or, for clients from 5.3.3 on that ask
 * so, a page of it with the number of all groups. A client takes an answer without that number as all there is.
 * Source: RocketMQ 5.3 `AdminBrokerProcessor.getAllSubscriptionGroup`.
 */
import {
  decodeGetAllSubscriptiongroupConfigRequest,
  type GetAllSubscriptiongroupConfigRequest,
} from '../../../../protocol/remoting/requests/get-all-subscriptiongroup-config.ts';
import { SUCCESS } from '../../../../protocol/remoting/response-code.ts';
import type { GroupConfig } from '../../../consumer-group/group-config.ts';
import type { GroupDoor } from '../../../consumer-group/group-door.ts';
import { groupsBody } from '../../../consumer-group/groups-json.ts';
import type { Handler } from '../../request.ts';

/** A frame holds 16 MiB. */
const PAGE_GROUPS_MAX = 10_000;

export function getAllSubscriptionGroupConfig(door: GroupDoor): Handler {
  return (request) => {
    const page = decodeGetAllSubscriptiongroupConfigRequest(request.command.ext);
    const { groups } = door;
    const configs: GroupConfig[] = [];
    const [from, to] = range(page);
    let index = 0;
    for (const { config } of groups.all()) {
      if (index >= from && index < to) configs.push(config);
      index++;
    }
    const ext = page.groupSeq === null ? null : { totalGroupNum: String(groups.size) };
    request.answer(SUCCESS, null, ext, Buffer.from(groupsBody(groups.version, groups.forbidden, configs)));
  };
}

function range({ groupSeq, maxGroupNum }: GetAllSubscriptiongroupConfigRequest): [number, number] {
  if (groupSeq === null) return [0, Number.POSITIVE_INFINITY];
  const count = maxGroupNum === null || maxGroupNum <= 0 ? PAGE_GROUPS_MAX : Math.min(maxGroupNum, PAGE_GROUPS_MAX);
  return [groupSeq, groupSeq + count];
}
