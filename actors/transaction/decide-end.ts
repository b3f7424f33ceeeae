/**
 * Whether a request may end a half message: it must name one by both its places, and be of its producer group; and it must not name another
 * message, which a Java broker does not look at: behind a power cut in asynchronous flush a half message that was stored later may lie at
 * both places of one that is lost, whose producer says that it is committed. Pure.
 * Source: RocketMQ 5.4 `EndTransactionProcessor.checkPrepareMessage`, `rejectCommitOrRollback`.
 */
import { javaHash } from '../../model/java-hash.ts';
import { UNIQ_KEY } from '../../model/message-property.ts';
import type { MessageRecord } from '../../model/message-record.ts';
import { TRANS_HALF_TOPIC } from '../../model/topic.ts';
import { ILLEGAL_OPERATION, SYSTEM_ERROR } from '../../protocol/remoting/response-code.ts';
import { immunityOf, type Properties, producerGroupOf, realDestination, waitsSince } from './half-message.ts';

/** What of request 37 counts. */
export type EndRequest = {
  readonly group: string;
  /** Place of the half message in its queue, and in the log. */
  readonly halfOffset: number;
  readonly physical: number;
  readonly isCommit: boolean;
  readonly isFromCheck: boolean;
  /** Java's hashes of what the request says that it ends, the unique key in either field; 0: it does not say. */
  readonly transactionIdHash: number;
  readonly messageIdHash: number;
};

/** Whether a request means the half message whose unique key has this hash. It does if one of its two names is that, or if it has none. */
export function isMeant(uniqueHash: number, transactionIdHash: number, messageIdHash: number): boolean {
  const isNamed = transactionIdHash !== 0 || messageIdHash !== 0;
  return !isNamed || uniqueHash === 0 || transactionIdHash === uniqueHash || messageIdHash === uniqueHash;
}

export type Refusal = { readonly code: number; readonly remark: string };

/** Null: it may. `half` is null when no record begins at the place that the request names. */
export function endRefusal(
  request: EndRequest,
  half: MessageRecord | null,
  properties: Properties,
  now: number,
  timeoutMs: number,
): Refusal | null {
  const { group, halfOffset, physical, isFromCheck } = request;
  if (half === null || half.topic !== TRANS_HALF_TOPIC || realDestination(properties) === null) {
    const what = half === null ? 'no message begins there, or it was removed' : 'the message there is no half message';
    return refusal(`Find prepared transaction message failed: at commitLogOffset ${physical}: ${what}`);
  }
  const own = producerGroupOf(properties);
  if (own === null || own !== group) {
    return refusal(`The producer group wrong: ${quoted(group)} ends a half message of ${own === null ? 'no group' : quoted(own)}`);
  }
  if (half.queueOffset !== halfOffset) {
    return refusal(
      `The transaction state table offset wrong: tranStateTableOffset is ${halfOffset}, the half message at commitLogOffset ${physical} has ${half.queueOffset}`,
    );
  }
  const uniqueKey = properties.get(UNIQ_KEY);
  if (uniqueKey !== undefined && !isMeant(javaHash(uniqueKey), request.transactionIdHash, request.messageIdHash)) {
    return refusal(
      `The transaction id wrong: the half message at commitLogOffset ${physical} is ${quoted(uniqueKey)}, which the request does not name`,
    );
  }
  const immunity = immunityOf(properties, timeoutMs);
  const waitedMs = now - waitsSince(half, properties);
  if (!isFromCheck && immunity.isOwn && waitedMs > immunity.ms) {
    return {
      code: ILLEGAL_OPERATION,
      remark: `the half message waits since ${waitedMs} ms, and its CHECK_IMMUNITY_TIME_IN_SECONDS allowed ${immunity.ms}: its producer group is asked, answer that`,
    };
  }
  return null;
}

function refusal(remark: string): Refusal {
  return { code: SYSTEM_ERROR, remark };
}

function quoted(text: string): string {
  return JSON.stringify(text.length > 64 ? `${text.slice(0, 64)}…` : text);
}
