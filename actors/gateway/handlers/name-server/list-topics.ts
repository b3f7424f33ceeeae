/**
 * GET_ALL_TOPIC_LIST_FROM_NAMESERVER (206) and GET_TOPICS_BY_CLUSTER (224): names of all topics, or of a cluster's, gathered page
 * by page from every shard. A shard whose topics change meanwhile is asked again from its first page, a few times; then what has
 * come is taken, for a busy name server's list is old when it arrives anyway.
 * Source: RocketMQ 5.3 `DefaultRequestProcessor.getAllTopicListFromNameserver`, `getTopicsByCluster`.
 */
import { encodeTopicList } from '../../../../protocol/remoting/bodies/topic-list.ts';
import { decodeGetTopicsByClusterRequest } from '../../../../protocol/remoting/requests/get-topics-by-cluster.ts';
import { SUCCESS } from '../../../../protocol/remoting/response-code.ts';
import type { NameServerDoor } from '../../../name-server/name-server-door.ts';
import type { ListRoutes, RoutePage } from '../../../name-server/shard-actor.ts';
import type { Handler, Request } from '../../request.ts';

const RESTARTS_MAX = 3;

export function listAllTopics(door: NameServerDoor): Handler {
  return (request) => gather(door, request, '');
}

export function listTopicsByCluster(door: NameServerDoor): Handler {
  return (request) => gather(door, request, decodeGetTopicsByClusterRequest(request.command.ext).cluster);
}

function gather(door: NameServerDoor, request: Request, clusterName: string): void {
  const topics = new Set<string>();
  let waiting = door.shards.length;
  for (let shard = 0; shard < door.shards.length; shard++) {
    readShard(door, request, shard, clusterName, topics, () => {
      waiting--;
      if (waiting === 0) request.answer(SUCCESS, null, null, encodeTopicList({ topicList: [...topics], brokerAddr: null }));
    });
  }
}

function readShard(
  door: NameServerDoor,
  request: Request,
  shard: number,
  clusterName: string,
  topics: Set<string>,
  onEnd: () => void,
): void {
  let version = -1;
  let restarts = 0;
  const readPage = (cursor: number): void =>
    door.ask<RoutePage>(
      request,
      shard,
      (replyTo): ListRoutes => ({ kind: 'list-routes', clusterName, cursor, replyTo }),
      (page) => {
        const isStale = cursor > 0 && page.version !== version && restarts < RESTARTS_MAX;
        version = page.version;
        if (isStale) {
          restarts++;
          readPage(0);
          return;
        }
        for (const topic of page.topics) topics.add(topic);
        if (page.next < 0) onEnd();
        else readPage(page.next);
      },
    );
  readPage(0);
}
