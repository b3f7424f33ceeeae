/**
 * GET_TOPIC_STATS_INFO (202): where each queue of a topic begins and ends, when its last message was stored, and how much the topic is
 * sent to. Queues without messages have the time 0. 17 for an unknown topic, 2 when store or statistics do not answer.
 * Source: RocketMQ 5.5 `AdminBrokerProcessor.getTopicStatsInfo`.
 */
import { encodeTopicStats } from '../../../../protocol/remoting/bodies/topic-stats.ts';
import { decodeGetTopicStatsInfoRequest } from '../../../../protocol/remoting/requests/get-topic-stats-info.ts';
import { SUCCESS, SYSTEM_BUSY, TOPIC_NOT_EXIST } from '../../../../protocol/remoting/response-code.ts';
import type { ThreadContext } from '../../../../runtime/thread/thread-context.ts';
import { BROKER_STATS_PATH } from '../../../broker/actor-paths.ts';
import type { QueryStats, StatsFound } from '../../../broker-stats/broker-stats-actor.ts';
import type { QueueTable } from '../../../queue/queue-table.ts';
import { type QueueMessage, readStoreTimes } from '../../../store/read-store-times.ts';
import type { TopicState, TopicTable } from '../../../topic/topic-table.ts';
import type { Handler, Request } from '../../request.ts';

const STATS_MAX_MS = 2_500;

type Queue = QueueMessage & { readonly min: number; readonly max: number };

export function getTopicStatsInfo(thread: ThreadContext, topics: TopicTable, table: QueueTable, brokerName: string): Handler {
  return (request) => {
    const { topic: name } = decodeGetTopicStatsInfoRequest(request.command.ext);
    const topic = topics.get(name);
    if (topic === undefined) {
      request.answer(TOPIC_NOT_EXIST, `topic[${name}] not exist`);
      return;
    }
    const queues = queuesOf(topic, table);
    const filled = queues.filter(({ min, max }) => max > min);
    readStoreTimes(thread, filled, (times) => {
      if (times === null) {
        request.answer(SYSTEM_BUSY, 'The store gave no answer in time; try again.');
        return;
      }
      const stored = new Map(filled.map(({ queueId }, index) => [queueId, Math.max(0, times[index]!)]));
      askRate(thread, request, name, (topicPutTps) => {
        const offsets = queues.map(({ queueId, min, max }) => {
          const offset = { minOffset: min, maxOffset: max, lastUpdateTimestamp: stored.get(queueId) ?? 0 };
          return [{ topic: name, brokerName, queueId }, offset] as const;
        });
        request.answer(SUCCESS, null, null, encodeTopicStats({ offsets, topicPutTps }));
      });
    });
  };
}

/** With the offset of each queue's last message. */
function queuesOf(topic: TopicState, table: QueueTable): Queue[] {
  return [...topic.queueHandles].map((handle, queueId) => {
    const max = handle < 0 ? 0 : table.next(handle);
    const min = handle < 0 ? 0 : table.min(handle);
    return { topic: topic.name, queueId, handle, offset: max - 1, min, max };
  });
}

/** Messages a second in the last minute. */
function askRate(thread: ThreadContext, request: Request, topic: string, onRate: (rate: number) => void): void {
  thread.ask<StatsFound, QueryStats>(
    thread.ref(BROKER_STATS_PATH),
    (replyTo) => ({ kind: 'query-stats', name: 'TOPIC_PUT_NUMS', key: topic, replyTo }),
    STATS_MAX_MS,
    (found) => {
      if (found === undefined) request.answer(SYSTEM_BUSY, `The statistics gave no answer within ${STATS_MAX_MS} ms; try again.`);
      else onRate(found.spans[1] ?? 0);
      thread.requestTurn();
    },
  );
}
