/**
 * Small answers about one group: its subscription to a topic (345), and whether it may read one (353).
 * Source: RocketMQ 5.3 `QuerySubscriptionResponseBody`, `GroupForbidden`.
 */
import type { SubscriptionData } from '../../../model/subscription.ts';
import { bodyObject } from './body-reader.ts';
import { jsonBody } from './json-writer.ts';
import { readSubscription, subscriptionObject } from './subscription-data.ts';

/** `subscription` is null when the group is offline or does not subscribe to the topic. */
export type GroupSubscriptionAnswer = {
  readonly group: string;
  readonly topic: string | null;
  readonly subscription: SubscriptionData | null;
};

export function decodeGroupSubscription(bytes: Uint8Array): GroupSubscriptionAnswer {
  const reader = bodyObject(bytes, 'a QuerySubscriptionResponseBody');
  const subscription = reader.object('subscriptionData');
  return {
    group: reader.string('group'),
    topic: reader.optionalString('topic'),
    subscription: subscription === null ? null : readSubscription(subscription),
  };
}

export function encodeGroupSubscription({ group, subscription, topic }: GroupSubscriptionAnswer): Uint8Array {
  return jsonBody({ group, subscriptionData: subscription === null ? null : subscriptionObject(subscription), topic });
}

/** Whether a group may read a topic. */
export type GroupForbidden = { readonly group: string; readonly topic: string; readonly readable: boolean };

export function decodeGroupForbidden(bytes: Uint8Array): GroupForbidden {
  const reader = bodyObject(bytes, 'a GroupForbidden');
  return { group: reader.string('group'), topic: reader.string('topic'), readable: reader.boolean('readable', true) };
}

export function encodeGroupForbidden({ group, readable, topic }: GroupForbidden): Uint8Array {
  return jsonBody({ group, readable, topic });
}
