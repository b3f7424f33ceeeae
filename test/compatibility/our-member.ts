/**
 * A member of ours in a group of a stock client's members: both have to work the same shares out. The stock client's program says what it
 * is to do; each is done when the word for it holds:
 *
 *   member join TOPIC GROUP   it is in the group, with two of the topic's queues
 *   member owns N             it has N of the topic's queues
 *   member has N WORD         N messages that begin with WORD have come to it, each once
 *   member leave              it has left
 */
import { PushConsumer } from '../../client/index.ts';
import { waitUntil } from '../support/wait-until.ts';

const MS_MAX = 30_000;

export class OurMember {
  readonly #nameServer: string;
  #consumer: PushConsumer | null = null;
  #topic = '';
  #bodies: string[] = [];

  constructor(nameServer: string) {
    this.#nameServer = nameServer;
  }

  /** Does what `member …` says; rejects when its word does not come true. */
  async handle(event: string): Promise<void> {
    const [, what, first = '', second = ''] = event.split(' ');
    if (what === 'join') await this.#join(first, second);
    else if (what === 'owns') await this.#owns(Number(first));
    else if (what === 'has') await this.#has(Number(first), second);
    else if (what === 'leave') await this.leave();
    else throw new Error(`A member cannot ${event}`);
  }

  async leave(): Promise<void> {
    await this.#consumer?.close();
    this.#consumer = null;
  }

  async #join(topic: string, group: string): Promise<void> {
    this.#topic = topic;
    this.#bodies = [];
    const consumer = new PushConsumer({ nameServers: this.#nameServer, group, consumeFrom: 'first' });
    this.#consumer = consumer;
    await consumer.subscribe(topic, (message) => {
      this.#bodies.push(Buffer.from(message.body).toString());
    });
    await consumer.start();
    await this.#owns(2);
  }

  async #owns(count: number): Promise<void> {
    const owned = (): number => this.#consumer?.queues.filter((queue) => queue.topic === this.#topic).length ?? 0;
    await waitUntil(`${count} queues`, () => owned() === count, MS_MAX);
  }

  /** Messages of before may come again when a queue changes hands; those that were sent while nothing changed may not. */
  async #has(count: number, word: string): Promise<void> {
    const own = (): string[] => this.#bodies.filter((body) => body.startsWith(word));
    await waitUntil(`${count} messages that begin with ${word}`, () => own().length >= count, MS_MAX);
    if (own().length !== count || new Set(own()).size !== count)
      throw new Error(`${own().length} messages came, ${new Set(own()).size} of them different, ${count} were meant for this member`);
  }
}
