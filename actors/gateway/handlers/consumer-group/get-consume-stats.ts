/**
 * GET_CONSUME_STATS (208): how far a group is behind in each queue of the topics that it has offsets of, or of those asked for. Answers 0, also for an
 * unknown group (nothing); 1 when there is more than a frame holds; 2 when a part gives no answer.
 * Source: RocketMQ 5.3 `AdminBrokerProcessor.getConsumeStats`.
 */
import { encodeConsumeStats } from '../../../../protocol/remoting/bodies/consume-stats.ts';
import { decodeGetConsumeStatsRequest } from '../../../../protocol/remoting/requests/get-consume-stats.ts';
import { SUCCESS, SYSTEM_BUSY } from '../../../../protocol/remoting/response-code.ts';
import { readGroupRates } from '../../../broker-stats/read-group-rates.ts';
import { collectOffsets, type GroupOffsets, QUEUES_PER_ANSWER_MAX, refuseTooMany } from '../../../consumer-group/collect-offsets.ts';
import { consumeStats, countsFor, lastConsumed, type StatsQueue, statsQueues } from '../../../consumer-group/consume-stats.ts';
import type { GroupDoor } from '../../../consumer-group/group-door.ts';
import { readStoreTimes } from '../../../store/read-store-times.ts';
import type { Handler, Request } from '../../request.ts';

export function getConsumeStats(door: GroupDoor): Handler {
  return (request) => {
    const { consumerGroup: group, topic, topicList } = decodeGetConsumeStatsRequest(request.command.ext);
    const listed = (topicList ?? '').split(';').filter((name) => name !== '');
    const one = listed.length === 0 ? (topic ?? '').trim() : '';
    collectOffsets(door, request, group, one, (all) => {
      const subscribed = door.groups.get(group);
      const wanted = one === '' ? [...all.keys()] : [one];
      // Topics of a list count whether the group subscribes to them or not, as in Java.
      const topics = listed.length > 0 ? [...new Set(listed)] : wanted.filter((name) => countsFor(subscribed, name));
      answer(door, request, group, all, topics);
    });
  };
}

function answer(door: GroupDoor, request: Request, group: string, all: GroupOffsets, topics: readonly string[]): void {
  const queues: StatsQueue[] = [];
  for (const topic of topics) {
    const count = door.topics.get(topic)?.readQueues ?? 0;
    queues.push(...statsQueues(topic, count, all.get(topic), door.ranges));
    if (queues.length > QUEUES_PER_ANSWER_MAX) {
      refuseTooMany(request, `the topics have ${queues.length} queues or more`);
      return;
    }
  }
  const consumed = lastConsumed(queues, door.topics);
  readStoreTimes(door.thread, consumed, (times) => {
    if (times === null) {
      request.answer(SYSTEM_BUSY, 'the store gave no answer in time; try again');
      return;
    }
    const byQueue = new Map(consumed.map(({ topic, queueId }, index) => [`${topic}@${queueId}`, Math.max(0, times[index]!)]));
    const timeOf = (topic: string, queueId: number): number => byQueue.get(`${topic}@${queueId}`) ?? 0;
    const pairs = topics.map((topic) => ({ topic, group }));
    readGroupRates(door.thread, pairs, (rates) => {
      const consumeTps = rates.reduce((sum, rate) => sum + rate, 0);
      request.answer(SUCCESS, null, null, encodeConsumeStats(consumeStats(door.broker.name, queues, timeOf, consumeTps)));
    });
  });
}
