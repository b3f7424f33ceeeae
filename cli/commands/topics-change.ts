/**
 * `ringmq topics create` and `ringmq topics change`: request 17 to each master. A create is refused when the topic is there already; a change keeps
 * what was not named, broker by broker. Then waits until the name server knows it, so that the next command finds it.
 */

import { PERM_READ_WRITE } from '../../model/permission.ts';
import { AUTO_CREATE_TOPIC } from '../../model/topic.ts';
import type { TopicConfig } from '../../protocol/remoting/bodies/topic-config.ts';
import { UPDATE_AND_CREATE_TOPIC } from '../../protocol/remoting/request-code.ts';
import { encodeUpdateAndCreateTopicRequest } from '../../protocol/remoting/requests/update-and-create-topic.ts';
import { type BrokerNode, Cluster } from '../cluster.ts';
import type { Command, CommandContext } from '../command.ts';
import type { Arguments } from '../command-line.ts';
import { counted } from '../count-text.ts';
import { CommandError } from '../errors.ts';
import { exitCodes } from '../exit-codes.ts';
import { permissionBits, topicConfigs, topicOnBroker } from '../topic-view.ts';

const QUEUES_DEFAULT = 8;
/** A broker tells the name server at once; this is for one that is slow. */
const KNOWN_MS_MAX = 5000;
const KNOWN_POLL_MS = 50;

type Master = BrokerNode & { readonly master: string };

export const createTopic: Command = (context) =>
  withTopic(context, async (cluster, masters, before, topic) => {
    const there = masters.filter((_, index) => before[index] !== undefined).map(({ name }) => name);
    if (there.length > 0)
      throw new CommandError(
        'MQ_CLI_EXISTS',
        `Topic "${topic}" is there already on ${there.join(', ')}: \`ringmq topics change\` changes it`,
      );
    await apply(cluster, context, topic, masters, () => undefined);
  });

export const changeTopic: Command = (context) =>
  withTopic(context, async (cluster, masters, before, topic) => {
    const having = masters.filter((_, index) => before[index] !== undefined);
    if (having.length === 0) throw await cluster.noSuchTopic(topic);
    const { args } = context;
    const isNamed = ['queues', 'read-queues', 'write-queues', 'perm', 'order'].some((flag) => args.text(flag) !== undefined);
    if (!isNamed && args.texts('attribute').length === 0) args.refuse('Nothing to change: name a setting');
    await apply(cluster, context, topic, having, (broker) => before[masters.indexOf(broker)]);
  });

async function withTopic(
  context: CommandContext,
  work: (cluster: Cluster, masters: Master[], before: (TopicConfig | undefined)[], topic: string) => Promise<void>,
): Promise<number> {
  const { args, environment } = context;
  const topic = args.operand(0);
  checkAttributes(args);
  const cluster = Cluster.of(args, environment);
  try {
    const masters = await cluster.masters(args.texts('broker'));
    const before: (TopicConfig | undefined)[] = [];
    for (const { master } of masters) before.push((await topicConfigs(cluster, master)).get(topic));
    await work(cluster, masters, before, topic);
    return exitCodes.stopped;
  } finally {
    cluster.close();
  }
}

async function apply(
  cluster: Cluster,
  { args, terminal }: CommandContext,
  topic: string,
  masters: readonly Master[],
  before: (broker: Master) => TopicConfig | undefined,
): Promise<void> {
  for (const broker of masters) {
    const ext = encodeUpdateAndCreateTopicRequest({ topic, defaultTopic: AUTO_CREATE_TOPIC, ...settings(args, before(broker)) });
    await cluster.ask(broker.master, UPDATE_AND_CREATE_TOPIC, { ext });
  }
  const names = masters.map(({ name }) => name);
  if (!(await isKnown(cluster, topic, names)))
    terminal.note(`The brokers have "${topic}", the name server does not know it on all of them yet: clients will find it within 30 s`);
  const brokers = [];
  for (const { name, master } of masters) {
    const config = (await topicConfigs(cluster, master)).get(topic);
    if (config !== undefined) brokers.push(topicOnBroker(name, config));
  }
  if (terminal.isJson) terminal.json({ topic, brokers });
  else
    for (const { broker, readQueues, writeQueues, perm } of brokers)
      terminal.print(`${topic} on ${broker}: ${counted(readQueues, 'queue')} to read, ${writeQueues} to write, ${perm}`);
}

/** What to send: what was named, else what was, else the defaults. */
export function settings(
  args: Arguments,
  before: TopicConfig | undefined,
): Omit<Parameters<typeof encodeUpdateAndCreateTopicRequest>[0], 'topic' | 'defaultTopic'> {
  const queues = args.number('queues');
  const perm = args.text('perm');
  const order = args.text('order');
  const attributes = args.texts('attribute');
  return {
    readQueueNums: args.number('read-queues') ?? queues ?? before?.readQueueNums ?? QUEUES_DEFAULT,
    writeQueueNums: args.number('write-queues') ?? queues ?? before?.writeQueueNums ?? QUEUES_DEFAULT,
    perm: perm === undefined ? (before?.perm ?? PERM_READ_WRITE) : permissionBits(perm, before?.perm ?? 0),
    topicFilterType: before?.topicFilterType ?? 'SINGLE_TAG',
    topicSysFlag: before?.topicSysFlag ?? 0,
    order: order === undefined ? (before?.order ?? false) : order === 'yes',
    attributes: attributes.length === 0 ? null : attributes.join(','),
    force: null,
  };
}

function checkAttributes(args: Arguments): void {
  for (const attribute of args.texts('attribute')) {
    if (!/^(\+[^=,+-][^=,]*=[^,]*|-[^=,+-][^=,]*)$/.test(attribute)) args.refuse(`--attribute ${attribute}: must be +KEY=VALUE or -KEY`);
  }
}

async function isKnown(cluster: Cluster, topic: string, names: readonly string[]): Promise<boolean> {
  const deadline = performance.now() + KNOWN_MS_MAX;
  for (;;) {
    const route = await cluster.core.routes.refresh(topic);
    const known = new Set(route?.data.queueDatas.map(({ brokerName }) => brokerName));
    if (names.every((name) => known.has(name))) return true;
    if (performance.now() > deadline) return false;
    await cluster.core.pause(KNOWN_POLL_MS);
  }
}
