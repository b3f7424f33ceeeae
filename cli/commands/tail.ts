/** `ringmq tail TOPIC`: shows messages as they come, from every queue at once. Requests: 105, 29, 30, 31, and pulls (11) that are held. */

import type { TopicRoute } from '../../client/route-table.ts';
import { brokerAddress } from '../../client/route-table.ts';
import { parseProperties, TAGS } from '../../model/message-property.ts';
import type { MessageRecord } from '../../model/message-record.ts';
import type { MessageQueue } from '../../model/queue-id.ts';
import { parseTags, SUBSCRIBE_ALL } from '../../model/subscription.ts';
import { GET_MAX_OFFSET, GET_MIN_OFFSET, SEARCH_OFFSET_BY_TIMESTAMP } from '../../protocol/remoting/request-code.ts';
import { decodeGetMaxOffsetResponse } from '../../protocol/remoting/requests/get-max-offset.ts';
import { encodeSearchOffsetByTimestampRequest } from '../../protocol/remoting/requests/search-offset-by-timestamp.ts';
import { Cluster, forEachOf } from '../cluster.ts';
import type { Command, CommandContext } from '../command.ts';
import { counted } from '../count-text.ts';
import { CommandError } from '../errors.ts';
import { exitCodes } from '../exit-codes.ts';
import { messageLine, messageView } from '../message-view.ts';
import { PLACE_NEEDS, type Place, parsePlace } from '../option-value.ts';
import { pullQueue } from '../puller.ts';

/** One held pull a queue. */
const QUEUES_MAX = 4096;

export const tail: Command = async (context) => {
  const { args, terminal, environment } = context;
  const topic = args.operand(0);
  const fromText = args.text('from') ?? 'end';
  const place = parsePlace(fromText, Date.now()) ?? args.refuse(`--from is "${fromText}", must be ${PLACE_NEEDS}`);
  const expression = args.text('tag') ?? SUBSCRIBE_ALL;
  const tags = new Set(expression.trim() === SUBSCRIBE_ALL ? [] : parseTags(expression));
  const cluster = Cluster.of(args, environment);
  const stop = new AbortController();
  // Closing the connections ends the pulls that are held.
  const end = (): void => {
    stop.abort();
    cluster.close();
  };
  context.interrupt().addEventListener('abort', end, { once: true });
  try {
    const route = await cluster.core.routes.find(topic);
    if (route === null) throw await cluster.noSuchTopic(topic);
    const queues = chosenQueues(context, route);
    const follows = !args.isSet('no-follow');
    const bounds = await forEachOf(queues, async (queue) => ({
      from: await placeOf(cluster, route, queue, place),
      end: follows ? undefined : await offsetOf(cluster, route, queue, GET_MAX_OFFSET),
    }));
    if (follows) terminal.note(terminal.style('dim', `Following ${counted(queues.length, 'queue')} of ${topic}; Ctrl+C ends`));
    let left = args.number('count') ?? Number.POSITIVE_INFINITY;
    const show = async (records: readonly MessageRecord[], broker: string): Promise<boolean> => {
      for (const record of records) {
        if (left <= 0 || stop.signal.aborted) return false;
        // Brokers compare hashes of tags.
        if (tags.size > 0 && !tags.has(parseProperties(record.properties).get(TAGS) ?? '')) continue;
        left--;
        const message = messageView(record, broker);
        await terminal.printSlowly(terminal.isJson ? JSON.stringify(message) : messageLine(message, args.isSet('properties')));
      }
      if (left > 0) return true;
      end();
      return false;
    };
    const troubles = new Set<string>();
    await Promise.all(
      queues.map((queue, index) =>
        pullQueue({
          cluster,
          queue,
          address: () => addressOf(cluster, queue),
          from: (bounds[index] as { from: number }).from,
          end: bounds[index]?.end,
          expression,
          signal: stop.signal,
          onMessages: (records) => show(records, queue.brokerName),
          onTrouble: (text) => {
            if (troubles.has(text)) return;
            troubles.add(text);
            terminal.note(terminal.style('yellow', text));
          },
        }),
      ),
    );
    return exitCodes.stopped;
  } finally {
    end();
  }
};

function addressOf(cluster: Cluster, { brokerName, topic }: MessageQueue): string | undefined {
  const route = cluster.core.routes.last(topic);
  return route === null ? undefined : brokerAddress(route, brokerName);
}

function chosenQueues({ args }: CommandContext, route: TopicRoute): MessageQueue[] {
  const broker = args.text('broker');
  const queueId = args.number('queue');
  const queues = route.readQueues.filter(
    (queue) => (broker === undefined || queue.brokerName === broker) && (queueId === undefined || queue.queueId === queueId),
  );
  if (queues.length === 0)
    throw new CommandError('MQ_CLI_NOT_FOUND', `Topic "${route.topic}" has no such queue to read: \`ringmq topics show ${route.topic}\``);
  if (queues.length > QUEUES_MAX)
    throw new CommandError(
      'MQ_CLI_REFUSED',
      `Topic "${route.topic}" has ${queues.length} queues, ${QUEUES_MAX} can be followed: choose with --broker or --queue`,
    );
  return queues;
}

async function placeOf(cluster: Cluster, route: TopicRoute, queue: MessageQueue, place: Place): Promise<number> {
  switch (place.at) {
    case 'begin':
      return await offsetOf(cluster, route, queue, GET_MIN_OFFSET);
    case 'end':
      return await offsetOf(cluster, route, queue, GET_MAX_OFFSET);
    case 'offset':
      return place.offset;
    case 'time':
      return await offsetOf(cluster, route, queue, SEARCH_OFFSET_BY_TIMESTAMP, place.ms);
  }
}

/** The three requests for an offset are answered alike. */
async function offsetOf(
  cluster: Cluster,
  route: TopicRoute,
  { brokerName, queueId, topic }: MessageQueue,
  code: number,
  timestamp = 0,
): Promise<number> {
  const address = brokerAddress(route, brokerName) as string;
  const ext = encodeSearchOffsetByTimestampRequest({ topic, queueId, timestamp, boundaryType: null });
  return decodeGetMaxOffsetResponse((await cluster.ask(address, code, { ext })).ext).offset;
}
