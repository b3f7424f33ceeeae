/** `ringmq send TOPIC [BODY...]`: sends messages from arguments, files or lines. Requests: 105, and 310 a message. */
import { createReadStream, readFileSync } from 'node:fs';
import { brokerAddress, type TopicRoute, topicRoute } from '../../client/route-table.ts';
import { DELAY_TIME_LEVEL, KEYS, TAGS, UNIQ_KEY, WAIT_STORE_MSG_OK } from '../../model/message-property.ts';
import type { MessageQueue } from '../../model/queue-id.ts';
import { AUTO_CREATE_TOPIC } from '../../model/topic.ts';
import { Cluster } from '../cluster.ts';
import type { Command, CommandContext } from '../command.ts';
import type { Arguments } from '../command-line.ts';
import { counted, formatCount } from '../count-text.ts';
import { CommandError } from '../errors.ts';
import { exitCodes } from '../exit-codes.ts';
import { readLines } from '../line-reader.ts';
import { formatDuration } from '../option-value.ts';
import { Pacer } from '../pacer.ts';
import { Progress } from '../progress.ts';
import { DEFAULT_QUEUES, Sender, type SendResult } from '../sender.ts';

/** RocketMQ's maxMessageSize. */
const BODY_BYTES_MAX = 4 * 1024 * 1024;
/** Results and failures shown one by one when it is not JSON. */
const SHOWN_MAX = 10;
const IN_FLIGHT_DEFAULT = 64;
const GROUP_DEFAULT = 'ringmq-cli';

export const send: Command = async (context) => {
  const { args, environment } = context;
  const topic = args.operand(0);
  const properties = messageProperties(args);
  const count = args.number('count') ?? 1;
  const bodies = messageBodies(context);
  const cluster = Cluster.of(args, environment);
  const signal = context.interrupt();
  try {
    const route = await routeToSend(cluster, args, topic);
    const queues = queuesToSend(args, route);
    const addresses = new Map(queues.map(({ brokerName }) => [brokerName, brokerAddress(route, brokerName) as string]));
    const sender = new Sender(
      cluster,
      queues,
      addresses,
      args.text('group') ?? GROUP_DEFAULT,
      args.number('in-flight') ?? IN_FLIGHT_DEFAULT,
    );
    const report = new Report(context, topic, args.operands.length > 1 ? (args.operands.length - 1) * count : undefined);
    const pacer = new Pacer(args.number('rate'), performance.now());
    // A stream that waits for its next line does not see the interruption by itself.
    const interrupted = new Promise<'interrupted'>((resolve) =>
      signal.addEventListener('abort', () => resolve('interrupted'), { once: true }),
    );
    const iterator = bodies[Symbol.asyncIterator]();
    let number = 0;
    for (;;) {
      const next = await Promise.race([iterator.next(), interrupted]);
      if (next === 'interrupted' || next.done === true) break;
      const text = count > 1 || args.operands.length > 1 ? numbered(next.value) : undefined;
      for (let copy = 0; copy < count && !signal.aborted; copy++) {
        const waitMs = pacer.next(performance.now());
        if (waitMs >= 1) await cluster.core.pause(waitMs);
        await sender.room();
        const body = text === undefined ? next.value : text(number);
        number++;
        void sender.send(body, properties).then((result) => report.add(result));
      }
    }
    await sender.drained();
    // The last results are told in the turn after the last answer.
    await cluster.core.pause(0);
    return report.end();
  } finally {
    cluster.close();
    // What nobody reads any more must not keep the process.
    context.stdin.destroy();
  }
};

/** The body with `{n}` replaced by the message's number; undefined when it has none. */
function numbered(body: Uint8Array): ((number: number) => Uint8Array) | undefined {
  const text = Buffer.from(body).toString('utf8');
  return text.includes('{n}') ? (number) => Buffer.from(text.replaceAll('{n}', String(number))) : undefined;
}

async function routeToSend(cluster: Cluster, args: Arguments, topic: string): Promise<TopicRoute> {
  const { routes } = cluster.core;
  const route = await routes.find(topic);
  if (route !== null) return route;
  // A slip of the keyboard must not make a topic.
  if (!args.isSet('create')) {
    const error = await cluster.noSuchTopic(topic);
    throw new CommandError(error.code, `${error.message}, --create makes it`);
  }
  const pattern = await routes.find(AUTO_CREATE_TOPIC);
  if (pattern === null)
    throw new CommandError('MQ_CLI_REFUSED', `No broker makes topics by their first message: \`ringmq topics create ${topic}\` does`);
  return topicRoute(topic, pattern.data, true, DEFAULT_QUEUES);
}

function queuesToSend(args: Arguments, route: TopicRoute): MessageQueue[] {
  const broker = args.text('broker');
  const queueId = args.number('queue');
  const queues = route.writeQueues.filter(
    (queue) => (broker === undefined || queue.brokerName === broker) && (queueId === undefined || queue.queueId === queueId),
  );
  if (queues.length > 0) return queues;
  const all = [...new Set(route.writeQueues.map(({ brokerName }) => brokerName))];
  const wanted = [...(queueId === undefined ? [] : [`queue ${queueId}`]), ...(broker === undefined ? [] : [`broker ${broker}`])].join(
    ' on ',
  );
  throw new CommandError('MQ_CLI_NOT_FOUND', `Topic "${route.topic}" has no ${wanted} to write to; it is on ${all.join(', ')}`);
}

/** Beside the unique key. */
export function messageProperties(args: Arguments): (readonly [string, string])[] {
  const properties: [string, string][] = [];
  const tag = args.text('tag');
  const level = args.number('delay-level');
  if (tag !== undefined) properties.push([TAGS, tag]);
  if (args.texts('key').length > 0) properties.push([KEYS, args.texts('key').join(' ')]);
  if (level !== undefined) properties.push([DELAY_TIME_LEVEL, String(level)]);
  for (const text of args.texts('property')) {
    const at = text.indexOf('=');
    if (at <= 0 || at === text.length - 1) args.refuse(`--property ${text}: must be NAME=VALUE`);
    const name = text.slice(0, at);
    const option = OWN_OPTIONS[name];
    if (option !== undefined) args.refuse(`--property ${name} is ${option}`);
    properties.push([name, text.slice(at + 1)]);
  }
  for (const [name, value] of properties) {
    if (/[\x01\x02]/.test(name + value)) args.refuse(`Property ${JSON.stringify(name)} has a character (1 or 2) that separates properties`);
  }
  return properties;
}

const OWN_OPTIONS: Readonly<Record<string, string>> = Object.assign(Object.create(null), {
  [TAGS]: 'given with --tag',
  [KEYS]: 'given with --key',
  [DELAY_TIME_LEVEL]: 'given with --delay-level',
  [UNIQ_KEY]: 'made by the command',
  [WAIT_STORE_MSG_OK]: 'set by the command',
});

async function* messageBodies({ args, stdin, terminal }: CommandContext): AsyncGenerator<Uint8Array> {
  const given = args.operands.slice(1);
  const files = args.texts('file');
  const lines = args.text('lines');
  for (const body of given) yield Buffer.from(body);
  for (const file of files) {
    const body = readFile(file);
    if (body.length > BODY_BYTES_MAX)
      throw new CommandError('MQ_CLI_REFUSED', `${file} has ${body.length} bytes, a message may have ${BODY_BYTES_MAX}`);
    yield body;
  }
  if (lines !== undefined && lines !== '-') yield* fullLines(openFile(lines));
  if (lines === '-' || (given.length === 0 && files.length === 0 && lines === undefined)) {
    if (stdin.isTTY === true) terminal.note('Each line is a message; Ctrl+D ends');
    yield* fullLines(stdin);
  }
}

/** Brokers take no message without a body. */
async function* fullLines(stream: AsyncIterable<Buffer | string>): AsyncGenerator<Uint8Array> {
  for await (const line of readLines(stream, BODY_BYTES_MAX)) if (line.length > 0) yield line;
}

function readFile(file: string): Buffer {
  try {
    return readFileSync(file);
  } catch (cause) {
    throw new CommandError('MQ_CLI_FILE', `Cannot read ${file}: ${(cause as Error).message}`, { cause });
  }
}

async function* openFile(file: string): AsyncGenerator<Buffer> {
  try {
    for await (const chunk of createReadStream(file)) yield chunk as Buffer;
  } catch (cause) {
    throw new CommandError('MQ_CLI_FILE', `Cannot read ${file}: ${(cause as Error).message}`, { cause });
  }
}

/** What became of the messages. */
class Report {
  readonly #context: CommandContext;
  readonly #topic: string;
  readonly #progress: Progress;
  readonly #startedMs = performance.now();
  #stored = 0;
  #failed = 0;

  constructor(context: CommandContext, topic: string, total: number | undefined) {
    this.#context = context;
    this.#topic = topic;
    this.#progress = new Progress(context.terminal, 'sent', total, this.#startedMs);
  }

  add(result: SendResult): void {
    if (result.error === null) this.#stored++;
    else this.#failed++;
    this.#show(result);
    this.#progress.update(this.#stored + this.#failed, performance.now());
  }

  #show(result: SendResult): void {
    const { terminal, args } = this.#context;
    const { queue, status, uniqKey, error } = result;
    const isQuiet = args.isSet('quiet');
    if (terminal.isJson && !isQuiet) {
      const stored = error === null ? result : null;
      terminal.json({
        topic: this.#topic,
        status,
        broker: stored === null ? null : queue.brokerName,
        queueId: stored === null ? null : queue.queueId,
        queueOffset: stored?.queueOffset ?? null,
        msgId: stored?.msgId ?? null,
        uniqKey,
        error,
      });
    } else if (error !== null) {
      this.#progress.end();
      if (this.#failed <= SHOWN_MAX) terminal.note(`${terminal.style('red', 'failed')} ${queue.brokerName}/${queue.queueId}: ${error}`);
      if (this.#failed === SHOWN_MAX) terminal.note('more failures are counted, not shown');
    } else if (!isQuiet && !terminal.isJson && this.#stored <= SHOWN_MAX) {
      this.#progress.end();
      terminal.print(`${status} ${queue.brokerName}/${queue.queueId}@${result.queueOffset} ${uniqKey}`);
    }
  }

  /** The sum, and the exit code. */
  end(): number {
    const { terminal } = this.#context;
    this.#progress.end();
    const seconds = (performance.now() - this.#startedMs) / 1000;
    const total = this.#stored + this.#failed;
    if (total > 1 || this.#failed > 0 || total === 0) {
      const failed = this.#failed === 0 ? '' : `, ${formatCount(this.#failed)} failed`;
      const rate = seconds > 0 ? `, ${formatCount(Math.round(total / seconds))}/s` : '';
      terminal.note(`Sent ${counted(this.#stored, 'message')} to ${this.#topic}${failed} in ${formatDuration(seconds * 1000)}${rate}`);
    }
    return this.#failed === 0 ? exitCodes.stopped : exitCodes.failed;
  }
}
