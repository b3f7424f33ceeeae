/**
 * A heartbeat's body as the group handlers take it: checked against the limits of subscriptions. Pure. Lenient as fastjson: what
 * ali-ons and Go leave out or spell otherwise (no expressionType, tag codes as strings) is understood.
 * Fails with a BodyError whose message is fit to be the answer's remark.
 * Source: RocketMQ 5.3 `HeartbeatData`, `ConsumerData`, `SubscriptionData`.
 */
import { javaHash } from '../../../../model/java-hash.ts';
import { BodyError } from '../../../../protocol/remoting/errors.ts';
import { SUBSCRIPTION_CHARACTERS_MAX, SUBSCRIPTIONS_MAX, TAGS_MAX } from '../../../consumer-group/group-limits.ts';
import type { GroupHabits, Subscription } from '../../../consumer-group/members.ts';

export type ConsumerPart = { readonly group: string; readonly habits: GroupHabits; readonly subscriptions: readonly Subscription[] };

export type HeartbeatBody = {
  readonly clientId: string;
  readonly consumers: readonly ConsumerPart[];
  readonly producers: readonly string[];
  /** 0: heartbeat V1. */
  readonly fingerprint: number;
  readonly withoutSub: boolean;
};

type Json = Readonly<Record<string, unknown>>;

export function decodeHeartbeat(body: Uint8Array): HeartbeatBody {
  const root = parse(body);
  return {
    clientId: text(root['clientID']),
    consumers: list(root['consumerDataSet']).map((entry) => consumerPart(object(entry, 'consumerDataSet'))),
    producers: list(root['producerDataSet']).map((entry) => text(object(entry, 'producerDataSet')['groupName'])),
    fingerprint: integer(root['heartbeatFingerprint']) | 0,
    withoutSub: flag(root['withoutSub'] ?? root['isWithoutSub']),
  };
}

/** A JSON body that must be an object. */
export function parse(body: Uint8Array): Json {
  if (body.length === 0) throw new BodyError('The body is missing; send JSON');
  let parsed: unknown;
  try {
    parsed = JSON.parse(Buffer.from(body.buffer, body.byteOffset, body.length).toString('utf8'));
  } catch (cause) {
    throw new BodyError('The body is not JSON', { cause });
  }
  return object(parsed, 'the body');
}

function consumerPart(data: Json): ConsumerPart {
  const group = text(data['groupName']);
  const subscriptions = list(data['subscriptionDataSet']).map((entry) => decodeSubscription(object(entry, 'subscriptionDataSet')));
  if (subscriptions.length > SUBSCRIPTIONS_MAX) {
    throw new BodyError(
      `Group ${group} subscribes to ${subscriptions.length} topics, at most ${SUBSCRIPTIONS_MAX} allowed; use more groups`,
    );
  }
  let characters = 0;
  for (const one of subscriptions) {
    characters += one.topic.length + one.subString.length + one.codes.length * 5;
    for (const tag of one.tags) characters += tag.length + 2;
  }
  if (characters > SUBSCRIPTION_CHARACTERS_MAX) {
    throw new BodyError(
      `The subscriptions of group ${group} have ${characters} characters, at most ${SUBSCRIPTION_CHARACTERS_MAX} allowed; use fewer tags`,
    );
  }
  return {
    group,
    habits: {
      consumeType: text(data['consumeType']) || 'CONSUME_PASSIVELY',
      messageModel: text(data['messageModel']) || 'CLUSTERING',
      consumeFromWhere: text(data['consumeFromWhere']) || 'CONSUME_FROM_LAST_OFFSET',
    },
    subscriptions,
  };
}

/** A subscription out of its JSON object; tags without codes get them. */
export function decodeSubscription(data: Json): Subscription {
  const expressionType = text(data['expressionType']) || 'TAG';
  const subString = text(data['subString']) || '*';
  const tags = list(data['tagsSet']).map(text);
  let codes = list(data['codeSet']).map((code) => integer(code) | 0);
  if (codes.length === 0 && expressionType === 'TAG' && subString !== '*') {
    const named = tags.length > 0 ? tags : subString.split('||').map((tag) => tag.trim());
    codes = named.filter((tag) => tag !== '').map(javaHash);
  }
  if (tags.length > TAGS_MAX || codes.length > TAGS_MAX) {
    throw new BodyError(
      `The subscription of topic ${text(data['topic'])} has ${Math.max(tags.length, codes.length)} tags, at most ${TAGS_MAX} allowed`,
    );
  }
  return {
    topic: text(data['topic']),
    expressionType,
    subString,
    subVersion: integer(data['subVersion']),
    codes,
    tags,
    classFilterMode: flag(data['classFilterMode']),
  };
}

export function object(value: unknown, what: string): Json {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) throw new BodyError(`${what} is no JSON object`);
  return value as Json;
}

export function list(value: unknown): readonly unknown[] {
  if (value === undefined || value === null) return [];
  if (!Array.isArray(value)) throw new BodyError('A set in the body is no JSON array');
  return value;
}

export function text(value: unknown): string {
  if (value === undefined || value === null) return '';
  if (typeof value === 'object') throw new BodyError('A name in the body is no text');
  return String(value);
}

/** Saturates at 2^53 − 1; what is no number counts as 0, as in fastjson for a missing one. */
export function integer(value: unknown): number {
  const number = typeof value === 'string' ? Number(value) : value;
  if (typeof number !== 'number' || Number.isNaN(number)) return 0;
  return Math.trunc(Math.max(-Number.MAX_SAFE_INTEGER, Math.min(Number.MAX_SAFE_INTEGER, number)));
}

function flag(value: unknown): boolean {
  return value === true || value === 'true';
}
