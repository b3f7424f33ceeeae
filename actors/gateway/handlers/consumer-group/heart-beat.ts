/**
 * HEART_BEAT (34): a client says what it consumes and produces. Each group's actor takes its part; the client is answered when
 * all have, after the notices (40) to itself. Groups that do not exist are made where that is allowed, else passed over in
 * silence, as Java does. V2: a client that sends a fingerprint may leave its subscriptions out next time, unless IS_SUB_CHANGE.
 * Refused with 1 (body, too many), 29 (names); what can be done of the heartbeat is done.
 * Source: RocketMQ 5.3 `ClientManageProcessor.heartBeat`, `heartBeatV2`.
 */
import { NOTIFY_CONSUMER_IDS_CHANGED } from '../../../../protocol/remoting/request-code.ts';
import {
  INVALID_PARAMETER,
  SUBSCRIPTION_GROUP_NOT_EXIST,
  SUCCESS,
  SYSTEM_BUSY,
  SYSTEM_ERROR,
} from '../../../../protocol/remoting/response-code.ts';
import type { HeartbeatCommand, HeartbeatTaken } from '../../../consumer-group/consumer-group-actor.ts';
import { groupNameRefusal } from '../../../consumer-group/group-config.ts';
import type { GroupDoor } from '../../../consumer-group/group-door.ts';
import { CLIENT_ID_MAX, GROUPS_PER_CONNECTION_MAX, overLimit, type Refusal } from '../../../consumer-group/group-limits.ts';
import type { EnsureGroup, GroupReply } from '../../../consumer-group/group-registry-actor.ts';
import { consumerGroupPath, GROUP_REGISTRY_PATH } from '../../../consumer-group/group-table-actor.ts';
import type { Member } from '../../../consumer-group/members.ts';
import { type ProducerHeartbeat, type ProducerHeartbeatTaken, producerGroupPath } from '../../../producer-group/producer-group-actor.ts';
import type { Handler, Request } from '../../request.ts';
import { type ConsumerPart, decodeHeartbeat, type HeartbeatBody } from './heartbeat-body.ts';

/** Longer than a group waits for its retry topic. */
const GROUP_MAX_MS = 7_000;
const ENSURE_MAX_MS = 2_500;

export function heartBeat(door: GroupDoor): Handler {
  return (request) => {
    const body = decodeHeartbeat(request.command.body);
    const refusal = heartbeatRefusal(body);
    if (refusal !== null) request.answer(refusal.code, refusal.remark);
    else new HeartbeatInProgress(door, request, body).begin();
  };
}

function heartbeatRefusal(body: HeartbeatBody): Refusal | null {
  const { clientId, consumers, producers } = body;
  if (clientId === '') return { code: SYSTEM_ERROR, remark: 'The heartbeat has no clientID; send one' };
  if (clientId.length > CLIENT_ID_MAX) {
    return overLimit(INVALID_PARAMETER, 'characters of the clientID', clientId.length, CLIENT_ID_MAX, 'shorten it');
  }
  const groups = Math.max(consumers.length, producers.length);
  if (groups <= GROUPS_PER_CONNECTION_MAX) return null;
  return overLimit(SYSTEM_ERROR, 'groups in one heartbeat', groups, GROUPS_PER_CONNECTION_MAX, 'use more clients');
}

/** One heartbeat from its request to its answer. */
class HeartbeatInProgress {
  readonly #door: GroupDoor;
  readonly #request: Request;
  readonly #body: HeartbeatBody;
  readonly #member: Member;
  #outstanding = 1;
  #refusal: Refusal | null = null;
  #wantsFull = false;

  constructor(door: GroupDoor, request: Request, body: HeartbeatBody) {
    this.#door = door;
    this.#request = request;
    this.#body = body;
    const { connection, command } = request;
    this.#member = {
      clientId: body.clientId,
      shard: connection.shard,
      connection: connection.id,
      address: `${connection.remoteAddress}:${connection.remotePort}`,
      language: command.language,
      version: command.version,
    };
  }

  begin(): void {
    for (const part of this.#body.consumers) {
      if (this.#mayJoin('consumer', part.group)) this.#consumer(part);
    }
    for (const group of this.#body.producers) {
      if (this.#mayJoin('producer', group)) this.#producer(group);
    }
    this.#done();
  }

  #mayJoin(kind: 'consumer' | 'producer', group: string): boolean {
    const refusal = groupNameRefusal(group);
    if (refusal !== null) {
      this.#refuse(refusal);
      return false;
    }
    if (this.#door.join(this.#request.connection, kind, group)) return true;
    this.#refuse(
      overLimit(SYSTEM_ERROR, 'groups of one connection', GROUPS_PER_CONNECTION_MAX + 1, GROUPS_PER_CONNECTION_MAX, 'use more clients'),
    );
    return false;
  }

  #consumer(part: ConsumerPart): void {
    this.#outstanding++;
    if (this.#door.groups.get(part.group) !== undefined) {
      this.#tellConsumer(part);
      return;
    }
    const { thread } = this.#door;
    thread.ask<GroupReply, EnsureGroup>(
      thread.ref(GROUP_REGISTRY_PATH),
      (replyTo) => ({ kind: 'ensure-group', group: part.group, replyTo }),
      ENSURE_MAX_MS,
      (reply) => {
        if (reply?.kind === 'group-ready') return this.#tellConsumer(part);
        if (reply === undefined) this.#refuseBusy(part.group);
        else if (reply.code !== SUBSCRIPTION_GROUP_NOT_EXIST) this.#refuse(reply);
        this.#done();
      },
    );
  }

  #tellConsumer(part: ConsumerPart): void {
    const { thread } = this.#door;
    // It may have closed while its group was being made: then its leaving has been told already.
    if (!this.#door.isMember(this.#request.connection)) {
      this.#done();
      return;
    }
    const { fingerprint, withoutSub } = this.#body;
    thread.ask<HeartbeatTaken, HeartbeatCommand>(
      thread.ref(consumerGroupPath(part.group)),
      (replyTo) => ({
        kind: 'heartbeat',
        member: this.#member,
        habits: part.habits,
        subscriptions: part.subscriptions,
        fingerprint,
        withoutSub: fingerprint !== 0 && withoutSub,
        replyTo,
      }),
      GROUP_MAX_MS,
      (taken) => {
        if (taken === undefined) this.#refuseBusy(part.group);
        else this.#taken(part.group, taken);
        this.#done();
      },
    );
  }

  #taken(group: string, taken: HeartbeatTaken): void {
    if (taken.code !== SUCCESS) this.#refuse(taken);
    if (taken.wantsFull) this.#wantsFull = true;
    if (taken.mustNotify) this.#request.connection.push(NOTIFY_CONSUMER_IDS_CHANGED, { consumerGroup: group });
  }

  #producer(group: string): void {
    this.#outstanding++;
    const { thread } = this.#door;
    thread.ask<ProducerHeartbeatTaken, ProducerHeartbeat>(
      thread.ref(producerGroupPath(group)),
      (replyTo) => ({ kind: 'producer-heartbeat', member: this.#member, replyTo }),
      GROUP_MAX_MS,
      (taken) => {
        if (taken === undefined) this.#refuseBusy(group);
        else if (taken.code !== SUCCESS) this.#refuse(taken);
        this.#done();
      },
    );
  }

  /** The first refusal is the answer; the other groups still get their part. */
  #refuse(refusal: Refusal): void {
    this.#refusal ??= { code: refusal.code, remark: refusal.remark };
  }

  #refuseBusy(group: string): void {
    this.#refuse({ code: SYSTEM_BUSY, remark: `group ${group} gave no answer in time: it is overloaded or being restarted; try again` });
  }

  #done(): void {
    this.#outstanding--;
    if (this.#outstanding > 0) return;
    const { fingerprint } = this.#body;
    // V1 clients do not look at it, and Java says true to them.
    const isChanged = fingerprint === 0 || this.#wantsFull;
    const ext = { IS_SUPPORT_HEART_BEAT_V2: 'true', IS_SUB_CHANGE: String(isChanged) };
    if (this.#refusal === null) this.#request.answer(SUCCESS, null, ext);
    else this.#request.answer(this.#refusal.code, this.#refusal.remark, ext);
  }
}
