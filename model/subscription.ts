/**
 * What a consumer wants of a topic. A tag expression is `*` or `a || b`; its tags become the codes that the consume queue's units are
 * compared with; the client compares the tags themselves, so a hash collision only costs a transfer.
 * Source: RocketMQ 5.3 `FilterAPI`, `SubscriptionData`.
 */
import { MessageTextError } from './errors.ts';
import { javaHash } from './java-hash.ts';

export const SUBSCRIBE_ALL = '*';
export const EXPRESSION_TAG = 'TAG';
export const EXPRESSION_SQL92 = 'SQL92';
/** Ours alone: the expression is the name of a filter plugin of the broker. */
export const EXPRESSION_PLUGIN = 'PLUGIN';
/** Tags of one expression. */
export const TAGS_MAX = 1024;
/** Characters of one expression. */
export const EXPRESSION_CHARS_MAX = 65_536;

export type SubscriptionData = {
  readonly topic: string;
  readonly subString: string;
  /** Empty: all messages. */
  readonly tagsSet: readonly string[];
  /** Java hashes of the tags. */
  readonly codeSet: readonly number[];
  /** Milliseconds at the client when it subscribed; a greater one is newer. */
  readonly subVersion: number;
  readonly expressionType: string;
  readonly classFilterMode: boolean;
};

/** A null, empty or missing type means tags. */
export function isTagType(expressionType: string | null): boolean {
  return expressionType === null || expressionType === '' || expressionType === EXPRESSION_TAG;
}

/** The tags of an expression; empty for `*` and for blank ones. Throws MessageTextError for one that names no tag or too many. */
export function parseTags(expression: string): string[] {
  const text = expression.trim();
  if (text === '' || text === SUBSCRIBE_ALL) return [];
  if (text.length > EXPRESSION_CHARS_MAX)
    throw new MessageTextError(`A tag expression of ${text.length} characters; ${EXPRESSION_CHARS_MAX} are allowed`);
  const tags = new Set<string>();
  for (const part of text.split('||')) {
    const tag = part.trim();
    if (tag !== '') tags.add(tag);
  }
  if (tags.size === 0) throw new MessageTextError('A tag expression without a tag: write `*` or `a || b`');
  if (tags.size > TAGS_MAX) throw new MessageTextError(`A tag expression of ${tags.size} tags; ${TAGS_MAX} are allowed`);
  return [...tags];
}

/** The subscription that a tag expression means. Throws MessageTextError. */
export function tagSubscription(topic: string, expression: string, subVersion: number): SubscriptionData {
  const tagsSet = parseTags(expression);
  const subString = expression.trim() === '' ? SUBSCRIBE_ALL : expression;
  return { topic, subString, tagsSet, codeSet: tagsSet.map(javaHash), subVersion, expressionType: EXPRESSION_TAG, classFilterMode: false };
}

/** The codes that a pull's filter compares; null when every message passes. */
export function tagCodes(subscription: SubscriptionData): Int32Array | null {
  return subscription.codeSet.length === 0 ? null : Int32Array.from(subscription.codeSet);
}
