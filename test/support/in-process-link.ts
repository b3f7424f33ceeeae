/**
 * A link of the in-process transport as a client has it, with promises: direct sends and pulls, and requests by frames. Owns the link.
 */
import type { DirectPullAnswer, DirectSendAnswer, Link } from '../../client/index.ts';
import type { Cluster } from '../../index.ts';
import { decodeCommand, encodeCommand, isResponse, type RemotingCommand } from '../../protocol/remoting/command.ts';
import type { PullMessageRequest } from '../../protocol/remoting/requests/pull-message.ts';
import type { SendMessageRequest } from '../../protocol/remoting/requests/send-message.ts';
import { decodeMessages, type RawMessage } from './raw-message.ts';

export class InProcessLink {
  readonly #link: Link;
  readonly #answers: Map<number, (answer: RemotingCommand) => void>;
  readonly #waiting: (() => void)[];
  /** Settles with the reason when the link is gone. */
  readonly closed: Promise<string>;
  #opaque = 0;

  private constructor(
    link: Link,
    answers: Map<number, (answer: RemotingCommand) => void>,
    waiting: (() => void)[],
    closed: Promise<string>,
  ) {
    this.#link = link;
    this.#answers = answers;
    this.#waiting = waiting;
    this.closed = closed;
  }

  /** Rejects with the reason when it does not open. */
  static async open(cluster: Cluster, address: string): Promise<InProcessLink> {
    const answers = new Map<number, (answer: RemotingCommand) => void>();
    const waiting: (() => void)[] = [];
    let end: (reason: string) => void = () => {};
    const closed = new Promise<string>((resolve) => {
      end = resolve;
    });
    const link = await new Promise<Link>((resolve, reject) => {
      const opening: Link = cluster.transport.open(address, {
        opened: () => resolve(opening),
        frame: (bytes, start, stop) => {
          const answer = decodeCommand(bytes, start, stop);
          answer.body = new Uint8Array(answer.body);
          // What the broker tells by itself has numbers of its own.
          if (isResponse(answer.flag)) answers.get(answer.opaque)?.(answer);
        },
        drained: () => {
          for (const run of waiting.splice(0)) run();
        },
        closed: (reason) => {
          end(reason);
          reject(new Error(reason));
        },
      });
    });
    return new InProcessLink(link, answers, waiting, closed);
  }

  get isDirect(): boolean {
    return this.#link.direct !== null;
  }

  /** A direct send; waits for room. */
  send(topic: string, body: string | Uint8Array, fields: Partial<SendMessageRequest> = {}): Promise<DirectSendAnswer> {
    const request: SendMessageRequest = {
      producerGroup: 'PG_test',
      topic,
      defaultTopic: 'TBW102',
      defaultTopicQueueNums: 4,
      queueId: 0,
      sysFlag: 0,
      bornTimestamp: Date.now(),
      flag: 0,
      properties: null,
      reconsumeTimes: 0,
      unitMode: false,
      maxReconsumeTimes: null,
      batch: false,
      ...fields,
    };
    const bytes = typeof body === 'string' ? Buffer.from(body) : body;
    return new Promise((resolve) => {
      const attempt = (): void => {
        if (this.#link.direct?.send(request, bytes, resolve) === false) this.#waiting.push(attempt);
      };
      attempt();
    });
  }

  /** A direct pull with its subscription in the request; `holdMs` 0: answered at once. */
  pull(
    topic: string,
    queueId: number,
    offset: number,
    fields: Partial<PullMessageRequest> & { holdMs?: number; expression?: string } = {},
  ): Promise<DirectPullAnswer & { messages: RawMessage[] }> {
    const { holdMs = 0, expression = '*', ...more } = fields;
    const request: PullMessageRequest = {
      consumerGroup: 'CG_test',
      topic,
      queueId,
      queueOffset: offset,
      maxMsgNums: 32,
      sysFlag: 4 | (holdMs > 0 ? 2 : 0),
      commitOffset: 0,
      suspendTimeoutMillis: holdMs,
      subscription: expression,
      subVersion: 0,
      expressionType: 'TAG',
      maxMsgBytes: null,
      ...more,
    };
    return new Promise((resolve) => {
      this.#link.direct?.pull(request, (answer) =>
        resolve({ ...answer, messages: answer.code === 0 ? decodeMessages(Buffer.from(answer.body)) : [] }),
      );
    });
  }

  /** Pulls until the queue's end. */
  async read(topic: string, queueId: number, expression: string = '*'): Promise<RawMessage[]> {
    const all: RawMessage[] = [];
    for (let offset = 0; ; ) {
      const { code, response, messages } = await this.pull(topic, queueId, offset, { expression });
      if (response === null) throw new Error(`a pull was answered ${code}`);
      all.push(...messages);
      if (response.nextBeginOffset >= response.maxOffset && code !== 21) return all;
      offset = response.nextBeginOffset;
    }
  }

  /** A request by frame. */
  request(code: number, ext: Record<string, string>, body: Uint8Array | null = null): Promise<RemotingCommand> {
    const opaque = ++this.#opaque;
    const answer = new Promise<RemotingCommand>((resolve) => {
      this.#answers.set(opaque, (given) => {
        this.#answers.delete(opaque);
        resolve(given);
      });
    });
    this.#link.send(encodeCommand({ code, opaque, flag: 0, ext, body }), null);
    return answer;
  }

  /** Bytes as they are, frame or not. */
  raw(bytes: Uint8Array): void {
    this.#link.send(bytes, null);
  }

  close(): void {
    this.#link.close();
  }
}
