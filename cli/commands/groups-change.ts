/**
 * `ringmq groups pause`, `resume` and `delete`. Pausing is RocketMQ's `consumeEnable` (200) on every master, with all other settings as they were, so
 * pulls are refused and members wait. Deleting is 207 with the offsets, then the group's retry and dead-letter topics (215, 216).
 */

import { dlqTopic, retryTopic } from '../../model/topic.ts';
import { UPDATE_AND_CREATE_SUBSCRIPTIONGROUP } from '../../protocol/remoting/request-code.ts';
import { Cluster } from '../cluster.ts';
import type { Command, CommandContext } from '../command.ts';
import { confirm } from '../confirm.ts';
import { membersOnLine } from '../count-text.ts';
import { CommandError } from '../errors.ts';
import { exitCodes } from '../exit-codes.ts';
import { existingGroup, groupConfigs } from '../group-view.ts';

export const pauseGroup: Command = (context) => setEnabled(context, false);
export const resumeGroup: Command = (context) => setEnabled(context, true);

async function setEnabled({ args, terminal, environment }: CommandContext, consumeEnable: boolean): Promise<number> {
  const group = args.operand(0);
  const cluster = Cluster.of(args, environment);
  try {
    const masters = await cluster.masters();
    const configs = await groupConfigs(cluster, masters);
    await existingGroup(cluster, masters, configs, group);
    // A broker that has no settings for it would make default ones at its first heartbeat, and serve it.
    const other = configs.find((table) => table.has(group))?.get(group);
    for (const [index, { master }] of masters.entries()) {
      const config = { ...(configs[index]?.get(group) ?? other), groupName: group, consumeEnable };
      await cluster.ask(master, UPDATE_AND_CREATE_SUBSCRIPTIONGROUP, { body: Buffer.from(JSON.stringify(config)) });
    }
    const names = masters.map(({ name }) => name);
    if (terminal.isJson) terminal.json({ group, brokers: names, consumeEnabled: consumeEnable });
    else terminal.print(`${consumeEnable ? 'Resumed' : 'Paused'} ${group} on ${names.join(', ')}`);
    return exitCodes.stopped;
  } finally {
    cluster.close();
  }
}

export const deleteGroup: Command = async (context) => {
  const { args, terminal, environment } = context;
  const group = args.operand(0);
  const cluster = Cluster.of(args, environment);
  try {
    const masters = await cluster.masters();
    const { members } = await existingGroup(cluster, masters, await groupConfigs(cluster, masters), group);
    if (members.length > 0)
      throw new CommandError(
        'MQ_CLI_REFUSED',
        `${membersOnLine(members.length, group)} and would make it again: stop ${members
          .slice(0, 3)
          .map(({ clientId }) => clientId)
          .join(', ')}${members.length > 3 ? ' and the others' : ''} first`,
      );
    const names = masters.map(({ name }) => name);
    await confirm(context, `Deletes group "${group}" with its offsets, retries and dead letters from ${names.join(', ')}.`, group);
    await cluster.admin.groups.delete(group);
    for (const topic of [retryTopic(group), dlqTopic(group)]) {
      if ((await cluster.core.routes.refresh(topic)) !== null) await cluster.admin.topics.delete(topic);
    }
    if (terminal.isJson) terminal.json({ group, brokers: names });
    else terminal.print(`Deleted ${group} from ${names.join(', ')}`);
    return exitCodes.stopped;
  } finally {
    cluster.close();
  }
};
