/**
 * `ringmq groups reset GROUP TOPIC --to PLACE`. With members on line the brokers are asked to tell them (222); without, the offset of each queue is
 * committed (15), as mqadmin does. What will be done is worked out first, from 202, 29 and 208, shown, and asked about.
 */
import { INVOKE_BROKER_TO_RESET_OFFSET, SEARCH_OFFSET_BY_TIMESTAMP, UPDATE_CONSUMER_OFFSET } from '../../protocol/remoting/request-code.ts';
import { encodeInvokeBrokerToResetOffsetRequest } from '../../protocol/remoting/requests/invoke-broker-to-reset-offset.ts';
import {
  decodeSearchOffsetByTimestampResponse,
  encodeSearchOffsetByTimestampRequest,
} from '../../protocol/remoting/requests/search-offset-by-timestamp.ts';
import { encodeUpdateConsumerOffsetRequest } from '../../protocol/remoting/requests/update-consumer-offset.ts';
import { Cluster, forEachOf } from '../cluster.ts';
import type { Command, CommandContext } from '../command.ts';
import { confirm } from '../confirm.ts';
import { counted, formatCount, membersOnLine } from '../count-text.ts';
import { CommandError } from '../errors.ts';
import { exitCodes } from '../exit-codes.ts';
import { existingGroup, groupConfigs, type Master } from '../group-view.ts';
import { PLACE_NEEDS, type Place, parsePlace } from '../option-value.ts';
import { type QueueView, topicQueues } from '../topic-view.ts';

type Step = { readonly broker: Master; readonly queueId: number; readonly from: number | null; readonly to: number };

/** To brokers, the time that means the end. */
const END_TIMESTAMP = -1;

export const resetGroup: Command = async (context) => {
  const { args, terminal, environment } = context;
  const [group, topic] = [args.operand(0), args.operand(1)];
  const place = placeOf(context);
  const broker = args.text('broker');
  const queueId = args.number('queue');
  const cluster = Cluster.of(args, environment);
  try {
    const masters = await cluster.masters();
    const view = await existingGroup(cluster, masters, await groupConfigs(cluster, masters), group);
    const chosen = broker === undefined ? masters : await cluster.masters([broker]);
    const queues = await queuesOf(cluster, chosen, topic, queueId);
    const committed = new Map(
      view.queues.filter((queue) => queue.topic === topic).map((queue) => [`${queue.broker}/${queue.queueId}`, queue.consumerOffset]),
    );
    const steps = await forEachOf(queues, async ([on, queue]) => ({
      broker: on,
      queueId: queue.queueId,
      from: committed.get(`${on.name}/${queue.queueId}`) ?? null,
      to: await targetOf(cluster, on, topic, queue, place),
    }));
    const isOnline = view.members.length > 0;
    const isPart = broker !== undefined || queueId !== undefined;
    if (isOnline && isPart)
      throw new CommandError(
        'MQ_CLI_REFUSED',
        `${membersOnLine(view.members.length, group)} and would commit over a single queue: stop ${view.members.length === 1 ? 'it' : 'them'} first, or reset the whole topic`,
      );
    if (!terminal.isJson) showPlan(context, steps);
    if (!args.isSet('dry-run')) {
      await confirm(context, `Moves group "${group}" in ${counted(steps.length, 'queue')} of "${topic}".`, group);
      if (isOnline) await tellMembers(cluster, group, topic, place, new Set(steps.map((step) => step.broker)));
      else await commit(cluster, group, topic, steps);
    }
    const applied = !args.isSet('dry-run');
    if (terminal.isJson) {
      const shown = steps.map((step) => ({ broker: step.broker.name, queueId: step.queueId, from: step.from, to: step.to }));
      terminal.json({ group, topic, online: isOnline, applied, queues: shown });
    } else if (applied) {
      terminal.print(
        isOnline
          ? `Told ${counted(view.members.length, 'member')} of ${group}; it goes on there after about ten seconds`
          : `Stored; ${group} goes on there when a member comes`,
      );
    }
    return exitCodes.stopped;
  } finally {
    cluster.close();
  }
};

function placeOf({ args }: CommandContext): Place {
  const text = args.text('to') ?? args.refuse('Say where to with --to');
  const place = parsePlace(text, Date.now()) ?? args.refuse(`--to is "${text}", must be ${PLACE_NEEDS}`);
  if (place.at === 'offset' && (args.text('broker') === undefined || args.number('queue') === undefined))
    args.refuse(`--to ${text} is an offset of one queue: name it with --broker and --queue`);
  return place;
}

async function queuesOf(
  cluster: Cluster,
  masters: readonly Master[],
  topic: string,
  queueId: number | undefined,
): Promise<(readonly [Master, QueueView])[]> {
  const found = await forEachOf(masters, async (broker) => {
    const queues = await topicQueues(cluster, broker, topic);
    return queues?.map((queue) => [broker, queue] as const);
  });
  if (found.every((queues) => queues === undefined)) throw await cluster.noSuchTopic(topic);
  const all = found.flatMap((queues) => queues ?? []).filter(([, queue]) => queueId === undefined || queue.queueId === queueId);
  if (all.length === 0)
    throw new CommandError('MQ_CLI_NOT_FOUND', `Topic "${topic}" has no queue ${queueId}: \`ringmq topics show ${topic}\``);
  return all;
}

async function targetOf(cluster: Cluster, { master }: Master, topic: string, queue: QueueView, place: Place): Promise<number> {
  const { queueId, minOffset, maxOffset } = queue;
  switch (place.at) {
    case 'begin':
      return minOffset;
    case 'end':
      return maxOffset;
    case 'offset':
      if (place.offset >= minOffset && place.offset <= maxOffset) return place.offset;
      throw new CommandError(
        'MQ_CLI_REFUSED',
        `Offset ${place.offset} is not within queue ${queueId}, which has ${minOffset} to ${maxOffset}`,
      );
    case 'time': {
      const ext = encodeSearchOffsetByTimestampRequest({ topic, queueId, timestamp: place.ms, boundaryType: null });
      const answer = await cluster.ask(master, SEARCH_OFFSET_BY_TIMESTAMP, { ext });
      const { offset } = decodeSearchOffsetByTimestampResponse(answer.ext);
      return Math.min(maxOffset, Math.max(minOffset, offset));
    }
  }
}

async function tellMembers(cluster: Cluster, group: string, topic: string, place: Place, brokers: ReadonlySet<Master>): Promise<void> {
  const timestamp = place.at === 'begin' ? 0 : place.at === 'time' ? place.ms : END_TIMESTAMP;
  const ext = encodeInvokeBrokerToResetOffsetRequest({ topic, group, timestamp, isForce: true, queueId: null, offset: null });
  for (const { master } of brokers) await cluster.ask(master, INVOKE_BROKER_TO_RESET_OFFSET, { ext });
}

async function commit(cluster: Cluster, group: string, topic: string, steps: readonly Step[]): Promise<void> {
  await forEachOf(steps, ({ broker, queueId, to }) =>
    cluster.ask(broker.master, UPDATE_CONSUMER_OFFSET, {
      ext: encodeUpdateConsumerOffsetRequest({ consumerGroup: group, topic, queueId, commitOffset: to }),
    }),
  );
}

function showPlan({ terminal }: CommandContext, steps: readonly Step[]): void {
  terminal.table(
    [
      { title: 'BROKER', isFlexible: true },
      { title: 'QUEUE', align: 'right' },
      { title: 'FROM', align: 'right' },
      { title: 'TO', align: 'right' },
      { title: 'MESSAGES', align: 'right' },
    ],
    steps.map(({ broker, queueId, from, to }) => [
      broker.name,
      String(queueId),
      from === null ? '-' : formatCount(from),
      formatCount(to),
      from === null ? '-' : from === to ? '0' : `${to < from ? '+' : '-'}${formatCount(Math.abs(from - to))}`,
    ]),
  );
}
