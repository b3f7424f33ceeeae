/**
 * QUERY_DATA_VERSION (322): whether a broker has to register again; no is a sign of its life as well. The shard of this connection
 * answers; the others are told of the life.
 * Source: RocketMQ 5.3 `DefaultRequestProcessor.queryBrokerTopicConfig`.
 */
import { decodeDataVersion, encodeDataVersion } from '../../../../protocol/remoting/bodies/data-version.ts';
import { decodeQueryDataVersionRequest } from '../../../../protocol/remoting/requests/query-data-version.ts';
import { SUCCESS } from '../../../../protocol/remoting/response-code.ts';
import type { NameServerDoor } from '../../../name-server/name-server-door.ts';
import type { DataVersionAnswer, QueryDataVersion } from '../../../name-server/shard-actor.ts';
import type { Handler } from '../../request.ts';

export function queryDataVersion(door: NameServerDoor): Handler {
  return (request) => {
    const { clusterName, brokerAddr } = decodeQueryDataVersionRequest(request.command.ext);
    const version = decodeDataVersion(request.command.body);
    door.askAll<DataVersionAnswer>(
      request,
      (_shard, replyTo): QueryDataVersion => ({ kind: 'query-data-version', clusterName, brokerAddr, version, replyTo }),
      (answers) => {
        // One shard that lost its routes is enough for the broker to have to bring them.
        const changed = answers.some((answer) => answer.changed);
        const known = answers.find((answer) => answer.known);
        const body = known === undefined ? null : encodeDataVersion(known.version);
        request.answer(SUCCESS, null, { changed: String(changed) }, body);
      },
    );
  };
}
