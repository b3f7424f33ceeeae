/**
 * PUT_KV_CONFIG (100), GET_KV_CONFIG (101), DELETE_KV_CONFIG (102), GET_KVLIST_BY_NAMESPACE (219): the name server's small texts.
 * 22 when there is no such key or namespace; 1 when a limit or the disk refuses.
 * Source: RocketMQ 5.3 `DefaultRequestProcessor.putKVConfig` and its neighbours.
 */
import { encodeKvTable } from '../../../../protocol/remoting/bodies/kv-table.ts';
import { decodeDeleteKvConfigRequest } from '../../../../protocol/remoting/requests/delete-kv-config.ts';
import { decodeGetKvConfigRequest } from '../../../../protocol/remoting/requests/get-kv-config.ts';
import { decodeGetKvlistByNamespaceRequest } from '../../../../protocol/remoting/requests/get-kvlist-by-namespace.ts';
import { decodePutKvConfigRequest } from '../../../../protocol/remoting/requests/put-kv-config.ts';
import { QUERY_NOT_FOUND, SUCCESS } from '../../../../protocol/remoting/response-code.ts';
import type { GetValue, PutValue, ValueAnswer, ValuePut } from '../../../name-server/key-value-actor.ts';
import type { NameServerDoor } from '../../../name-server/name-server-door.ts';
import type { Handler, Request } from '../../request.ts';

export function putValue(door: NameServerDoor): Handler {
  return (request) => {
    const { namespace, key, value } = decodePutKvConfigRequest(request.command.ext);
    put(door, request, namespace, key, value);
  };
}

export function deleteValue(door: NameServerDoor): Handler {
  return (request) => {
    const { namespace, key } = decodeDeleteKvConfigRequest(request.command.ext);
    put(door, request, namespace, key, null);
  };
}

function put(door: NameServerDoor, request: Request, namespace: string, key: string, value: string | null): void {
  door.askValues<ValuePut>(
    request,
    (replyTo): PutValue => ({ kind: 'put-value', namespace, key, value, replyTo }),
    (reply) => request.answer(reply.code, reply.code === SUCCESS ? null : reply.remark),
  );
}

export function getValue(door: NameServerDoor): Handler {
  return (request) => {
    const { namespace, key } = decodeGetKvConfigRequest(request.command.ext);
    door.askValues<ValueAnswer>(
      request,
      (replyTo): GetValue => ({ kind: 'get-value', namespace, key, replyTo }),
      ({ value }) => {
        if (value !== null) request.answer(SUCCESS, null, { value });
        else request.answer(QUERY_NOT_FOUND, `No config item, Namespace: ${namespace} Key: ${key}`);
      },
    );
  };
}

export function getNamespaceValues(door: NameServerDoor): Handler {
  return (request) => {
    const { namespace } = decodeGetKvlistByNamespaceRequest(request.command.ext);
    door.readNamespace(request, namespace, (values) => {
      if (values === null) request.answer(QUERY_NOT_FOUND, `No config item, Namespace: ${namespace}`);
      else request.answer(SUCCESS, null, null, encodeKvTable(values));
    });
  };
}
