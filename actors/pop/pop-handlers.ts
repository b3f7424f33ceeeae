/**
 * The pop requests of one shard by their codes. Only assembles; their code is loaded with the first of each: a broker whose groups pull has none of it.
 */
import {
  ACK_MESSAGE,
  BATCH_ACK_MESSAGE,
  CHANGE_MESSAGE_INVISIBLETIME,
  NOTIFICATION,
  PEEK_MESSAGE,
  POLLING_INFO,
  POP_MESSAGE,
} from '../../protocol/remoting/request-code.ts';
import type { QueueRanges } from '../consumer-group/decide-offset.ts';
import type { PluginDoor } from '../filter/plugin-door.ts';
import type { PopCounters } from '../gateway/handlers/pop/pop-message.ts';
import { PullCounts } from '../gateway/pull-counts.ts';
import type { PullLimits } from '../gateway/pull-terms.ts';
import { type Handler, type HandlerTable, type LateHandler, whenAsked } from '../gateway/request.ts';
import { PopDoor, type PopDoorParts } from './pop-door.ts';
import { PopRules } from './pop-rules.ts';

export function createPopHandlers(
  parts: PopDoorParts & {
    readonly ranges: QueueRanges;
    readonly limits: PullLimits;
    readonly counters: PopCounters;
    readonly plugins: PluginDoor;
  },
): HandlerTable {
  const { thread, selfPath, ranges, limits, counters, plugins } = parts;
  const door = new PopDoor(parts);
  thread.spawn(selfPath, () => door, { mailboxMax: 1 << 18 });
  const rules = new PopRules(door, limits, plugins);
  const counts = new PullCounts(thread);
  return new Map<number, Handler | LateHandler>([
    [
      POP_MESSAGE,
      whenAsked(async () => (await import('../gateway/handlers/pop/pop-message.ts')).popMessage({ door, rules, counts, counters, limits })),
    ],
    [ACK_MESSAGE, whenAsked(async () => (await import('../gateway/handlers/pop/ack-message.ts')).ackMessage(door, rules, ranges))],
    [BATCH_ACK_MESSAGE, whenAsked(async () => (await import('../gateway/handlers/pop/batch-ack-message.ts')).batchAckMessage(door, rules))],
    [
      CHANGE_MESSAGE_INVISIBLETIME,
      whenAsked(async () => (await import('../gateway/handlers/pop/change-invisible-time.ts')).changeInvisibleTime(door, rules, ranges)),
    ],
    [NOTIFICATION, whenAsked(async () => (await import('../gateway/handlers/pop/notification.ts')).notification(door, rules))],
    [PEEK_MESSAGE, whenAsked(async () => (await import('../gateway/handlers/pop/peek-message.ts')).peekMessage(door, rules, limits))],
    [POLLING_INFO, whenAsked(async () => (await import('../gateway/handlers/pop/polling-info.ts')).pollingInfo(door, rules))],
  ]);
}
