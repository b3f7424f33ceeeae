/** `ringmq topics show TOPIC`: its settings, queues and offsets, and who reads it. Requests: 106, 21, and 202 and 300 to each master that has it. */
import { decodeGroupList } from '../../protocol/remoting/bodies/group-list.ts';
import { QUERY_TOPIC_CONSUME_BY_WHO } from '../../protocol/remoting/request-code.ts';
import { encodeQueryTopicConsumeByWhoRequest } from '../../protocol/remoting/requests/query-topic-consume-by-who.ts';
import { Cluster, forEachOf } from '../cluster.ts';
import type { Command } from '../command.ts';
import { counted, formatCount } from '../count-text.ts';
import { exitCodes } from '../exit-codes.ts';
import { isoTime, localTime } from '../time-text.ts';
import { topicQueues, topicViews } from '../topic-view.ts';

export const showTopic: Command = async ({ args, terminal, environment }) => {
  const topic = args.operand(0);
  const cluster = Cluster.of(args, environment);
  try {
    const masters = await cluster.masters();
    const view = (await topicViews(cluster, masters)).find((each) => each.topic === topic);
    if (view === undefined) throw await cluster.noSuchTopic(topic);
    const having = masters.filter(({ name }) => view.brokers.some(({ broker }) => broker === name));
    const queues = (await forEachOf(having, (broker) => topicQueues(cluster, broker, topic))).flatMap((each) => each ?? []);
    const groups = new Set(
      (
        await forEachOf(having, async ({ master }) => {
          const ext = encodeQueryTopicConsumeByWhoRequest({ topic });
          return decodeGroupList((await cluster.ask(master, QUERY_TOPIC_CONSUME_BY_WHO, { ext })).body);
        })
      ).flat(),
    );
    const messages = queues.reduce((total, { minOffset, maxOffset }) => total + maxOffset - minOffset, 0);
    if (terminal.isJson) {
      terminal.json({
        ...view,
        messages,
        queues: queues.map(({ broker, queueId, minOffset, maxOffset, lastUpdateTimestamp }) => ({
          broker,
          queueId,
          minOffset,
          maxOffset,
          lastUpdate: isoTime(lastUpdateTimestamp),
        })),
        groups: [...groups].sort(),
      });
      return exitCodes.stopped;
    }
    for (const { broker, readQueues, writeQueues, perm, order, attributes } of view.brokers) {
      const more = [...(order ? ['ordered'] : []), ...Object.entries(attributes).map(([name, value]) => `${name}=${value}`)];
      terminal.print(
        `${topic} on ${broker}: ${[`${counted(readQueues, 'queue')} to read`, `${writeQueues} to write`, perm, ...more].join(', ')}`,
      );
    }
    terminal.print(`${counted(messages, 'message')}; read by ${groups.size === 0 ? 'nobody' : [...groups].sort().join(', ')}`);
    terminal.print('');
    terminal.table(
      [
        { title: 'BROKER', isFlexible: true },
        { title: 'QUEUE', align: 'right' },
        { title: 'FIRST', align: 'right' },
        { title: 'END', align: 'right' },
        { title: 'MESSAGES', align: 'right' },
        { title: 'LAST' },
      ],
      queues.map(({ broker, queueId, minOffset, maxOffset, lastUpdateTimestamp }) => [
        broker,
        String(queueId),
        formatCount(minOffset),
        formatCount(maxOffset),
        formatCount(maxOffset - minOffset),
        localTime(lastUpdateTimestamp),
      ]),
    );
    return exitCodes.stopped;
  } finally {
    cluster.close();
  }
};
