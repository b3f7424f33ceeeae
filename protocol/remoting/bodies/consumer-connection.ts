/**
 * Answer of GET_CONSUMER_CONNECTION_LIST (203): a consumer group's members and subscriptions. Source: RocketMQ 5.3 `ConsumerConnection`.
 */
import type { SubscriptionData } from '../../../model/subscription.ts';
import { bodyObject, readerOf } from './body-reader.ts';
import { type ClientConnection, connectionObject, readConnection } from './connection.ts';
import { jsonBody } from './json-writer.ts';
import { readSubscription, subscriptionObject } from './subscription-data.ts';

export type ConsumerConnection = {
  readonly connections: readonly ClientConnection[];
  /** By topic, `%RETRY%group` included. */
  readonly subscriptions: ReadonlyMap<string, SubscriptionData>;
  readonly consumeType: string | null;
  readonly messageModel: string | null;
  readonly consumeFromWhere: string | null;
};

export function decodeConsumerConnection(bytes: Uint8Array): ConsumerConnection {
  const reader = bodyObject(bytes, 'a ConsumerConnection');
  return {
    connections: reader.objects('connectionSet').map(readConnection),
    subscriptions: new Map(
      reader.table('subscriptionTable').map(([topic, value]) => [topic, readSubscription(readerOf(value, `the subscription to ${topic}`))]),
    ),
    consumeType: reader.optionalString('consumeType'),
    messageModel: reader.optionalString('messageModel'),
    consumeFromWhere: reader.optionalString('consumeFromWhere'),
  };
}

export function encodeConsumerConnection(body: ConsumerConnection): Uint8Array {
  const { connections, consumeFromWhere, consumeType, messageModel, subscriptions } = body;
  return jsonBody({
    connectionSet: connections.map(connectionObject),
    consumeFromWhere,
    consumeType,
    messageModel,
    subscriptionTable: Object.fromEntries([...subscriptions].map(([topic, subscription]) => [topic, subscriptionObject(subscription)])),
  });
}
