/**
 * Receipts of pops: the text by which a client acknowledges one popped message (`POP_CK`), and the three texts of a pop's answer from which
 * clients put receipts together. Blanks part the words, semicolons the items.
 *
 *   receipt           <start offset> <pop time> <invisible ms> <revive queue> <retry> <broker> <queue id> <offset>
 *   startOffsetInfo   <retry> <queue id> <start offset>;…
 *   msgOffsetInfo     <retry> <queue id> <offset>,<offset>,…;…
 *   orderCountInfo    <retry> <queue id> <attempts>;<retry> qo<queue id>%<offset> <attempts>;…
 *
 * Fails with a FieldError that names the word. Source: RocketMQ 5.3 `ExtraInfoUtil`.
 */
import { type PopRetry, popRetryOf } from '../../model/pop-topic.ts';
import { FieldError } from './errors.ts';
import { exactInt, exactLong } from './field-reader.ts';

export type Receipt = {
  readonly startOffset: number;
  readonly popTime: number;
  readonly invisibleMs: number;
  readonly reviveQueueId: number;
  readonly retry: PopRetry;
  readonly brokerName: string;
  readonly queueId: number;
  readonly offset: number;
};

/** Messages of one queue in a pop's answer. `attempts`: of an ordered pop, by message; null: of any other. */
export type PoppedQueue = {
  readonly retry: PopRetry;
  readonly queueId: number;
  readonly startOffset: number;
  readonly offsets: readonly number[];
  readonly attempts: readonly number[] | null;
};

const WORDS = 8;
/** What is longer was never given out. */
const RECEIPT_CHARS_MAX = 512;
const SHOWN_MAX = 64;

export function formatReceipt(receipt: Receipt): string {
  const { startOffset, popTime, invisibleMs, reviveQueueId, retry, brokerName, queueId, offset } = receipt;
  return `${startOffset} ${popTime} ${invisibleMs} ${reviveQueueId} ${retry} ${brokerName} ${queueId} ${offset}`;
}

/** @param text the header field `extraInfo`; a receipt without its last word is of the message at `offset` */
export function parseReceipt(text: string, offset: number): Receipt {
  const words = text.length > RECEIPT_CHARS_MAX ? [] : text.split(' ');
  if (words.length < WORDS - 1 || words.length > WORDS) {
    const shown = text.length > SHOWN_MAX ? `${text.slice(0, SHOWN_MAX)}...` : text;
    throw new FieldError('extraInfo', `The header field extraInfo is "${shown}"; the ${WORDS} words of a receipt (POP_CK) are needed`);
  }
  const retry = popRetryOf(words[4]!);
  if (retry === null)
    throw new FieldError('extraInfo', `The retry word of extraInfo is "${words[4]!.slice(0, SHOWN_MAX)}"; 0, 1 or 2 is needed`);
  return {
    startOffset: exactLong('extraInfo (start offset)', words[0]!),
    popTime: exactLong('extraInfo (pop time)', words[1]!),
    invisibleMs: exactLong('extraInfo (invisible time)', words[2]!),
    reviveQueueId: exactInt('extraInfo (revive queue)', words[3]!),
    retry,
    brokerName: words[5]!,
    queueId: exactInt('extraInfo (queue id)', words[6]!),
    offset: words.length === WORDS ? exactLong('extraInfo (offset)', words[7]!) : offset,
  };
}

export function startOffsetInfo(queues: readonly PoppedQueue[]): string {
  return queues.map(({ retry, queueId, startOffset }) => `${retry} ${queueId} ${startOffset}`).join(';');
}

export function msgOffsetInfo(queues: readonly PoppedQueue[]): string {
  return queues.map(({ retry, queueId, offsets }) => `${retry} ${queueId} ${offsets.join(',')}`).join(';');
}

/** Empty when no queue was popped in order. Old clients read the queue's own item: the attempts that all of its messages have had at least. */
export function orderCountInfo(queues: readonly PoppedQueue[]): string {
  const items: string[] = [];
  for (const { retry, queueId, offsets, attempts } of queues) {
    if (attempts === null) continue;
    offsets.forEach((offset, index) => {
      if (attempts[index]! > 0) items.push(`${retry} qo${queueId}%${offset} ${attempts[index]}`);
    });
    items.push(`${retry} ${queueId} ${Math.min(...attempts)}`);
  }
  return items.join(';');
}
