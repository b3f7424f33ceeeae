/**
 * HEART_BEAT (34): what a client is: the groups it produces and consumes with, and what it wants. Version 2 has a fingerprint and may leave the
 * subscriptions out. Fails with a BodyError. Source: RocketMQ 5.3 `HeartbeatData`, `ConsumerData`; Go client v2, ali-ons.
 */
import type { SubscriptionData } from '../../../model/subscription.ts';
import { BodyError } from '../errors.ts';
import { type BodyReader, bodyObject } from './body-reader.ts';
import { jsonBody } from './json-writer.ts';
import { readSubscription, subscriptionObject } from './subscription-data.ts';

export const CONSUME_ACTIVELY = 'CONSUME_ACTIVELY';
export const CONSUME_PASSIVELY = 'CONSUME_PASSIVELY';
export const CONSUME_POP = 'CONSUME_POP';
export const BROADCASTING = 'BROADCASTING';
export const CLUSTERING = 'CLUSTERING';
export const CONSUME_FROM_LAST_OFFSET = 'CONSUME_FROM_LAST_OFFSET';
export const CONSUME_FROM_FIRST_OFFSET = 'CONSUME_FROM_FIRST_OFFSET';
export const CONSUME_FROM_TIMESTAMP = 'CONSUME_FROM_TIMESTAMP';

/** Groups of one kind in one heartbeat; subscriptions of one group. */
export const HEARTBEAT_GROUPS_MAX = 1024;
export const HEARTBEAT_SUBSCRIPTIONS_MAX = 4096;

export type ConsumerData = {
  readonly groupName: string;
  /** CONSUME_ACTIVELY (pull), CONSUME_PASSIVELY (push), CONSUME_POP; the text as sent. */
  readonly consumeType: string;
  /** BROADCASTING or CLUSTERING. */
  readonly messageModel: string;
  readonly consumeFromWhere: string;
  readonly subscriptions: readonly SubscriptionData[];
  readonly unitMode: boolean;
};

export type HeartbeatData = {
  readonly clientId: string;
  readonly consumers: readonly ConsumerData[];
  /** Names of producer groups. */
  readonly producers: readonly string[];
  /** Hash of the heartbeat in version 2, 0 in version 1. */
  readonly fingerprint: number;
  /** Version 2: the subscriptions are left out and unchanged. */
  readonly isWithoutSubscriptions: boolean;
};

export function decodeHeartbeatData(bytes: Uint8Array): HeartbeatData {
  const reader = bodyObject(bytes, 'a HeartbeatData');
  const consumers = bounded(reader.objects('consumerDataSet'), HEARTBEAT_GROUPS_MAX, 'consumer groups');
  const producers = bounded(reader.objects('producerDataSet'), HEARTBEAT_GROUPS_MAX, 'producer groups');
  return {
    clientId: reader.string('clientID'),
    consumers: consumers.map(readConsumer),
    producers: producers.map((producer) => producer.string('groupName')),
    fingerprint: reader.int('heartbeatFingerprint', 0),
    isWithoutSubscriptions: reader.boolean('withoutSub', false) || reader.boolean('isWithoutSub', false),
  };
}

export function encodeHeartbeatData(heartbeat: HeartbeatData): Uint8Array {
  return jsonBody({
    clientID: heartbeat.clientId,
    consumerDataSet: heartbeat.consumers.map((consumer) => ({
      consumeFromWhere: consumer.consumeFromWhere,
      consumeType: consumer.consumeType,
      groupName: consumer.groupName,
      messageModel: consumer.messageModel,
      subscriptionDataSet: consumer.subscriptions.map(subscriptionObject),
      unitMode: consumer.unitMode,
    })),
    heartbeatFingerprint: heartbeat.fingerprint,
    producerDataSet: heartbeat.producers.map((groupName) => ({ groupName })),
    withoutSub: heartbeat.isWithoutSubscriptions,
  });
}

function readConsumer(reader: BodyReader): ConsumerData {
  return {
    groupName: reader.string('groupName'),
    consumeType: reader.optionalString('consumeType') ?? CONSUME_PASSIVELY,
    messageModel: reader.optionalString('messageModel') ?? CLUSTERING,
    consumeFromWhere: reader.optionalString('consumeFromWhere') ?? CONSUME_FROM_LAST_OFFSET,
    subscriptions: bounded(reader.objects('subscriptionDataSet'), HEARTBEAT_SUBSCRIPTIONS_MAX, 'subscriptions of a group').map(
      readSubscription,
    ),
    unitMode: reader.boolean('unitMode', false),
  };
}

function bounded<T>(list: readonly T[], max: number, what: string): readonly T[] {
  if (list.length > max) throw new BodyError(`A heartbeat with ${list.length} ${what}; ${max} are allowed`);
  return list;
}
