/**
 * GET_MAX_OFFSET (30): the end of a queue as consumers see it; 0 for a queue or topic that is not there.
 * Source: RocketMQ 5.3 `AdminBrokerProcessor.getMaxOffset`.
 */
import { decodeGetMaxOffsetRequest } from '../../../../protocol/remoting/requests/get-max-offset.ts';
import { SUCCESS } from '../../../../protocol/remoting/response-code.ts';
import type { QueueDoor } from '../../../queue/queue-door.ts';
import type { Handler } from '../../request.ts';

export function getMaxOffset(door: QueueDoor): Handler {
  return (request) => {
    const { topic, queueId } = decodeGetMaxOffsetRequest(request.command.ext);
    const handle = door.handle(topic, queueId);
    if (handle < 0) return request.answer(SUCCESS, null, { offset: '0' });
    door.askRange(request, topic, queueId, handle, (range) => request.answer(SUCCESS, null, { offset: String(range.max) }));
  };
}
