/**
 * HEART_BEAT (34): a client says what it consumes and produces. Each group's actor takes its part; the client is answered when
 * all have, after the notices (40) to itself. Groups that do not exist are made where that is allowed, else passed over in
 * silence, as Java does. V2: a client that sends a fingerprint may leave its subscriptions out next time, unless IS_SUB_CHANGE.
 * Refused with 1 (body, too many), 29 (names); what can be done of the heartbeat is done.
 * Source: RocketMQ 5.3 `ClientManageProcessor.heartBeat`, `heartBeatV2`.
 */
import { MessageTextError } from '../../../../model/errors.ts';
import { isTagType, SUBSCRIBE_ALL, type SubscriptionData, TAGS_MAX, tagSubscription } from '../../../../model/subscription.ts';
import { type ConsumerData, decodeHeartbeatData, type HeartbeatData } from '../../../../protocol/remoting/bodies/heartbeat-data.ts';
import { NOTIFY_CONSUMER_IDS_CHANGED } from '../../../../protocol/remoting/request-code.ts';
import {
  INVALID_PARAMETER,
  SUBSCRIPTION_GROUP_NOT_EXIST,
  SUCCESS,
  SYSTEM_BUSY,
  SYSTEM_ERROR,
} from '../../../../protocol/remoting/response-code.ts';
import type { HeartbeatCommand, HeartbeatTaken } from '../../../consumer-group/consumer-group-messages.ts';
import { groupNameRefusal } from '../../../consumer-group/group-config.ts';
import type { GroupDoor, GroupKind } from '../../../consumer-group/group-door.ts';
import {
  CLIENT_ID_MAX,
  GROUPS_PER_CONNECTION_MAX,
  overLimit,
  type Refusal,
  SUBSCRIPTION_CHARACTERS_MAX,
  SUBSCRIPTIONS_MAX,
} from '../../../consumer-group/group-limits.ts';
import type { EnsureGroup, GroupReply } from '../../../consumer-group/group-registry-messages.ts';
import { consumerGroupPath, GROUP_REGISTRY_PATH } from '../../../consumer-group/group-table-actor.ts';
import type { Member } from '../../../consumer-group/members.ts';
import { type ProducerHeartbeat, type ProducerHeartbeatTaken, producerGroupPath } from '../../../producer-group/producer-group-actor.ts';
import type { Handler, Request } from '../../request.ts';

/** Longer than a group waits for its retry topic. */
const GROUP_MAX_MS = 7_000;
const ENSURE_MAX_MS = 2_500;

export function heartBeat(door: GroupDoor): Handler {
  return (request) => {
    const body = decodeHeartbeatData(request.command.body);
    const refusal = heartbeatRefusal(body);
    if (refusal !== null) request.answer(refusal.code, refusal.remark);
    else new HeartbeatInProgress(door, request, body).begin();
  };
}

function heartbeatRefusal({ clientId }: HeartbeatData): Refusal | null {
  if (clientId === '') return { code: SYSTEM_ERROR, remark: 'The heartbeat has an empty clientID; send one' };
  if (clientId.length <= CLIENT_ID_MAX) return null;
  return overLimit(INVALID_PARAMETER, 'characters of the clientID', clientId.length, CLIENT_ID_MAX, 'shorten it');
}

/** Null for a part that a group can take, else which limit it is beyond. */
function consumerRefusal({ groupName, subscriptions }: ConsumerData): Refusal | null {
  if (subscriptions.length > SUBSCRIPTIONS_MAX) {
    return overLimit(
      SYSTEM_ERROR,
      `topics that group ${groupName} subscribes to`,
      subscriptions.length,
      SUBSCRIPTIONS_MAX,
      'use more groups',
    );
  }
  let characters = 0;
  for (const { topic, subString, tagsSet, codeSet } of subscriptions) {
    const tags = Math.max(tagsSet.length, codeSet.length);
    if (tags > TAGS_MAX) return overLimit(SYSTEM_ERROR, `tags of the subscription to ${topic}`, tags, TAGS_MAX, 'use fewer tags');
    characters += topic.length + subString.length + 5 * codeSet.length;
    for (const tag of tagsSet) characters += tag.length + 2;
  }
  if (characters <= SUBSCRIPTION_CHARACTERS_MAX) return null;
  const what = `characters of the subscriptions of group ${groupName}`;
  return overLimit(SYSTEM_ERROR, what, characters, SUBSCRIPTION_CHARACTERS_MAX, 'use fewer tags or more groups');
}

/** Tags that came without their codes get them; a blank expression means everything, and one that names no tag nothing. */
function withCodes(subscription: SubscriptionData): SubscriptionData {
  const { topic, subString, codeSet, expressionType, subVersion } = subscription;
  if (codeSet.length > 0 || !isTagType(expressionType) || subString === SUBSCRIBE_ALL) return subscription;
  try {
    return tagSubscription(topic, subString, subVersion);
  } catch (error) {
    if (!(error instanceof MessageTextError)) throw error;
    return subscription;
  }
}

/** One heartbeat from its request to its answer. */
class HeartbeatInProgress {
  readonly #door: GroupDoor;
  readonly #request: Request;
  readonly #body: HeartbeatData;
  readonly #member: Member;
  #outstanding = 1;
  #refusal: Refusal | null = null;
  #wantsFull = false;

  constructor(door: GroupDoor, request: Request, body: HeartbeatData) {
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
      const refusal = groupNameRefusal(part.groupName) ?? consumerRefusal(part);
      if (refusal !== null) this.#refuse(refusal);
      else if (this.#mayJoin('consumer', part.groupName)) this.#consumer(part);
    }
    for (const group of this.#body.producers) {
      const refusal = groupNameRefusal(group);
      if (refusal !== null) this.#refuse(refusal);
      else if (this.#mayJoin('producer', group)) this.#producer(group);
    }
    this.#done();
  }

  #mayJoin(kind: GroupKind, group: string): boolean {
    if (this.#door.join(this.#request.connection, kind, group)) return true;
    const max = GROUPS_PER_CONNECTION_MAX;
    this.#refuse(overLimit(SYSTEM_ERROR, `${kind} groups of one connection`, max + 1, max, 'use more clients'));
    return false;
  }

  #consumer(part: ConsumerData): void {
    this.#outstanding++;
    const group = part.groupName;
    if (this.#door.groups.get(group) !== undefined) {
      this.#tellConsumer(part);
      return;
    }
    const { thread } = this.#door;
    thread.ask<GroupReply, EnsureGroup>(
      thread.ref(GROUP_REGISTRY_PATH),
      (replyTo) => ({ kind: 'ensure-group', group, replyTo }),
      ENSURE_MAX_MS,
      (reply) => {
        if (reply?.kind === 'group-ready') {
          this.#tellConsumer(part);
          return;
        }
        if (reply === undefined) this.#refuseBusy(group);
        else if (reply.code !== SUBSCRIPTION_GROUP_NOT_EXIST) this.#refuse(reply);
        this.#done();
      },
    );
  }

  #tellConsumer(part: ConsumerData): void {
    // It may have closed while its group was being made: then its leaving has been told already.
    if (!this.#door.isMember(this.#request.connection)) {
      this.#done();
      return;
    }
    const { thread } = this.#door;
    const { groupName, consumeType, messageModel, consumeFromWhere } = part;
    const { fingerprint, isWithoutSubscriptions } = this.#body;
    thread.ask<HeartbeatTaken, HeartbeatCommand>(
      thread.ref(consumerGroupPath(groupName)),
      (replyTo) => ({
        kind: 'heartbeat',
        member: this.#member,
        habits: { consumeType, messageModel, consumeFromWhere },
        subscriptions: part.subscriptions.map(withCodes),
        fingerprint,
        withoutSub: fingerprint !== 0 && isWithoutSubscriptions,
        replyTo,
      }),
      GROUP_MAX_MS,
      (taken) => {
        if (taken === undefined) this.#refuseBusy(groupName);
        else this.#taken(groupName, taken);
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
    this.#door.nameProducer(this.#request.connection, this.#body.clientId);
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
  #refuse({ code, remark }: Refusal): void {
    this.#refusal ??= { code, remark };
  }

  #refuseBusy(group: string): void {
    this.#refuse({ code: SYSTEM_BUSY, remark: `group ${group} gave no answer in time: it is overloaded or being restarted; try again` });
  }

  #done(): void {
    this.#outstanding--;
    if (this.#outstanding > 0) return;
    // V1 clients do not look at it, and Java says true to them.
    const isChanged = this.#body.fingerprint === 0 || this.#wantsFull;
    const ext = { IS_SUPPORT_HEART_BEAT_V2: 'true', IS_SUB_CHANGE: String(isChanged) };
    if (this.#refusal === null) this.#request.answer(SUCCESS, null, ext);
    else this.#request.answer(this.#refusal.code, this.#refusal.remark, ext);
  }
}
