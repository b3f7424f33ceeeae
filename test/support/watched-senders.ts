/**
 * Senders that note what became of each send, for tests in which the broker fails: acknowledged where, refused how, unanswered. They
 * stop when told or when their connection breaks. Owns its connections.
 */
import { queueOffset, readQueue, sendMessage } from './broker-client.ts';
import { RemotingClient } from './remoting-client.ts';

const QUEUES = 4;

export class WatchedSenders {
  /** Body → queue/offset. */
  readonly acknowledged: Map<string, string> = new Map();
  /** Refusals, as they came: code and remark. */
  readonly refused: { readonly code: number; readonly remark: string; readonly atMs: number }[] = [];
  /** When a send first was not acknowledged, in ms of `performance.now()`. */
  failedAt = Number.POSITIVE_INFINITY;
  /** Acknowledgements that came on a connection after it had said that the disk has failed. */
  afterFence = 0;
  readonly #topic: string;
  readonly #bodyBytes: number;
  readonly #running: Promise<void>[];
  readonly #isForgetful: boolean;
  /** Sends that were acknowledged. */
  count = 0;
  #isStopped = false;

  /** @param isForgetful long runs: `acknowledged` stays empty, they are only counted */
  constructor(address: string, topic: string, { senders = 4, window = 4, bodyBytes = 64, name = '', isForgetful = false } = {}) {
    this.#topic = topic;
    this.#bodyBytes = bodyBytes;
    this.#isForgetful = isForgetful;
    this.#running = Array.from({ length: senders }, (_, sender) => this.#connect(address, `${name}${sender}`, window));
  }

  async #connect(address: string, sender: string, window: number): Promise<void> {
    const client = await RemotingClient.connect(address);
    const state = { isFenced: false };
    await Promise.all(Array.from({ length: window }, (_, lane) => this.#send(client, `${sender}-${lane}`, state)));
    await client.close();
  }

  async #send(client: RemotingClient, name: string, state: { isFenced: boolean }): Promise<void> {
    for (let i = 0; client.isOpen && !this.#isStopped; i++) {
      const body = `${name}-${i}`.padEnd(this.#bodyBytes, '.');
      try {
        const { code, remark, ext } = await sendMessage(client, this.#topic, body, { queueId: i % QUEUES, timeoutMs: 20_000 });
        if (code === 0) {
          this.count++;
          if (!this.#isForgetful) this.acknowledged.set(body, `${ext?.['queueId']}/${ext?.['queueOffset']}`);
          if (state.isFenced) this.afterFence++;
          continue;
        }
        this.#fail();
        this.refused.push({ code, remark: remark ?? '', atMs: performance.now() });
        if (remark?.includes('acknowledges nothing any more') === true) state.isFenced = true;
        await new Promise((resolve) => setTimeout(resolve, 20));
      } catch {
        // Unanswered when the broker went: it may be stored or not.
        this.#fail();
        return;
      }
    }
  }

  #fail(): void {
    this.failedAt = Math.min(this.failedAt, performance.now());
  }

  async stop(): Promise<void> {
    this.#isStopped = true;
    await Promise.all(this.#running);
  }

  /** What is wrong with the store behind `address`: acknowledged sends that are not at their place, gaps, ends that are off. Ten at most.
   * `acknowledged`: those of other senders too. */
  async problems(address: string, acknowledged: ReadonlyMap<string, string> = this.acknowledged): Promise<string[]> {
    const client = await RemotingClient.connect(address);
    const found = new Map<string, string>();
    const problems: string[] = [];
    for (let queue = 0; queue < QUEUES; queue++) {
      const messages = await readQueue(client, this.#topic, queue);
      for (const [index, message] of messages.entries()) {
        if (message.queueOffset !== index) problems.push(`queue ${queue}: offset ${message.queueOffset} at place ${index}`);
        const body = `${message.body}`;
        if (found.has(body)) problems.push(`${body} is there twice`);
        found.set(body, `${queue}/${message.queueOffset}`);
      }
      const end = await queueOffset(client, 30, this.#topic, queue);
      if (end !== messages.length) problems.push(`queue ${queue} ends at ${end}, ${messages.length} messages were read`);
    }
    await client.close();
    for (const [body, place] of acknowledged)
      if (found.get(body) !== place) problems.push(`${body} acknowledged at ${place}, found at ${found.get(body)}`);
    return problems.slice(0, 10);
  }
}
