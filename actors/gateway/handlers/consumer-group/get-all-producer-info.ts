/**
 * GET_ALL_PRODUCER_INFO (328): every producer group with its members, for tools. Answers 0; 1 when there is more than a frame holds; 2 when a part gives no
 * answer.
 * Source: RocketMQ 5.3 `AdminBrokerProcessor.getAllProducerInfo`.
 */
import { encodeProducerTable, type ProducerInfo } from '../../../../protocol/remoting/bodies/producer-table.ts';
import { SUCCESS, SYSTEM_ERROR } from '../../../../protocol/remoting/response-code.ts';
import type { GroupDoor } from '../../../consumer-group/group-door.ts';
import { joinedGroupsPath, type ListProducerGroups, type ProducerGroupsListed } from '../../../consumer-group/joined-groups-messages.ts';
import { type ListProducers, type ProducersListed, producerGroupPath } from '../../../producer-group/producer-group-actor.ts';
import type { Handler, Request } from '../../request.ts';

/** Each takes up to half a kilobyte of a frame. */
const PRODUCERS_MAX = 32_768;

export function getAllProducerInfo(door: GroupDoor): Handler {
  return (request) => {
    const names = new Set<string>();
    const ask = (shard: number, from: number): void => {
      const name = door.shards[shard];
      if (name === undefined) {
        collectMembers(door, request, [...names].sort());
        return;
      }
      door.ask<ProducerGroupsListed, ListProducerGroups>(
        request,
        joinedGroupsPath(name),
        (replyTo) => ({ kind: 'list-producer-groups', from, replyTo }),
        ({ groups, next }) => {
          for (const group of groups) names.add(group);
          if (next >= 0) ask(shard, next);
          else ask(shard + 1, 0);
        },
      );
    };
    ask(0, 0);
  };
}

function collectMembers(door: GroupDoor, request: Request, groups: readonly string[]): void {
  const table = new Map<string, ProducerInfo[]>();
  let count = 0;
  const ask = (index: number, from: number): void => {
    const group = groups[index];
    if (group === undefined) {
      request.answer(SUCCESS, null, null, encodeProducerTable(table));
      return;
    }
    door.ask<ProducersListed, ListProducers>(
      request,
      producerGroupPath(group),
      (replyTo) => ({ kind: 'list-producers', from, replyTo }),
      ({ members, heartbeats, next }) => {
        const infos = table.get(group) ?? [];
        for (const [at, { clientId, address, language, version }] of members.entries()) {
          // As Java writes a socket's address.
          infos.push({ clientId, remoteIP: `/${address}`, language, version, lastUpdateTimestamp: heartbeats[at]! });
        }
        if (infos.length > 0) table.set(group, infos);
        count += members.length;
        if (count > PRODUCERS_MAX) {
          request.answer(
            SYSTEM_ERROR,
            `there are more than ${PRODUCERS_MAX} producers, the most that one answer lists; ask for one group (mqadmin producerConnection)`,
          );
        } else if (next >= 0) ask(index, next);
        else ask(index + 1, 0);
      },
    );
  };
  ask(0, 0);
}
