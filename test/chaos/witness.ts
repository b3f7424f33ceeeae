/**
 * The witness of chaos: the stock `ali-ons` client, which sends and consumes while the broker is done harm to, and senders of our own
 * that load it. Notes what was acknowledged and what came. Owns the clients.
 */
import { type AliConsumer, type AliProducer, aliOns, silentLogger } from '../support/ali-ons.ts';
import { sendMessage } from '../support/broker-client.ts';
import { RemotingClient } from '../support/remoting-client.ts';
import { pause } from '../support/wait-until.ts';

export const QUEUES = 4;
/** Between two sends that failed: the broker is away. */
const AWAY_MS = 50;

export class Witness {
  /** Body → topic/queue/offset, as it was acknowledged. */
  readonly acknowledged: Map<string, string> = new Map();
  /** Bodies that the stock consumer has handled, with the times. */
  readonly consumed: Map<string, number> = new Map();
  readonly topics: readonly [stock: string, raw: string];
  attempts = 0;
  failures = 0;
  stockAcknowledged = 0;
  /** Each broker start: ms from it to the first acknowledgement after it. */
  readonly recoveredMs: number[] = [];
  #startedAt = 0;
  #isStopped = false;
  #running: Promise<unknown>[] = [];
  #producer: AliProducer | null = null;
  #consumer: AliConsumer | null = null;
  readonly #nameServer: string;
  readonly #address: string;

  constructor(nameServer: string, address: string, name: string) {
    this.#nameServer = nameServer;
    this.#address = address;
    this.topics = [`chaos_stock_${name}`, `chaos_raw_${name}`];
  }

  /** Connects the stock clients; the topics are made by the first sends. */
  async start(rawSenders: number): Promise<void> {
    const common = {
      nameSrv: [this.#nameServer],
      httpclient: {},
      logger: silentLogger,
      pollNameServerInteval: 1_000,
      heartbeatBrokerInterval: 1_000,
    };
    const first = await RemotingClient.connect(this.#address);
    for (const topic of this.topics) {
      const { code, remark } = await sendMessage(first, topic, `first of ${topic}`, { queueId: 0 });
      if (code !== 0) throw new Error(`The first send to ${topic}: ${code} ${remark}`);
    }
    await first.close();
    this.#producer = new aliOns.Producer({ ...common, producerGroup: 'PG_chaos', instanceName: 'chaos-producer' });
    // A broker that is away is what this is about.
    this.#producer.on('error', () => void this.failures++);
    this.#consumer = new aliOns.Consumer({
      ...common,
      consumerGroup: 'CG_chaos',
      instanceName: 'chaos-consumer',
      consumeFromWhere: 'CONSUME_FROM_FIRST_OFFSET',
      rebalanceInterval: 1_000,
    });
    this.#consumer.on('error', () => void this.failures++);
    this.#consumer.subscribe(this.topics[0], '*', async ({ body }) => {
      const text = body.toString('utf8');
      this.consumed.set(text, (this.consumed.get(text) ?? 0) + 1);
    });
    await Promise.all([this.#producer.ready(), this.#consumer.ready()]);
    this.#running = [0, 1].map((sender) => this.#sendStock(sender));
    for (let sender = 0; sender < rawSenders; sender++) this.#running.push(this.#sendRaw(sender));
  }

  /** The broker is being started. */
  brokerStarts(): void {
    this.#startedAt = performance.now();
  }

  /** What stood in bytes that were damaged need not be there any more. */
  excuse(bodies: readonly string[]): number {
    return bodies.filter((body) => this.acknowledged.delete(body)).length;
  }

  async stopSending(): Promise<void> {
    this.#isStopped = true;
    await Promise.all(this.#running);
  }

  async close(): Promise<void> {
    await Promise.allSettled([this.#producer?.close(), this.#consumer?.close()]);
    // Closed, they listen to nothing any more, and may still tell of a read that failed.
    this.#producer?.on('error', () => void this.failures++);
    this.#consumer?.on('error', () => void this.failures++);
  }

  #acknowledge(body: string, place: string): void {
    this.acknowledged.set(body, place);
    if (this.#startedAt === 0) return;
    this.recoveredMs.push(Math.round(performance.now() - this.#startedAt));
    this.#startedAt = 0;
  }

  async #sendStock(sender: number): Promise<void> {
    const producer = this.#producer!;
    for (let i = 0; !this.#isStopped; i++) {
      const body = `stock ${sender} ${i} ${'s'.repeat(i % 400)}`;
      this.attempts++;
      try {
        const { sendStatus, messageQueue, queueOffset } = await producer.send(new aliOns.Message(this.topics[0], 'A', body));
        if (sendStatus === 'SEND_OK') {
          this.#acknowledge(body, `${this.topics[0]}/${messageQueue.queueId}/${queueOffset}`);
          this.stockAcknowledged++;
        }
      } catch {
        this.failures++;
        await pause(AWAY_MS);
      }
    }
  }

  async #sendRaw(sender: number): Promise<void> {
    let client: RemotingClient | undefined;
    for (let i = 0; !this.#isStopped; i++) {
      const body = `raw ${sender} ${i} ${'r'.repeat((i * 7) % 900)}`;
      this.attempts++;
      try {
        if (client === undefined || !client.isOpen) client = await RemotingClient.connect(this.#address);
        const { code, ext } = await sendMessage(client, this.topics[1], body, { queueId: i % QUEUES, timeoutMs: 10_000 });
        if (code === 0) this.#acknowledge(body, `${this.topics[1]}/${ext?.['queueId']}/${ext?.['queueOffset']}`);
        else {
          this.failures++;
          await pause(AWAY_MS);
        }
      } catch {
        this.failures++;
        await pause(AWAY_MS);
      }
    }
    await client?.close();
  }
}
