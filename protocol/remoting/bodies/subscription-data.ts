/**
 * A consumer's subscription to one topic, in heartbeats and in what tools are told. Lenient as brokers must be: the Go client sends its codes
 * as texts, the npm client no expressionType. Source: RocketMQ 5.3 `SubscriptionData`.
 */
import { EXPRESSION_TAG, SUBSCRIBE_ALL, type SubscriptionData } from '../../../model/subscription.ts';
import { BodyError } from '../errors.ts';
import type { BodyReader } from './body-reader.ts';

export function readSubscription(reader: BodyReader): SubscriptionData {
  return {
    topic: reader.string('topic'),
    subString: reader.optionalString('subString') ?? SUBSCRIBE_ALL,
    tagsSet: reader.strings('tagsSet'),
    codeSet: reader.strings('codeSet').map(tagCodeOf),
    subVersion: reader.time('subVersion', 0),
    expressionType: reader.optionalString('expressionType') || EXPRESSION_TAG,
    classFilterMode: reader.boolean('classFilterMode', false),
  };
}

/** Its members in Java's order, for use within other bodies. */
export function subscriptionObject(subscription: SubscriptionData): Record<string, unknown> {
  return {
    classFilterMode: subscription.classFilterMode,
    codeSet: subscription.codeSet,
    expressionType: subscription.expressionType,
    subString: subscription.subString,
    subVersion: subscription.subVersion,
    tagsSet: subscription.tagsSet,
    topic: subscription.topic,
  };
}

function tagCodeOf(text: string): number {
  const code = Number(text);
  if ((code | 0) !== code)
    throw new BodyError(`codeSet of a subscription holds ${JSON.stringify(text.slice(0, 40))}; 32-bit integers are needed`);
  return code;
}
