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
import { cleanExpiredConsumeQueue } from '../gateway/handlers/broker/clean-expired-consume-queue.ts';
import { cleanUnusedTopic } from '../gateway/handlers/broker/clean-unused-topic.ts';
import { deleteExpiredCommitLog } from '../gateway/handlers/broker/delete-expired-commit-log.ts';
import { getBrokerRuntimeInfo } from '../gateway/handlers/broker/get-broker-runtime-info.ts';
import { viewBrokerStatsData } from '../gateway/handlers/broker/view-broker-stats-data.ts';
import type { Handler } from '../gateway/request.ts';

export type BrokerHandlerDeps = { readonly marks: Watermarks; readonly commitLogPath: string; readonly sendsMax: number };

export function createBrokerHandlers(thread: ThreadContext, deps: BrokerHandlerDeps): Map<number, Handler> {
  const handlers: [number, Handler][] = [
    [GET_BROKER_RUNTIME_INFO, getBrokerRuntimeInfo(thread, deps)],
    [CLEAN_EXPIRED_CONSUMEQUEUE, cleanExpiredConsumeQueue(thread)],
    [VIEW_BROKER_STATS_DATA, viewBrokerStatsData(thread)],
    [CLEAN_UNUSED_TOPIC, cleanUnusedTopic(thread)],
    [DELETE_EXPIRED_COMMITLOG, deleteExpiredCommitLog(thread)],
  ];
  return new Map(handlers);
}
