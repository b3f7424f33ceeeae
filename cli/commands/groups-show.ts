/** `ringmq groups show GROUP`, `ringmq groups members GROUP`. Requests: 106, 201, 203 and 208 to each master. */
import { Cluster } from '../cluster.ts';
import type { Command, CommandContext } from '../command.ts';
import { counted, formatCount } from '../count-text.ts';
import { exitCodes } from '../exit-codes.ts';
import { existingGroup, type GroupView, groupConfigs, type Member } from '../group-view.ts';
import type { Terminal } from '../terminal.ts';
import { isoTime, localTime } from '../time-text.ts';

export const showGroup: Command = async (context) => {
  const { terminal } = context;
  const view = await load(context);
  const { group, members, model, topics, lag, consumeEnabled, queues } = view;
  if (terminal.isJson) {
    terminal.json({
      group,
      members,
      model,
      topics,
      lag,
      consumeEnabled,
      queues: queues.map(({ lastTimestamp, ...queue }) => ({ ...queue, lastConsumed: isoTime(lastTimestamp) })),
    });
    return exitCodes.stopped;
  }
  const state = consumeEnabled ? '' : `, ${terminal.style('yellow', 'paused')}`;
  terminal.print(`${group}: ${counted(lag, 'message')} behind, ${describeMembers(view)}${state}`);
  if (queues.length > 0) {
    terminal.print('');
    terminal.table(
      [
        { title: 'TOPIC', isFlexible: true },
        { title: 'BROKER', isFlexible: true },
        { title: 'QUEUE', align: 'right' },
        { title: 'END', align: 'right' },
        { title: 'CONSUMED', align: 'right' },
        { title: 'LAG', align: 'right' },
        { title: 'LAST CONSUMED' },
      ],
      queues.map(({ topic, broker, queueId, brokerOffset, consumerOffset, lag: behind, lastTimestamp }) => [
        topic,
        broker,
        String(queueId),
        formatCount(brokerOffset),
        formatCount(consumerOffset),
        formatCount(behind),
        localTime(lastTimestamp),
      ]),
    );
  }
  if (members.length > 0) {
    terminal.print('');
    printMembers(terminal, members);
  }
  return exitCodes.stopped;
};

export const showMembers: Command = async (context) => {
  const { terminal } = context;
  const view = await load(context);
  const { group, members, model, subscriptions } = view;
  const shown = subscriptions.map(({ topic, subString, expressionType }) => ({ topic, expression: subString, type: expressionType }));
  if (terminal.isJson) {
    terminal.json({ group, model, members, subscriptions: shown });
    return exitCodes.stopped;
  }
  terminal.print(`${group}: ${describeMembers(view)}`);
  if (members.length === 0) return exitCodes.stopped;
  terminal.print('');
  printMembers(terminal, members);
  terminal.print('');
  terminal.table(
    [{ title: 'TOPIC', isFlexible: true }, { title: 'TYPE' }, { title: 'EXPRESSION', isFlexible: true }],
    shown.map(({ topic, type, expression }) => [topic, type, expression]),
  );
  return exitCodes.stopped;
};

async function load({ args, environment }: CommandContext): Promise<GroupView> {
  const cluster = Cluster.of(args, environment);
  try {
    const masters = await cluster.masters();
    return await existingGroup(cluster, masters, await groupConfigs(cluster, masters), args.operand(0));
  } finally {
    cluster.close();
  }
}

function describeMembers({ members, model }: GroupView): string {
  if (members.length === 0) return 'nobody on line';
  return `${counted(members.length, 'member')} on line${model === 'BROADCASTING' ? ', broadcasting' : ''}`;
}

function printMembers(terminal: Terminal, members: readonly Member[]): void {
  terminal.table(
    [{ title: 'MEMBER', isFlexible: true }, { title: 'ADDRESS' }, { title: 'LANGUAGE' }, { title: 'VERSION', align: 'right' }],
    members.map(({ clientId, address, language, version }) => [clientId, address, language, String(version)]),
  );
}
