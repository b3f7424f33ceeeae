/**
 * GET_EARLIEST_MSG_STORETIME (32): when a queue's first message was stored; −1 when it has none.
 * Source: RocketMQ 5.3 `AdminBrokerProcessor.getEarliestMsgStoretime`.
 */
import { decodeGetEarliestMsgStoretimeRequest } from '../../../../protocol/remoting/requests/get-earliest-msg-storetime.ts';
import { SUCCESS, SYSTEM_BUSY } from '../../../../protocol/remoting/response-code.ts';
import type { QueueDoor } from '../../../queue/queue-door.ts';
import type { EarliestTime, EarliestTimeFound } from '../../../store/reader-actor.ts';
import type { Handler } from '../../request.ts';

const READ_MAX_MS = 2_500;

export function getEarliestStoreTime(door: QueueDoor): Handler {
  return (request) => {
    const { topic, queueId } = decodeGetEarliestMsgStoretimeRequest(request.command.ext);
    const handle = door.handle(topic, queueId);
    if (handle < 0) return request.answer(SUCCESS, null, { timestamp: '-1' });
    door.askRange(request, topic, queueId, handle, ({ min, max }) => {
      if (min >= max) return request.answer(SUCCESS, null, { timestamp: '-1' });
      door.thread.ask<EarliestTimeFound, EarliestTime>(
        door.thread.ref('reader'),
        (replyTo) => ({ kind: 'earliest-time', topic, queueId, handle, min, max, replyTo }),
        READ_MAX_MS,
        (found) => {
          if (found !== undefined) request.answer(SUCCESS, null, { timestamp: String(found.timestamp) });
          else request.answer(SYSTEM_BUSY, `the store gave no answer within ${READ_MAX_MS} ms; try again`);
          door.thread.requestTurn();
        },
      );
    });
  };
}
