/**
 * ACK_MESSAGE (200051): a popped message is done. Answered when that is stored. Answers 0, also when it was done before; 2 the pop's actor gave no answer;
 * 14 the log refuses; 208 the receipt is over, or another one is good; those of receipt-rules.ts; 1 no receipt at all.
 * Source: RocketMQ 5.3 `AckMessageProcessor` (which answers 0 for a receipt that is over).
 */
import { decodeAckMessageRequest } from '../../../../protocol/remoting/requests/ack-message.ts';
import type { QueueRanges } from '../../../consumer-group/decide-offset.ts';
import type { PopDoor } from '../../../pop/pop-door.ts';
import type { PoppedAcked } from '../../../pop/pop-messages.ts';
import type { PopRules } from '../../../pop/pop-rules.ts';
import type { Handler } from '../../request.ts';
import { answerDone, answerOutcome, withReceipt } from './receipt-rules.ts';

export function ackMessage(door: PopDoor, rules: PopRules, ranges: QueueRanges): Handler {
  return (request) => {
    const asked = decodeAckMessageRequest(request.command.ext);
    withReceipt(request, asked, door, rules, ranges, ({ receipt, topic, retry }) => {
      const { queueId, popTime, invisibleMs, offset } = receipt;
      door.ask<PoppedAcked>(
        asked.consumerGroup,
        topic,
        0,
        (ticket, replyTo) => ({ kind: 'ack-popped', ticket, retry, queueId, popTime, invisibleMs, offsets: [offset], replyTo }),
        (acked) => {
          if (answerOutcome(request, acked?.outcome ?? 'busy', receipt)) answerDone(request);
        },
      );
    });
  };
}
