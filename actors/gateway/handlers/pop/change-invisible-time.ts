/**
 * CHANGE_MESSAGE_INVISIBLETIME (200053): a popped message stays invisible for another time from now on, under a new receipt. Answered when that is stored.
 * Answers 0; 2 the pop's actor gave no answer; 14 the log refuses; 29 a time below 0; 208 the receipt is over, or another one is good; those of
 * receipt-rules.ts; 1 no receipt at all. Source: RocketMQ 5.3 `ChangeInvisibleTimeProcessor`.
 */
import { decodeChangeInvisibleTimeRequest } from '../../../../protocol/remoting/requests/ack-message.ts';
import { INVALID_PARAMETER } from '../../../../protocol/remoting/response-code.ts';
import type { QueueRanges } from '../../../consumer-group/decide-offset.ts';
import type { PopDoor } from '../../../pop/pop-door.ts';
import type { InvisibleChanged } from '../../../pop/pop-messages.ts';
import type { PopRules } from '../../../pop/pop-rules.ts';
import type { Handler } from '../../request.ts';
import { answerDone, answerOutcome, withReceipt } from './receipt-rules.ts';

export function changeInvisibleTime(door: PopDoor, rules: PopRules, ranges: QueueRanges): Handler {
  return (request) => {
    const asked = decodeChangeInvisibleTimeRequest(request.command.ext);
    if (asked.invisibleTime < 0) {
      request.answer(INVALID_PARAMETER, `the invisibleTime is ${asked.invisibleTime} ms; 0 or more are needed`);
      return;
    }
    withReceipt(request, asked, door, rules, ranges, ({ receipt, topic, retry }) => {
      const { queueId, popTime, invisibleMs, offset, reviveQueueId } = receipt;
      door.ask<InvisibleChanged>(
        asked.consumerGroup,
        topic,
        0,
        (ticket, replyTo) => ({
          kind: 'change-invisible',
          ticket,
          retry,
          queueId,
          offset,
          popTime,
          invisibleMs,
          nextMs: asked.invisibleTime,
          replyTo,
        }),
        (changed) => {
          if (!answerOutcome(request, changed?.outcome ?? 'busy', receipt) || changed === null) return;
          answerDone(request, {
            popTime: String(changed.popTime),
            invisibleTime: String(changed.invisibleMs),
            reviveQid: String(reviveQueueId),
          });
        },
      );
    });
  };
}
