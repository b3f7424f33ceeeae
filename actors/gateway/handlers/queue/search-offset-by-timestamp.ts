/**
 * SEARCH_OFFSET_BY_TIMESTAMP (29): the first (LOWER) message stored at or after a time, or the last (UPPER) at or before it; the
 * reader looks it up in the store. 0 for a queue or topic that is not there.
 * Source: RocketMQ 5.3 `AdminBrokerProcessor.searchOffsetByTimestamp`.
 */
import { decodeSearchOffsetByTimestampRequest } from '../../../../protocol/remoting/requests/search-offset-by-timestamp.ts';
import { SUCCESS, SYSTEM_BUSY } from '../../../../protocol/remoting/response-code.ts';
import type { QueueDoor } from '../../../queue/queue-door.ts';
import type { OffsetFound, SearchOffset } from '../../../store/reader-actor.ts';
import type { Handler } from '../../request.ts';

const READ_MAX_MS = 2_500;

export function searchOffsetByTimestamp(door: QueueDoor): Handler {
  return (request) => {
    const { topic, queueId, timestamp, boundaryType } = decodeSearchOffsetByTimestampRequest(request.command.ext);
    const boundary = boundaryType?.toUpperCase() === 'UPPER' ? 'UPPER' : 'LOWER';
    const handle = door.handle(topic, queueId);
    if (handle < 0) return request.answer(SUCCESS, null, { offset: '0' });
    door.askRange(request, topic, queueId, handle, ({ min, max }) => {
      door.thread.ask<OffsetFound, SearchOffset>(
        door.thread.ref('reader'),
        (replyTo) => ({ kind: 'search-offset', topic, queueId, handle, timestamp, boundary, min, max, replyTo }),
        READ_MAX_MS,
        (found) => {
          if (found !== undefined) request.answer(SUCCESS, null, { offset: String(found.offset) });
          else request.answer(SYSTEM_BUSY, `the store gave no answer within ${READ_MAX_MS} ms; try again`);
          door.thread.requestTurn();
        },
      );
    });
  };
}
