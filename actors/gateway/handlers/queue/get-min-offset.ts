/**
 * GET_MIN_OFFSET (31): the first offset that a queue still has; 0 for a queue or topic that is not there.
 * Source: RocketMQ 5.3 `AdminBrokerProcessor.getMinOffset`.
 */
import { decodeGetMinOffsetRequest } from '../../../../protocol/remoting/requests/get-min-offset.ts';
import { SUCCESS } from '../../../../protocol/remoting/response-code.ts';
import type { QueueDoor } from '../../../queue/queue-door.ts';
import type { Handler } from '../../request.ts';

export function getMinOffset(door: QueueDoor): Handler {
  return (request) => {
    const { topic, queueId } = decodeGetMinOffsetRequest(request.command.ext);
    const handle = door.handle(topic, queueId);
    if (handle < 0) return request.answer(SUCCESS, null, { offset: '0' });
    door.askRange(request, topic, queueId, handle, (range) => request.answer(SUCCESS, null, { offset: String(range.min) }));
  };
}
