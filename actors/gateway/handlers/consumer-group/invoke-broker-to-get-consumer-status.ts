/**
 * INVOKE_BROKER_TO_GET_CONSUMER_STATUS (223): the offsets at which a group's clients are in a topic, asked of all of them at once (221), or of one
 * (`clientAddr` is its id). A client that gives no answer, or one that cannot be read, is left out, as in Java.
 * Answers 0; 1 nobody is on line, a client is too old, or there are too many to ask.
 * Source: RocketMQ 5.3 `Broker2Client.getConsumeStatus`.
 */
import { decodeClientStatus, encodeConsumerStatus } from '../../../../protocol/remoting/bodies/consumer-status.ts';
import type { QueueOffsets } from '../../../../protocol/remoting/bodies/reset-offset.ts';
import { BodyError } from '../../../../protocol/remoting/errors.ts';
import { GET_CONSUMER_STATUS_FROM_CLIENT } from '../../../../protocol/remoting/request-code.ts';
import { decodeInvokeBrokerToGetConsumerStatusRequest } from '../../../../protocol/remoting/requests/invoke-broker-to-get-consumer-status.ts';
import { SUCCESS, SYSTEM_ERROR } from '../../../../protocol/remoting/response-code.ts';
import { callMember, type MemberAnswer } from '../../../consumer-group/call-member.ts';
import type { GroupDoor } from '../../../consumer-group/group-door.ts';
import type { Member } from '../../../consumer-group/members.ts';
import type { Handler, Request } from '../../request.ts';

const STATUS_MAX_MS = 5_000;
const STATUS_VERSION_MIN = 28;
const CLIENTS_MAX = 256;
/** All offsets of an answer. */
const BYTES_MAX = 8 * 1024 * 1024;

export function invokeBrokerToGetConsumerStatus(door: GroupDoor): Handler {
  return (request) => {
    const { topic, group, clientAddr } = decodeInvokeBrokerToGetConsumerStatusRequest(request.command.ext);
    const members = [...(door.groups.get(group)?.members.values() ?? [])];
    const wanted = (clientAddr ?? '').trim();
    const asked = wanted === '' ? members : members.filter((member) => member.clientId === wanted).slice(0, 1);
    const refusal = refusalOf(group, members, asked);
    if (refusal !== null) request.answer(SYSTEM_ERROR, refusal);
    else if (asked.length === 0) request.answer(SUCCESS, null, null, encodeConsumerStatus(new Map()));
    else ask(door, request, asked, { topic, group });
  };
}

function refusalOf(group: string, members: readonly Member[], asked: readonly Member[]): string | null {
  if (members.length === 0) return `No Any Consumer online in the consumer group: [${group}]`;
  const old = members.find((member) => member.version < STATUS_VERSION_MIN);
  if (old !== undefined) return `the client does not support this feature. version=${old.version}`;
  if (asked.length <= CLIENTS_MAX) return null;
  return `group ${group} has ${asked.length} clients, at most ${CLIENTS_MAX} are asked at once; name one as clientAddr`;
}

function ask(door: GroupDoor, request: Request, members: readonly Member[], ext: Record<string, string>): void {
  const status = new Map<string, QueueOffsets>();
  let outstanding = members.length;
  let bytes = 0;
  for (const member of members) {
    const question = { code: GET_CONSUMER_STATUS_FROM_CLIENT, ext, physical: -1, timeoutMs: STATUS_MAX_MS };
    callMember(door.thread, member, question, (answer) => {
      bytes += answer.body.length;
      const offsets = bytes > BYTES_MAX ? null : offsetsOf(answer);
      if (offsets !== null) status.set(member.clientId, offsets);
      else
        door.thread.log('warn', 'A client did not say where it is', {
          group: ext['group'],
          client: member.clientId,
          outcome: answer.outcome,
        });
      outstanding--;
      if (outstanding === 0) request.answer(SUCCESS, null, null, encodeConsumerStatus(status));
      door.thread.requestTurn();
    });
  }
}

function offsetsOf(answer: MemberAnswer): QueueOffsets | null {
  if (answer.outcome !== 'answered' || answer.code !== SUCCESS || answer.body.length === 0) return null;
  try {
    return decodeClientStatus(answer.body);
  } catch (error) {
    if (!(error instanceof BodyError)) throw error;
    return null;
  }
}
