/** `ringmq groups list`: the consumer groups of all brokers, their members and lag. Requests: 106, 201, and 203 and 208 a group. */
import { isSystemGroup } from '../../model/group.ts';
import { isRetryTopic, RETRY_TOPIC_PREFIX } from '../../model/topic.ts';
import { Cluster, forEachOf } from '../cluster.ts';
import type { Command } from '../command.ts';
import { formatCount } from '../count-text.ts';
import { exitCodes } from '../exit-codes.ts';
import { groupConfigs, groupView } from '../group-view.ts';
import { Progress } from '../progress.ts';
import { printableText } from '../text-width.ts';

export const listGroups: Command = async ({ args, terminal, environment }) => {
  const cluster = Cluster.of(args, environment);
  try {
    const masters = await cluster.masters();
    const configs = await groupConfigs(cluster, masters);
    const known = new Set(configs.flatMap((table) => [...table.keys()]));
    // A group that consumes has a retry topic, also where brokers forgot its settings.
    for (const topic of await cluster.admin.topics.list()) if (isRetryTopic(topic)) known.add(topic.slice(RETRY_TOPIC_PREFIX.length));
    const filter = args.text('filter') ?? '';
    const names = [...known].filter((group) => group.includes(filter) && (args.isSet('all') || !isSystemGroup(group))).sort();
    if (args.isSet('names')) {
      for (const name of names) terminal.print(printableText(name));
      return exitCodes.stopped;
    }
    const progress = new Progress(terminal, 'asked about', names.length, performance.now());
    let done = 0;
    const views = await forEachOf(names, async (group) => {
      const view = await groupView(cluster, masters, configs, group);
      progress.update(++done, performance.now());
      return view;
    });
    progress.end();
    if (terminal.isJson) {
      terminal.json(
        views.map(({ group, members, model, topics, lag, consumeEnabled }) => ({
          group,
          members: members.length,
          model,
          topics,
          lag,
          consumeEnabled,
        })),
      );
    } else if (views.length === 0) {
      terminal.note(
        filter === '' ? 'No consumer groups; --all shows those of the system too' : `No consumer group has "${filter}" in its name`,
      );
    } else {
      terminal.table(
        [
          { title: 'GROUP', isFlexible: true },
          { title: 'MEMBERS', align: 'right' },
          { title: 'LAG', align: 'right' },
          { title: 'STATE' },
          { title: 'TOPICS', isFlexible: true },
        ],
        views.map(({ group, members, model, topics, lag, consumeEnabled }) => [
          group,
          formatCount(members.length),
          formatCount(lag),
          !consumeEnabled ? 'paused' : model === 'BROADCASTING' ? 'broadcast' : members.length > 0 ? 'on line' : 'off line',
          topics.join(' '),
        ]),
      );
    }
    return exitCodes.stopped;
  } finally {
    cluster.close();
  }
};
