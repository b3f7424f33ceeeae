/**
 * A consumer's inner state: its answer to GET_CONSUMER_RUNNING_INFO (307). What a client does not count is left out and reads as 0.
 * Source: RocketMQ 5.3 `ConsumerRunningInfo`, `ProcessQueueInfo`, `ConsumeStatus` (whose `droped` is spelled so).
 */
import type { MessageQueue } from '../../../model/queue-id.ts';
import type { SubscriptionData } from '../../../model/subscription.ts';
import { bodyObject, readerOf } from './body-reader.ts';
import { jsonText, queueTableJson } from './json-writer.ts';
import { readMessageQueue } from './message-queue.ts';
import { readSubscription, subscriptionObject } from './subscription-data.ts';

/** One queue that the client has. Times are in milliseconds since 1970, 0: never. */
export type ProcessQueueInfo = {
  readonly commitOffset: number;
  readonly cachedMsgCount: number;
  readonly cachedMsgSizeInMiB: number;
  readonly locked: boolean;
  readonly lastPullTimestamp: number;
  readonly lastConsumeTimestamp: number;
};

/** One topic: messages a second over the last minute, and how long a handler takes, in milliseconds. */
export type ConsumeStatus = {
  readonly consumeOKTPS: number;
  readonly consumeFailedTPS: number;
  readonly consumeRT: number;
  readonly pullTPS: number;
};

export type ConsumerRunningInfo = {
  /** Java's names: PROP_CONSUME_TYPE, PROP_CONSUMEORDERLY, PROP_CONSUMER_START_TIMESTAMP … */
  readonly properties: ReadonlyMap<string, string>;
  readonly subscriptions: readonly SubscriptionData[];
  readonly queues: readonly (readonly [MessageQueue, ProcessQueueInfo])[];
  readonly status: ReadonlyMap<string, ConsumeStatus>;
};

export function decodeConsumerRunningInfo(bytes: Uint8Array): ConsumerRunningInfo {
  const reader = bodyObject(bytes, 'a ConsumerRunningInfo');
  const queues = reader.keyedTable('mqTable').map(([key, value]) => {
    const info = readerOf(value, 'a queue of a ConsumerRunningInfo');
    return [
      readMessageQueue(key),
      {
        commitOffset: info.long('commitOffset', 0),
        cachedMsgCount: info.int('cachedMsgCount', 0),
        cachedMsgSizeInMiB: info.int('cachedMsgSizeInMiB', 0),
        locked: info.boolean('locked', false),
        lastPullTimestamp: info.time('lastPullTimestamp', 0),
        lastConsumeTimestamp: info.time('lastConsumeTimestamp', 0),
      },
    ] as const;
  });
  const status = reader.table('statusTable').map(([topic, value]) => {
    const of = readerOf(value, `the status of ${topic}`);
    const [consumeOKTPS, consumeFailedTPS] = [of.double('consumeOKTPS', 0), of.double('consumeFailedTPS', 0)];
    return [topic, { consumeOKTPS, consumeFailedTPS, consumeRT: of.double('consumeRT', 0), pullTPS: of.double('pullTPS', 0) }] as const;
  });
  return {
    properties: reader.textTable('properties'),
    subscriptions: reader.objects('subscriptionSet').map(readSubscription),
    queues,
    status: new Map(status),
  };
}

export function encodeConsumerRunningInfo(info: ConsumerRunningInfo): Uint8Array {
  const queues = queueTableJson(info.queues.map(([queue, queueInfo]) => [queue, JSON.stringify({ droped: false, ...queueInfo })]));
  const rest = jsonText({
    properties: Object.fromEntries(info.properties),
    statusTable: Object.fromEntries(info.status),
    subscriptionSet: info.subscriptions.map(subscriptionObject),
  });
  return Buffer.from(`{"mqTable":${queues},${rest.slice(1)}`);
}
