/** `ringmq topics delete TOPIC`: from every broker that has it (215) and from the name servers (216), after a question. */
import { Cluster } from '../cluster.ts';
import type { Command } from '../command.ts';
import { confirm } from '../confirm.ts';
import { exitCodes } from '../exit-codes.ts';
import { topicViews } from '../topic-view.ts';

export const deleteTopic: Command = async (context) => {
  const { args, terminal, environment } = context;
  const topic = args.operand(0);
  const cluster = Cluster.of(args, environment);
  try {
    const masters = await cluster.masters();
    const view = (await topicViews(cluster, masters)).find((each) => each.topic === topic);
    if (view === undefined) throw await cluster.noSuchTopic(topic);
    const having = masters.filter(({ name }) => view.brokers.some(({ broker }) => broker === name));
    const names = having.map(({ name }) => name);
    await confirm(context, `Deletes topic "${topic}" with its messages from ${names.join(', ')}.`, topic);
    await cluster.admin.topics.delete(topic);
    if (terminal.isJson) terminal.json({ topic, brokers: names });
    else terminal.print(`Deleted ${topic} from ${names.join(', ')}`);
    return exitCodes.stopped;
  } finally {
    cluster.close();
  }
};
