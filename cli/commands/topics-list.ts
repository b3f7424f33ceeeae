/** `ringmq topics list`: the topics of all brokers with their queues and permissions. Requests: 106, and 21 to each master. */
import { Cluster } from '../cluster.ts';
import type { Command } from '../command.ts';
import { formatCount } from '../count-text.ts';
import { exitCodes } from '../exit-codes.ts';
import { printableText } from '../text-width.ts';
import { isInternalTopic, type TopicOnBroker, topicViews } from '../topic-view.ts';

export const listTopics: Command = async ({ args, terminal, environment }) => {
  const cluster = Cluster.of(args, environment);
  try {
    const brokers = await cluster.masters(args.texts('broker'));
    const filter = args.text('filter') ?? '';
    const all = (await topicViews(cluster, brokers)).filter(({ topic }) => topic.includes(filter));
    const shown = args.isSet('all') ? all : all.filter(({ topic }) => !isInternalTopic(topic, brokers));
    if (args.isSet('names')) {
      for (const { topic } of shown) terminal.print(printableText(topic));
    } else if (terminal.isJson) {
      terminal.json(shown);
    } else if (shown.length === 0) {
      terminal.note(filter === '' ? 'No topics; --all shows those of the system too' : `No topic has "${filter}" in its name`);
    } else {
      terminal.table(
        [
          { title: 'TOPIC', isFlexible: true },
          { title: 'READ', align: 'right' },
          { title: 'WRITE', align: 'right' },
          { title: 'PERM' },
          { title: 'TYPE' },
          { title: 'BROKERS', isFlexible: true },
        ],
        shown.map(({ topic, brokers: on }) => [
          topic,
          formatCount(sum(on, ({ readQueues }) => readQueues)),
          formatCount(sum(on, ({ writeQueues }) => writeQueues)),
          same(on.map(({ perm }) => perm)),
          same(on.map(topicType)),
          on.map(({ broker }) => broker).join(' '),
        ]),
      );
    }
    return exitCodes.stopped;
  } finally {
    cluster.close();
  }
};

function topicType({ attributes, order }: TopicOnBroker): string {
  return attributes['message.type'] ?? (order ? 'ordered' : '-');
}

function sum<T>(items: readonly T[], value: (item: T) => number): number {
  return items.reduce((total, item) => total + value(item), 0);
}

/** What brokers agree on, or all that they say. */
function same(values: readonly string[]): string {
  return [...new Set(values)].join('/');
}
