/**
 * INVOKE_BROKER_TO_RESET_OFFSET (222): a tool moves a group's offsets in a topic to a time (before the epoch: to the end), or in one queue to an offset.
 *
 * At the broker (`useServerSideResetOffset`, as in 5.x): stored whether the group is on line or not; the next pull of each queue, also one that is held, is
 * told to go on there, and until then commits are passed over. `isForce` means nothing then, as in Java.
 * Else, as in 4.x: offsets that lie ahead are kept unless `isForce`, and the clients on line are told (220), who do the rest; those of C++ get a list.
 *
 * Answers 0 with the offsets; 17 no such topic; 26 no such group; 29 no such queue; 1 the offset is out of range, the group never consumed there, a client is
 * too old; 206 nobody is on line; 2 a part gives no answer.
 * Source: RocketMQ 5.3 `AdminBrokerProcessor.resetOffsetInner`, `Broker2Client.resetOffset`.
 */
import { encodeResetOffset, encodeResetOffsetList, type QueueOffsets } from '../../../../protocol/remoting/bodies/reset-offset.ts';
import { RESET_CONSUMER_CLIENT_OFFSET } from '../../../../protocol/remoting/request-code.ts';
import {
  decodeInvokeBrokerToResetOffsetRequest,
  type InvokeBrokerToResetOffsetRequest,
} from '../../../../protocol/remoting/requests/invoke-broker-to-reset-offset.ts';
import {
  CONSUMER_NOT_ONLINE,
  INVALID_PARAMETER,
  SUBSCRIPTION_GROUP_NOT_EXIST,
  SUCCESS,
  SYSTEM_BUSY,
  SYSTEM_ERROR,
  TOPIC_NOT_EXIST,
} from '../../../../protocol/remoting/response-code.ts';
import type { ActorRef } from '../../../../runtime/actor.ts';
import { collectOffsets } from '../../../consumer-group/collect-offsets.ts';
import type { OffsetsReset, ResetOffsets } from '../../../consumer-group/consumer-group-messages.ts';
import { clientOffsets, resetRefusal } from '../../../consumer-group/decide-reset.ts';
import type { GroupDoor } from '../../../consumer-group/group-door.ts';
import { consumerGroupPath } from '../../../consumer-group/group-table-actor.ts';
import { offsetsAtTime } from '../../../queue/offsets-at-time.ts';
import type { QueueDoor } from '../../../queue/queue-door.ts';
import type { Handler, PushToClient, Request } from '../../request.ts';

/** Source: `MQVersion.Version.V3_0_7_SNAPSHOT`. */
const RESET_VERSION_MIN = 28;
/** Offsets in one message between threads. */
const PAGE = 256;
/** A push to a client crosses threads in one message. */
const PUSH_BYTES_MAX = 192 * 1024;

export function invokeBrokerToResetOffset(door: GroupDoor, queues: QueueDoor): Handler {
  return (request) => {
    const asked = decodeInvokeBrokerToResetOffsetRequest(request.command.ext);
    const { topic, group, timestamp, queueId, offset } = asked;
    const state = door.topics.get(topic);
    if (state === undefined) {
      request.answer(TOPIC_NOT_EXIST, `Topic ${topic} does not exist`);
      return;
    }
    if (door.groups.get(group) === undefined) {
      request.answer(SUBSCRIPTION_GROUP_NOT_EXIST, `Group ${group} does not exist`);
      return;
    }
    if (!door.isResetHere) {
      const ids = Array.from({ length: state.writeQueues }, (_, id) => id);
      offsetsAtTime(queues, request, topic, ids, timestamp, (offsets) => tellClients(door, request, asked, offsets));
      return;
    }
    const one = queueId ?? -1;
    if (one >= state.queueHandles.length) {
      request.answer(
        INVALID_PARAMETER,
        `queueId[${one}] is out of range, topic ${topic} has the queues 0 to ${state.queueHandles.length - 1}`,
      );
      return;
    }
    if (one >= 0 && offset !== null && offset !== -1) {
      queues.askRange(request, topic, one, state.queueHandles[one]!, ({ min, max }) => {
        const refusal = resetRefusal(offset, min, max);
        if (refusal === null) store(door, request, group, topic, [one], [offset]);
        else request.answer(refusal.code, refusal.remark);
      });
      return;
    }
    const ids = one >= 0 ? [one] : Array.from({ length: state.readQueues }, (_, id) => id);
    if (ids.length === 0) request.answer(SYSTEM_ERROR, 'No queues to reset.');
    else offsetsAtTime(queues, request, topic, ids, timestamp, (offsets) => store(door, request, group, topic, ids, offsets));
  };
}

/** Page by page: a message between threads holds so many. */
function store(
  door: GroupDoor,
  request: Request,
  group: string,
  topic: string,
  queueIds: readonly number[],
  offsets: readonly number[],
  from: number = 0,
): void {
  const ids = queueIds.slice(from, from + PAGE);
  if (ids.length === 0) {
    request.answer(SUCCESS, null, null, encodeResetOffset(named(door, topic, queueIds, offsets)));
    return;
  }
  door.ask<OffsetsReset, ResetOffsets>(
    request,
    consumerGroupPath(group),
    (replyTo) => ({
      kind: 'reset-offsets',
      columns: { topics: ids.map(() => topic), queueIds: ids, offsets: offsets.slice(from, from + PAGE) },
      isTold: true,
      replyTo,
    }),
    ({ code, remark }) => {
      if (code === SUCCESS) store(door, request, group, topic, queueIds, offsets, from + PAGE);
      else request.answer(code, remark);
    },
  );
}

function tellClients(door: GroupDoor, request: Request, asked: InvokeBrokerToResetOffsetRequest, wanted: readonly number[]): void {
  const { topic, group, timestamp, isForce } = asked;
  collectOffsets(door, request, group, topic, (all) => {
    const offsets = clientOffsets(wanted, all.get(topic), isForce);
    if (offsets === null) {
      request.answer(SYSTEM_ERROR, `THe consumer group <${group}> not exist: it never consumed every queue of the topic ${topic}`);
      return;
    }
    const members = [...(door.groups.get(group)?.members.values() ?? [])];
    if (members.length === 0) {
      const remark = `Consumer not online, so can not reset offset, Group: ${group} Topic: ${topic} Timestamp: ${timestamp}`;
      request.answer(CONSUMER_NOT_ONLINE, remark);
      return;
    }
    const old = members.find((member) => member.version < RESET_VERSION_MIN);
    if (old !== undefined) {
      request.answer(SYSTEM_ERROR, `the client does not support this feature. version=${old.version}`);
      return;
    }
    const ids = offsets.map((_, id) => id);
    const table = named(door, topic, ids, offsets);
    const body = request.command.language === 'CPP' ? encodeResetOffsetList(table) : encodeResetOffset(table);
    if (body.length > PUSH_BYTES_MAX) {
      request.answer(SYSTEM_ERROR, `the topic ${topic} has too many queues to tell the clients of; set useServerSideResetOffset=true`);
      return;
    }
    const ext = { topic, group, timestamp: String(timestamp), isForce: String(isForce) };
    let told = 0;
    for (const { shard, connection } of members) {
      const gateway: ActorRef<PushToClient> = door.thread.ref(`gateway/${shard}`);
      if (gateway.tell({ kind: 'push-to-client', connection, code: RESET_CONSUMER_CLIENT_OFFSET, ext, body })) told++;
    }
    if (told === members.length) request.answer(SUCCESS, null, null, encodeResetOffset(table));
    else request.answer(SYSTEM_BUSY, `${members.length - told} of ${members.length} clients could not be told; try again`);
  });
}

function named(door: GroupDoor, topic: string, queueIds: readonly number[], offsets: readonly number[]): QueueOffsets {
  return queueIds.map((queueId, index) => [{ brokerName: door.broker.name, queueId, topic }, offsets[index]!] as const);
}
