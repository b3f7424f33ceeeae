/**
 * NOTIFICATION (200054): answered when there is something to pop, or when the client has waited as long as it wants.
 * Answers 0 with `hasMsg` and `pollingFull`; 2 the pop's actor gave no answer; those of pop-rules.ts. Source: RocketMQ 5.3 `NotificationProcessor`.
 */
import { decodeNotificationRequest } from '../../../../protocol/remoting/requests/notification.ts';
import { SUCCESS, SYSTEM_BUSY } from '../../../../protocol/remoting/response-code.ts';
import type { PopDoor } from '../../../pop/pop-door.ts';
import type { Poppable } from '../../../pop/pop-messages.ts';
import type { PopRules } from '../../../pop/pop-rules.ts';
import type { Handler } from '../../request.ts';

const EARLY_MS = 50;
const HOLD_MS_MAX = 60_000;

export function notification(door: PopDoor, rules: PopRules): Handler {
  return (request) => {
    const asked = decodeNotificationRequest(request.command.ext);
    rules.check(request, asked, () => {
      const { consumerGroup, topic, queueId, pollTime, order, attemptId } = asked;
      const now = door.thread.now();
      const bornTime = asked.bornTime === 0 ? now : asked.bornTime;
      const holdMs = Math.max(0, Math.min(pollTime, bornTime + pollTime - EARLY_MS - now, HOLD_MS_MAX));
      door.ask<Poppable>(
        consumerGroup,
        topic,
        holdMs,
        (ticket, replyTo) => ({
          kind: 'await-poppable',
          ticket,
          queueId: Math.max(-1, queueId),
          holdMs,
          isOrdered: order,
          attemptId: order ? (attemptId ?? '') : '',
          replyTo,
        }),
        (told) => {
          if (told === null) request.answer(SYSTEM_BUSY, `the pops of group ${consumerGroup} gave no answer in time; try again`);
          else request.answer(SUCCESS, null, { hasMsg: String(told.hasMessage), pollingFull: String(told.isFull) });
        },
      );
    });
  };
}
