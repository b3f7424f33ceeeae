/**
 * CHECK_CLIENT_CONFIG (46): may a client subscribe with this expression? Source: RocketMQ 5.3 `CheckClientRequestBody`.
 */
import type { SubscriptionData } from '../../../model/subscription.ts';
import { bodyObject, readerOf } from './body-reader.ts';
import { jsonBody } from './json-writer.ts';
import { readSubscription, subscriptionObject } from './subscription-data.ts';

export type CheckClientConfig = {
  readonly clientId: string;
  readonly group: string;
  readonly namespace: string | null;
  readonly subscription: SubscriptionData;
};

export function decodeCheckClientConfig(bytes: Uint8Array): CheckClientConfig {
  const reader = bodyObject(bytes, 'a CheckClientRequestBody');
  return {
    clientId: reader.optionalString('clientId') ?? '',
    group: reader.optionalString('group') ?? '',
    namespace: reader.optionalString('namespace'),
    subscription: readSubscription(readerOf(reader.value('subscriptionData'), 'subscriptionData of a CheckClientRequestBody')),
  };
}

export function encodeCheckClientConfig(request: CheckClientConfig): Uint8Array {
  const { clientId, group, namespace, subscription } = request;
  return jsonBody({ clientId, group, namespace, subscriptionData: subscriptionObject(subscription) });
}
