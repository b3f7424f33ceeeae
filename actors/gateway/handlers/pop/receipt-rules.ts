/**
 * The rules that a receipt must keep before its pop actor is asked, in the Java broker's order and with its codes: 17 no such topic; 13 a queue that
 * the topic has not, or a receipt of another queue, message, topic or broker; 208 a message that the queue does not hold; 26 no such group, and none is
 * made by use: a group that only its receipts know, after a crash, is made again.
 * Source: RocketMQ 5.3 `AckMessageProcessor`, `ChangeInvisibleTimeProcessor`.
 */
import { type PopRetry, poppedTopic } from '../../../../model/pop-topic.ts';
import { parseReceipt, type Receipt } from '../../../../protocol/remoting/receipt.ts';
import type { AckMessageRequest } from '../../../../protocol/remoting/requests/ack-message.ts';
import {
  MESSAGE_ILLEGAL,
  NO_MESSAGE,
  SERVICE_NOT_AVAILABLE,
  SUCCESS,
  SYSTEM_BUSY,
  TOPIC_NOT_EXIST,
} from '../../../../protocol/remoting/response-code.ts';
import type { QueueRanges } from '../../../consumer-group/decide-offset.ts';
import type { PopDoor } from '../../../pop/pop-door.ts';
import type { ReceiptOutcome } from '../../../pop/pop-messages.ts';
import type { PopRules } from '../../../pop/pop-rules.ts';
import type { Request } from '../../request.ts';

export type GoodReceipt = { readonly receipt: Receipt; readonly topic: string; readonly retry: PopRetry };

/** `then` is called with a receipt that may be given to its pop actor; else the request is answered. */
export function withReceipt(
  request: Request,
  asked: AckMessageRequest,
  door: PopDoor,
  rules: PopRules,
  ranges: QueueRanges,
  then: (good: GoodReceipt) => void,
): void {
  const good = checkReceipt(request, asked, door, ranges);
  if (good !== null) rules.withGroup(request, asked.consumerGroup, () => then(good));
}

/** Null: the request was answered. */
function checkReceipt(request: Request, asked: AckMessageRequest, door: PopDoor, ranges: QueueRanges): GoodReceipt | null {
  const { topic: stored, queueId, offset, consumerGroup, extraInfo } = asked;
  const topic = door.topics.get(stored);
  const refuse = (code: number, remark: string): null => {
    request.answer(code, remark);
    return null;
  };
  if (topic === undefined) return refuse(TOPIC_NOT_EXIST, `topic[${stored}] not exist, apply first please!`);
  if (queueId < 0 || queueId >= topic.readQueues) {
    const remark = `queueId[${queueId}] is illegal, topic:[${stored}] topicConfig.readQueueNums:[${topic.readQueues}] consumer:[${request.connection.remoteAddress}]`;
    return refuse(MESSAGE_ILLEGAL, remark);
  }
  const [min, max] = [ranges.minOffset(stored, queueId), ranges.maxOffset(stored, queueId)];
  if (offset < min || offset >= max) {
    return refuse(NO_MESSAGE, `offset is illegal, key:${stored}@${queueId}, commit:${offset}, store:${min}~${max}`);
  }
  const receipt = parseReceipt(extraInfo, offset);
  const { topic: popped, retry } = poppedTopic(consumerGroup, stored);
  if (receipt.brokerName !== door.brokerName) {
    return refuse(
      MESSAGE_ILLEGAL,
      `the receipt is of broker ${receipt.brokerName.slice(0, 64)}, this is ${door.brokerName}; send it there`,
    );
  }
  if (receipt.queueId !== queueId || receipt.offset !== offset) {
    const remark = `the receipt is of queue ${receipt.queueId} offset ${receipt.offset}, the request of queue ${queueId} offset ${offset}; send each message's own receipt`;
    return refuse(MESSAGE_ILLEGAL, remark);
  }
  if (receipt.retry !== retry) {
    return refuse(
      MESSAGE_ILLEGAL,
      `the receipt's retry is ${receipt.retry}, the topic ${stored} is ${retry}; name the topic in which the message lies`,
    );
  }
  return { receipt, topic: popped, retry };
}

/** Answers what became of a receipt; true when it was taken. */
export function answerOutcome(request: Request, outcome: ReceiptOutcome, { offset, invisibleMs, popTime }: Receipt): boolean {
  const what = `the receipt of offset ${offset}, popped at ${popTime} for ${invisibleMs} ms,`;
  switch (outcome) {
    case 'done':
      return true;
    case 'expired':
      request.answer(NO_MESSAGE, `${what} is over: the message was given to somebody else; ask for a longer invisible time`);
      return false;
    case 'replaced':
      request.answer(NO_MESSAGE, `${what} is good no more: another receipt is, or the message is done; use the newest receipt`);
      return false;
    case 'refused':
      request.answer(SERVICE_NOT_AVAILABLE, `${what} was taken but not stored, the log refuses: after a crash the message may come again`);
      return false;
    case 'busy':
      request.answer(SYSTEM_BUSY, `${what} could not be taken in time; try again`);
      return false;
  }
}

export function answerDone(request: Request, ext: Record<string, string> | null = null): void {
  request.answer(SUCCESS, null, ext);
}
