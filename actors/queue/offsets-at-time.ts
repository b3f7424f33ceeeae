/**
 * Looks up, for some queues of one topic, the offset of the first message stored at or after a time; the queue's end for a time before the epoch or
 * when all messages are older. A few queues at once: the reader answers one after the other anyway. A part that gives no answer answers the request busy.
 */
import { SYSTEM_BUSY } from '../../protocol/remoting/response-code.ts';
import type { Request } from '../gateway/request.ts';
import { type OffsetFound, READER_PATH, type SearchOffset } from '../store/reader-actor.ts';
import type { QueueDoor } from './queue-door.ts';

const AT_ONCE = 16;
const SEARCH_MAX_MS = 2_500;

/** `onOffsets` gets one offset a queue, in the order of `queueIds`. */
export function offsetsAtTime(
  door: QueueDoor,
  request: Request,
  topic: string,
  queueIds: readonly number[],
  timestamp: number,
  onOffsets: (offsets: number[]) => void,
): void {
  const offsets = new Array<number>(queueIds.length).fill(0);
  let next = 0;
  let outstanding = queueIds.length;
  const found = (index: number, offset: number): void => {
    offsets[index] = offset;
    outstanding--;
    if (outstanding === 0) onOffsets(offsets);
    else start();
  };
  const start = (): void => {
    if (next >= queueIds.length) return;
    const index = next++;
    search(door, request, topic, queueIds[index]!, timestamp, (offset) => found(index, offset));
  };
  if (queueIds.length === 0) onOffsets(offsets);
  for (let index = 0; index < Math.min(AT_ONCE, queueIds.length); index++) start();
}

function search(
  door: QueueDoor,
  request: Request,
  topic: string,
  queueId: number,
  timestamp: number,
  onOffset: (offset: number) => void,
): void {
  const handle = door.handle(topic, queueId);
  if (handle < 0) {
    onOffset(0);
    return;
  }
  door.askRange(request, topic, queueId, handle, ({ min, max }) => {
    if (timestamp < 0 || min >= max) {
      onOffset(max);
      return;
    }
    door.thread.ask<OffsetFound, SearchOffset>(
      door.thread.ref(READER_PATH),
      (replyTo) => ({ kind: 'search-offset', topic, queueId, handle, timestamp, boundary: 'LOWER', min, max, replyTo }),
      SEARCH_MAX_MS,
      (reply) => {
        if (reply !== undefined) onOffset(reply.offset);
        else request.answer(SYSTEM_BUSY, `the store gave no answer within ${SEARCH_MAX_MS} ms; try again`);
        door.thread.requestTurn();
      },
    );
  });
}
