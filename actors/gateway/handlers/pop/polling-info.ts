/**
 * POLLING_INFO (200055): how many pops of a group wait for a message of a topic's queue.
 * Answers 0; 2 the pop's actor gave no answer; those of pop-rules.ts. Source: RocketMQ 5.3 `PollingInfoProcessor`.
 */
import { decodePollingInfoRequest } from '../../../../protocol/remoting/requests/notification.ts';
import { SUCCESS, SYSTEM_BUSY } from '../../../../protocol/remoting/response-code.ts';
import type { PopDoor } from '../../../pop/pop-door.ts';
import type { HeldCounted } from '../../../pop/pop-messages.ts';
import type { PopRules } from '../../../pop/pop-rules.ts';
import type { Handler } from '../../request.ts';

export function pollingInfo(door: PopDoor, rules: PopRules): Handler {
  return (request) => {
    const asked = decodePollingInfoRequest(request.command.ext);
    rules.check(request, asked, () =>
      door.ask<HeldCounted>(
        asked.consumerGroup,
        asked.topic,
        0,
        (ticket, replyTo) => ({ kind: 'count-held', ticket, queueId: Math.max(-1, asked.queueId), replyTo }),
        (told) => {
          if (told === null) request.answer(SYSTEM_BUSY, `the pops of group ${asked.consumerGroup} gave no answer in time; try again`);
          else request.answer(SUCCESS, null, { pollingNum: String(told.count) });
        },
      ),
    );
  };
}
