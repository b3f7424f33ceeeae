/**
 * PEEK_MESSAGE (200052): the messages that a pop would give, which stay where they are.
 * Answers 0; 2 the pop's actor or the reader gave no answer; 19 there are none; those of pop-rules.ts. Source: RocketMQ 5.3 `PeekMessageProcessor`.
 */
import { decodePeekMessageRequest } from '../../../../protocol/remoting/requests/notification.ts';
import { PULL_NOT_FOUND, SUCCESS, SYSTEM_BUSY } from '../../../../protocol/remoting/response-code.ts';
import type { PopDoor } from '../../../pop/pop-door.ts';
import type { PopReply } from '../../../pop/pop-messages.ts';
import type { PopRules } from '../../../pop/pop-rules.ts';
import type { Handler } from '../../request.ts';

const MESSAGES_MAX = 32;

export function peekMessage(door: PopDoor, rules: PopRules, limits: { readonly bytesMax: number }): Handler {
  return (request) => {
    const asked = decodePeekMessageRequest(request.command.ext);
    rules.check(request, asked, () => {
      const { consumerGroup, topic, queueId, maxMsgNums } = asked;
      const max = Math.min(Math.max(1, maxMsgNums), MESSAGES_MAX);
      door.ask<PopReply>(
        consumerGroup,
        topic,
        0,
        (ticket, replyTo) => ({ kind: 'peek', ticket, queueId: Math.max(-1, queueId), max, bytesMax: limits.bytesMax, replyTo }),
        (reply) => {
          if (reply === null) {
            request.answer(SYSTEM_BUSY, `the pops of group ${consumerGroup} gave no answer in time; try again`);
            return;
          }
          const ext = { popTime: '0', invisibleTime: '0', reviveQid: '0', restNum: String(reply.rest) };
          if (reply.status !== 'found') {
            request.answer(PULL_NOT_FOUND, 'NO_MESSAGE_IN_QUEUE', ext);
            return;
          }
          door.read(reply.units, (records) => {
            if (records === null) request.answer(SYSTEM_BUSY, 'the messages could not be read in time; peek again');
            else request.answer(SUCCESS, 'FOUND', ext, records);
            door.thread.requestTurn();
          });
        },
      );
    });
  };
}
