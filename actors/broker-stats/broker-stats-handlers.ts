/**
 * The table of a shard's handlers for requests about the broker as a whole. Only assembles.
 */
import {
  CLEAN_EXPIRED_CONSUMEQUEUE,
  CLEAN_UNUSED_TOPIC,
  DELETE_EXPIRED_COMMITLOG,
  GET_BROKER_RUNTIME_INFO,
  VIEW_BROKER_STATS_DATA,
} from '../../protocol/remoting/request-code.ts';
import type { ThreadContext } from '../../runtime/thread/thread-context.ts';
import type { Watermarks } from '../commit-log/watermarks.ts';
import { type Handler, type HandlerTable, type LateHandler, whenAsked } from '../gateway/request.ts';

export type BrokerHandlerDeps = { readonly marks: Watermarks; readonly commitLogPath: string; readonly sendsMax: number };

export function createBrokerHandlers(thread: ThreadContext, deps: BrokerHandlerDeps): HandlerTable {
  const handlers: [number, Handler | LateHandler][] = [
    [
      GET_BROKER_RUNTIME_INFO,
      whenAsked(async () => (await import('../gateway/handlers/broker/get-broker-runtime-info.ts')).getBrokerRuntimeInfo(thread, deps)),
    ],
    [
      CLEAN_EXPIRED_CONSUMEQUEUE,
      whenAsked(async () => (await import('../gateway/handlers/broker/clean-expired-consume-queue.ts')).cleanExpiredConsumeQueue(thread)),
    ],
    [
      VIEW_BROKER_STATS_DATA,
      whenAsked(async () => (await import('../gateway/handlers/broker/view-broker-stats-data.ts')).viewBrokerStatsData(thread)),
    ],
    [
      CLEAN_UNUSED_TOPIC,
      whenAsked(async () => (await import('../gateway/handlers/broker/clean-unused-topic.ts')).cleanUnusedTopic(thread)),
    ],
    [
      DELETE_EXPIRED_COMMITLOG,
      whenAsked(async () => (await import('../gateway/handlers/broker/delete-expired-commit-log.ts')).deleteExpiredCommitLog(thread)),
    ],
  ];
  return new Map(handlers);
}
