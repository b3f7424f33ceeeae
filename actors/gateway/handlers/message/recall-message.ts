/**
 * RECALL_MESSAGE (370): takes back a timed message by its handle. What is stored is a word to the timing wheel, which comes to its turn before the
 * message: that one is dropped then. Recalled again, or for a message that was never sent, the answer is the same: the wheel does not
 * look its messages up. 0 is a promise: the word was stored before the message's second began. One that was stored so slowly that it may be too
 * late is answered 2, unlike in Java, where it is answered 0.
 * Answers: 0 the word is stored; 1 a field is missing; 2 the lane stayed full, or nobody knows yet or whether it was in time; 14 the broker stops or its disk is full; 16 recalling
 * is switched off, or the topic takes no messages; 17 no such topic; 604 the handle is none, is of another topic or broker, or
 * its time has passed or is beyond the limit.
 * Source: RocketMQ 5.4 `RecallMessageProcessor`.
 */
import { PRODUCER_GROUP, TAGS, TIMER_DEL_UNIQKEY, TIMER_DELIVER_MS, UNIQ_KEY } from '../../../../model/message-property.ts';
import { PERM_WRITE } from '../../../../model/permission.ts';
import { TIMER_TOPIC } from '../../../../model/topic.ts';
import { decodeRecallMessageRequest, encodeRecallMessageResponse } from '../../../../protocol/remoting/requests/recall-message.ts';
import {
  ILLEGAL_OPERATION,
  MESSAGE_ILLEGAL,
  NO_PERMISSION,
  SERVICE_NOT_AVAILABLE,
  SUCCESS,
  SYSTEM_BUSY,
  TOPIC_NOT_EXIST,
} from '../../../../protocol/remoting/response-code.ts';
import type { ThreadContext } from '../../../../runtime/thread/thread-context.ts';
import type { Appended, InnerAppend, InnerMessage } from '../../../commit-log/inner-append.ts';
import { parseRecallHandle, type RecallHandle } from '../../../timer/recall-handle.ts';
import { parkTimed } from '../../../timer/timed-message.ts';
import type { TopicState, TopicTable } from '../../../topic/topic-table.ts';
import { hostBytes, hostOfBytes } from '../../client-connection.ts';
import type { Handler, Request } from '../../request.ts';
import { lateRemark } from '../../send-answers.ts';

export type RecallParts = {
  readonly append: InnerAppend;
  readonly topics: TopicTable;
  readonly brokerName: string;
  readonly regionId: string;
  readonly limits: {
    readonly isRecallEnabled: boolean;
    readonly maxDelaySec: number;
    readonly rollAfterMs: number;
    readonly laneWaitMs: number;
    readonly answerMs: number;
  };
};

const LANE_AGAIN_MS = 10;
const RECALL_TAG = '_RECALL_TAG_';
const BODY = Buffer.from('0');
const SHOWN_MAX = 64;

type Fault = { readonly code: number; readonly remark: string };

export function recallMessage(thread: ThreadContext, parts: RecallParts): Handler {
  return (request) => {
    const { topic, recallHandle, producerGroup } = decodeRecallMessageRequest(request.command.ext);
    const { topics } = parts;
    const target = topics.get(topic);
    const timer = topics.get(TIMER_TOPIC);
    const handle = parseRecallHandle(recallHandle ?? '');
    const now = thread.now();
    const fault = topicFault(parts, topic, target) ?? handleFault(parts, topic, recallHandle, handle, now);
    if (fault !== null) {
      request.answer(fault.code, fault.remark);
      return;
    }
    if (timer === undefined) {
      request.answer(SYSTEM_BUSY, `the topic[${TIMER_TOPIC}] is not ready: the broker is starting; recall again later`);
      return;
    }
    const properties = new Map([
      [TAGS, RECALL_TAG],
      [TIMER_DEL_UNIQKEY, handle!.uniqueKey],
      [TIMER_DELIVER_MS, String(handle!.ms)],
      [UNIQ_KEY, handle!.uniqueKey],
      ['BORN_TIMESTAMP', String(now)],
    ]);
    if (producerGroup !== null && producerGroup !== '') properties.set(PRODUCER_GROUP, producerGroup);
    const { remoteAddress, remotePort } = request.connection;
    const word: InnerMessage = {
      topic: target!,
      queueId: 0,
      flag: 0,
      sysFlag: 0,
      bornTimestamp: now,
      bornHost: hostOfBytes(hostBytes(remoteAddress, remotePort)),
      reconsumeTimes: 0,
      preparedTransactionOffset: 0,
      body: BODY,
      properties,
      delayLevel: 0,
    };
    store(thread, parts, request, parkTimed(word, handle!.ms, now, parts.limits.rollAfterMs, timer), handle!, thread.monotonicMs());
  };
}

function topicFault({ limits }: RecallParts, topic: string, target: TopicState | undefined): Fault | null {
  if (!limits.isRecallEnabled)
    return { code: NO_PERMISSION, remark: 'recall failed, operation is forbidden: recallMessageEnable is false on this broker' };
  if (target === undefined) return { code: TOPIC_NOT_EXIST, remark: `recall failed, the topic[${shown(topic)}] not exist` };
  if ((target.perm & PERM_WRITE) === 0)
    return { code: NO_PERMISSION, remark: `recall failed, the topic[${topic}] has perm ${target.perm} without the write bit 2` };
  return null;
}

function handleFault(
  { brokerName, limits }: RecallParts,
  topic: string,
  text: string | null,
  handle: RecallHandle | null,
  now: number,
): Fault | null {
  const illegal = (remark: string): Fault => ({ code: ILLEGAL_OPERATION, remark });
  if (handle === null)
    return illegal(`recall handle is invalid: ${JSON.stringify(shown(text ?? ''))}; give the recallHandle that the send was answered with`);
  if (handle.topic !== topic) return illegal(`recall failed, topic not match: the handle is of ${shown(handle.topic)}, not of ${topic}`);
  if (handle.brokerName !== brokerName)
    return illegal(`recall failed, broker service not available: the handle is of ${shown(handle.brokerName)}, this is ${brokerName}`);
  const leftMs = handle.ms - now;
  if (leftMs <= 0) return illegal(`recall failed, timestamp invalid: ${handle.ms} has passed ${-leftMs} ms ago, the message is delivered`);
  if (leftMs > limits.maxDelaySec * 1000)
    return illegal(
      `recall failed, timestamp invalid: ${handle.ms} is ${Math.ceil(leftMs / 1000)} s from now, timerMaxDelaySec is ${limits.maxDelaySec}`,
    );
  return null;
}

function store(thread: ThreadContext, parts: RecallParts, request: Request, word: InnerMessage, handle: RecallHandle, since: number): void {
  const { append, limits } = parts;
  const notTaken = append.append(word, (appended) => {
    answer(parts, request, appended, handle, thread.now());
    thread.requestTurn();
  });
  if (notTaken === null) return;
  if (notTaken === 'lane-full' && thread.monotonicMs() - since < limits.laneWaitMs) {
    thread.schedule(LANE_AGAIN_MS, () => store(thread, parts, request, word, handle, since));
  } else if (notTaken === 'lane-full') {
    request.answer(SYSTEM_BUSY, `the log lane stayed full for ${limits.laneWaitMs} ms: the disk is too slow; recall again later`);
  } else if (notTaken === 'refused') request.answer(SERVICE_NOT_AVAILABLE, append.refusal);
  else request.answer(MESSAGE_ILLEGAL, 'the producer group is too long to be stored with the word that takes the message back');
  thread.requestTurn();
}

function answer({ regionId, limits }: RecallParts, request: Request, appended: Appended, handle: RecallHandle, now: number): void {
  const isStored = appended.kind === 'stored' || appended.kind === 'flush-late';
  // The wheel looks for words when a message's time has come: one that was there before is seen.
  if (isStored && now < handle.ms) request.answer(SUCCESS, null, encodeRecallMessageResponse(handle.uniqueKey, regionId));
  else if (isStored)
    request.answer(
      SYSTEM_BUSY,
      `recall is in doubt: it was stored ${now - handle.ms} ms after ${handle.ms}, when the message may have been delivered already; recall earlier`,
    );
  else if (appended.kind === 'late') request.answer(SYSTEM_BUSY, lateRemark(limits.answerMs));
  else request.answer(SERVICE_NOT_AVAILABLE, appended.remark);
}

function shown(text: string): string {
  return text.length <= SHOWN_MAX ? text : `${text.slice(0, SHOWN_MAX)}...`;
}
