/**
 * Answer of QUERY_CONSUME_QUEUE (321): a queue's range and some of its units, and how a group filters them.
 * Source: RocketMQ 5.3 `QueryConsumeQueueResponseBody`, `ConsumeQueueData`.
 */
import type { SubscriptionData } from '../../../model/subscription.ts';
import { type BodyReader, bodyObject } from './body-reader.ts';
import { jsonBody } from './json-writer.ts';
import { readSubscription, subscriptionObject } from './subscription-data.ts';

export type ConsumeQueueUnit = {
  readonly physicOffset: number;
  readonly physicSize: number;
  readonly tagsCode: number;
  /** Whether the group's expression takes it; tags are no expression in this sense. */
  readonly eval: boolean;
};

export type ConsumeQueueData = {
  readonly maxQueueIndex: number;
  readonly minQueueIndex: number;
  /** null: the offset asked for is not in the queue. */
  readonly queueData: readonly ConsumeQueueUnit[] | null;
  readonly subscriptionData: SubscriptionData | null;
  readonly filterData: string | null;
};

export function decodeConsumeQueueData(bytes: Uint8Array): ConsumeQueueData {
  const reader = bodyObject(bytes, 'a QueryConsumeQueueResponseBody');
  const subscription = reader.object('subscriptionData');
  return {
    maxQueueIndex: reader.long('maxQueueIndex', 0),
    minQueueIndex: reader.long('minQueueIndex', 0),
    queueData: reader.value('queueData') === undefined ? null : reader.objects('queueData').map(readUnit),
    subscriptionData: subscription === null ? null : readSubscription(subscription),
    filterData: reader.optionalString('filterData'),
  };
}

export function encodeConsumeQueueData(data: ConsumeQueueData): Uint8Array {
  return jsonBody({
    filterData: data.filterData,
    maxQueueIndex: data.maxQueueIndex,
    minQueueIndex: data.minQueueIndex,
    queueData: data.queueData,
    subscriptionData: data.subscriptionData === null ? null : subscriptionObject(data.subscriptionData),
  });
}

function readUnit(reader: BodyReader): ConsumeQueueUnit {
  return {
    eval: reader.boolean('eval', false),
    physicOffset: reader.long('physicOffset', 0),
    physicSize: reader.int('physicSize', 0),
    tagsCode: reader.long('tagsCode', 0),
  };
}
