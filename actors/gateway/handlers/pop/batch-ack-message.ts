/**
 * BATCH_ACK_MESSAGE (200151): many popped messages are done, of one or more pops. Answered when that is stored. Receipts that are over do not fail the
 * others: the remark counts them. Answers 0; 2 a pop's actor gave no answer; 13 of another broker, or a queue that the topic has not; 14 the log refuses;
 * 17 no such topic; 26 no such group; 208 nothing to acknowledge; 1 a body that is none. Source: RocketMQ 5.3 `AckMessageProcessor`.
 */
import { popTopicName } from '../../../../model/pop-topic.ts';
import { decodeBatchAck } from '../../../../protocol/remoting/bodies/batch-ack.ts';
import {
  MESSAGE_ILLEGAL,
  NO_MESSAGE,
  SERVICE_NOT_AVAILABLE,
  SUCCESS,
  SYSTEM_BUSY,
  TOPIC_NOT_EXIST,
} from '../../../../protocol/remoting/response-code.ts';
import type { PopDoor } from '../../../pop/pop-door.ts';
import type { PoppedAcked, ReceiptOutcome } from '../../../pop/pop-messages.ts';
import type { PopRules } from '../../../pop/pop-rules.ts';
import type { Handler } from '../../request.ts';

/** How bad an outcome is, worst last. */
const RANKS: readonly ReceiptOutcome[] = ['done', 'replaced', 'expired', 'refused', 'busy'];

export function batchAckMessage(door: PopDoor, rules: PopRules): Handler {
  const handle: Handler = (request) => {
    const { body } = request.command;
    const { brokerName, acks } = body.length === 0 ? { brokerName: '', acks: [] } : decodeBatchAck(body);
    if (acks.length === 0) {
      request.answer(NO_MESSAGE, 'the batch has no acknowledgements');
      return;
    }
    if (brokerName !== '' && brokerName !== door.brokerName) {
      request.answer(MESSAGE_ILLEGAL, `the receipts are of broker ${brokerName.slice(0, 64)}, this is ${door.brokerName}; send them there`);
      return;
    }
    for (const { group, topic, retry, queueId } of acks) {
      const stored = popTopicName(group, topic, retry);
      const known = door.topics.get(stored);
      if (known === undefined) {
        request.answer(TOPIC_NOT_EXIST, `topic[${stored}] not exist, apply first please!`);
        return;
      }
      if (queueId < 0 || queueId >= known.readQueues) {
        request.answer(
          MESSAGE_ILLEGAL,
          `queueId[${queueId}] is illegal, topic:[${stored}] topicConfig.readQueueNums:[${known.readQueues}]`,
        );
        return;
      }
    }
    const unknown = acks.find(({ group }) => door.groups.get(group) === undefined);
    if (unknown !== undefined) {
      rules.withGroup(request, unknown.group, () => handle(request));
      return;
    }
    let left = acks.length;
    let over = 0;
    let worst = 0;
    const onOutcome = (outcome: ReceiptOutcome): void => {
      worst = Math.max(worst, RANKS.indexOf(outcome));
      if (outcome === 'replaced' || outcome === 'expired') over++;
      if (--left > 0) return;
      const remark =
        over === 0 ? null : `${over} of ${acks.length} pops have receipts that are good no more: their messages come or came again`;
      if (RANKS[worst] === 'refused')
        request.answer(SERVICE_NOT_AVAILABLE, 'the acknowledgements were taken but not stored: the log refuses');
      else if (RANKS[worst] === 'busy') request.answer(SYSTEM_BUSY, 'some acknowledgements could not be taken in time; try again');
      else request.answer(SUCCESS, remark);
    };
    for (const { group, topic, retry, queueId, popTime, invisibleMs, offsets } of acks) {
      if (offsets.length === 0) onOutcome('done');
      else {
        door.ask<PoppedAcked>(
          group,
          topic,
          0,
          (ticket, replyTo) => ({ kind: 'ack-popped', ticket, retry, queueId, popTime, invisibleMs, offsets, replyTo }),
          (acked) => onOutcome(acked?.outcome ?? 'busy'),
        );
      }
    }
  };
  return handle;
}
