/**
 * GET_BROKER_CONSUME_STATS (317): how far each group of this broker is behind, topic by topic; with `isOrder` of ordered topics only. What was committed
 * within the last quarter of a second may be missing. Answers 0; 1 when there is more than a frame holds; 2 when a part gives no answer.
 * Source: RocketMQ 5.3 `AdminBrokerProcessor.fetchAllConsumeStatsInBroker`.
 */
import type { ConsumeStats } from '../../../../protocol/remoting/bodies/consume-stats.ts';
import { encodeConsumeStatsList } from '../../../../protocol/remoting/bodies/consume-stats-list.ts';
import { decodeGetBrokerConsumeStatsRequest } from '../../../../protocol/remoting/requests/get-broker-consume-stats.ts';
import { SUCCESS, SYSTEM_BUSY } from '../../../../protocol/remoting/response-code.ts';
import { readGroupRates } from '../../../broker-stats/read-group-rates.ts';
import { QUEUES_PER_ANSWER_MAX, refuseTooMany } from '../../../consumer-group/collect-offsets.ts';
import { consumeStats, countsFor, lastConsumed, type StatsQueue, statsQueues } from '../../../consumer-group/consume-stats.ts';
import type { GroupDoor } from '../../../consumer-group/group-door.ts';
import { OFFSET_STORE_PATH, type OffsetsPaged, type PageOffsets } from '../../../consumer-group/offset-store-actor.ts';
import type { OffsetPlace } from '../../../consumer-group/offset-table.ts';
import { readStoreTimes } from '../../../store/read-store-times.ts';
import type { Handler, Request } from '../../request.ts';

/** Offsets by group, topic and queue. */
type AllOffsets = Map<string, Map<string, Map<number, number>>>;
/** The queues of a group's topics. */
type GroupQueues = { readonly group: string; readonly topics: readonly (readonly StatsQueue[])[] };

export function getBrokerConsumeStats(door: GroupDoor): Handler {
  return (request) => {
    const { isOrder } = decodeGetBrokerConsumeStatsRequest(request.command.ext);
    collect(door, request, new Map(), { group: 0, entry: 0 }, (all) => answer(door, request, groupQueues(door, all, isOrder)));
  };
}

function collect(door: GroupDoor, request: Request, all: AllOffsets, from: OffsetPlace, onAll: (all: AllOffsets) => void, count = 0): void {
  door.ask<OffsetsPaged, PageOffsets>(
    request,
    OFFSET_STORE_PATH,
    (replyTo) => ({ kind: 'page-offsets', from, replyTo }),
    ({ page }) => {
      for (const [index, group] of page.groups.entries()) {
        let topics = all.get(group);
        if (topics === undefined) all.set(group, (topics = new Map()));
        let queues = topics.get(page.topics[index]!);
        if (queues === undefined) topics.set(page.topics[index]!, (queues = new Map()));
        queues.set(page.queueIds[index]!, page.offsets[index]!);
      }
      const sum = count + page.groups.length;
      if (sum > QUEUES_PER_ANSWER_MAX) refuseTooMany(request, `the groups have offsets of more than ${QUEUES_PER_ANSWER_MAX} queues`);
      else if (page.next.group < 0) onAll(all);
      else collect(door, request, all, page.next, onAll, sum);
    },
  );
}

function groupQueues(door: GroupDoor, all: AllOffsets, isOrder: boolean): GroupQueues[] {
  const groups: GroupQueues[] = [];
  for (const state of door.groups.all()) {
    const group = state.config.groupName;
    const topics: (readonly StatsQueue[])[] = [];
    for (const [topic, offsets] of all.get(group) ?? []) {
      const known = door.topics.get(topic);
      if (known === undefined || (isOrder && !known.config.order) || !countsFor(state, topic)) continue;
      topics.push(statsQueues(topic, known.writeQueues, offsets, door.ranges));
    }
    groups.push({ group, topics });
  }
  return groups;
}

function answer(door: GroupDoor, request: Request, groups: readonly GroupQueues[]): void {
  const queues = groups.flatMap(({ topics }) => topics.flat());
  if (queues.length > QUEUES_PER_ANSWER_MAX) {
    refuseTooMany(request, `the groups' topics have ${queues.length} queues`);
    return;
  }
  let totalDiff = 0;
  for (const { brokerOffset, consumerOffset } of queues) totalDiff += brokerOffset - consumerOffset;
  const consumed = groups.map(({ topics }) => lastConsumed(topics.flat(), door.topics));
  readStoreTimes(door.thread, consumed.flat(), (times) => {
    if (times === null) {
      request.answer(SYSTEM_BUSY, 'the store gave no answer in time; try again');
      return;
    }
    const pairs = groups.flatMap(({ group, topics }) =>
      topics.flatMap(([first]) => (first === undefined ? [] : [{ topic: first.topic, group }])),
    );
    readGroupRates(door.thread, pairs, (rates) => {
      let at = 0;
      let pair = 0;
      const stats = groups.map(({ group, topics }, index) => {
        const byQueue = new Map(consumed[index]!.map(({ topic, queueId }) => [`${topic}@${queueId}`, Math.max(0, times[at++]!)]));
        const timeOf = (topic: string, queueId: number): number => byQueue.get(`${topic}@${queueId}`) ?? 0;
        const lines = topics.map((lineQueues): ConsumeStats => {
          const rate = lineQueues.length === 0 ? 0 : rates[pair++]!;
          return consumeStats(door.broker.name, lineQueues, timeOf, rate);
        });
        return [group, lines] as const;
      });
      const body = encodeConsumeStatsList({ brokerAddr: door.broker.address, groups: stats, totalDiff, totalInflightDiff: 0 });
      request.answer(SUCCESS, null, null, body);
    });
  });
}
