/**
 * A flood of sends over raw frames, for benchmarks of kinds of messages that the load generator does not know. Owns its sockets.
 */
import { readFileSync } from 'node:fs';
import { connect, type Socket } from 'node:net';
import { queueOffset } from '../test/support/broker-client.ts';
import { encodeRawFrame } from '../test/support/raw-frame.ts';
import type { RemotingClient } from '../test/support/remoting-client.ts';

export const CONNECTIONS = 4;
export const QUEUES = 4;
export const GROUP = 'PG';
const WINDOW = 64;
const BODY = Buffer.alloc(128, 120);
const TICKS = 100;

export type Properties = (message: number) => string;

/** Sends messages over one connection, `WINDOW` at a time, and counts the answers; half messages are committed as soon as they are answered. */
export class Flood {
  readonly #socket: Socket;
  readonly #topic: string;
  readonly #isHalf: boolean;
  #ends: Buffer[] = [];
  #buffer: Buffer = Buffer.alloc(0);
  #answered = 0;
  refused = 0;
  #onAnswer: () => void = () => {};

  private constructor(socket: Socket, topic: string, isHalf: boolean) {
    this.#socket = socket;
    this.#topic = topic;
    this.#isHalf = isHalf;
    socket.setNoDelay(true);
    socket.on('data', (chunk) => this.#take(chunk));
  }

  static async open(address: string, topic: string, isHalf = false): Promise<Flood> {
    const [host, port] = address.split(':') as [string, string];
    const socket = connect({ host, port: Number(port) });
    await new Promise((resolve, reject) => socket.once('connect', resolve).once('error', reject));
    return new Flood(socket, topic, isHalf);
  }

  #take(chunk: Buffer): void {
    this.#buffer = this.#buffer.length === 0 ? chunk : Buffer.concat([this.#buffer, chunk]);
    let at = 0;
    while (this.#buffer.length - at >= 4) {
      const length = this.#buffer.readInt32BE(at);
      if (this.#buffer.length - at - 4 < length) break;
      if (!this.#buffer.subarray(at + 8, at + 32).includes('"code":0')) this.refused++;
      else if (this.#isHalf)
        this.#ends.push(endFrame(this.#buffer.subarray(at + 8, at + 8 + (this.#buffer.readInt32BE(at + 4) & 0xffffff))));
      this.#answered++;
      at += 4 + length;
    }
    this.#buffer = this.#buffer.subarray(at);
    this.#onAnswer();
    if (this.#ends.length > 0) this.#socket.write(Buffer.concat(this.#ends));
    this.#ends = [];
  }

  /** @param mayGo how many of this connection's messages may be sent by now */
  async send(first: number, count: number, properties: Properties, mayGo: () => number = () => count): Promise<void> {
    let sent = 0;
    const answeredBefore = this.#answered;
    const go = (): void => {
      const frames: Buffer[] = [];
      const end = Math.min(count, mayGo(), this.#answered - answeredBefore + WINDOW);
      for (; sent < end; sent++) frames.push(this.#frame(first + sent, properties(first + sent)));
      if (frames.length > 0) this.#socket.write(Buffer.concat(frames));
    };
    await new Promise<void>((resolve) => {
      const pace = setInterval(go, 2);
      this.#onAnswer = () => {
        go();
        if (this.#answered - answeredBefore < count) return;
        clearInterval(pace);
        resolve();
      };
      go();
    });
  }

  #frame(message: number, properties: string): Buffer {
    const i = `UNIQ_KEY\u0001${String(message).padStart(32, '0')}\u0002WAIT\u0001true\u0002${properties}\u0002`;
    const ext = {
      a: 'P',
      b: this.#topic,
      c: 'TBW102',
      d: String(QUEUES),
      e: String(message % QUEUES),
      f: this.#isHalf ? '4' : '0',
      g: String(Date.now()),
      h: '0',
      i,
      j: '0',
      k: 'false',
      m: 'false',
    };
    return encodeRawFrame({ code: 310, opaque: message, ext, flag: 0, body: BODY });
  }

  close(): void {
    this.#socket.destroy();
  }
}

/** Sends `count` messages over several connections, at `rate` a second or as fast as they are answered; gives how many. Throws when some are refused. */
export async function flood(
  address: string,
  topic: string,
  count: number,
  properties: Properties,
  { rate = 0, isHalf = false }: { readonly rate?: number; readonly isHalf?: boolean } = {},
): Promise<number> {
  const floods = await Promise.all(Array.from({ length: CONNECTIONS }, () => Flood.open(address, topic, isHalf)));
  const each = Math.ceil(count / CONNECTIONS);
  const start = performance.now();
  const mayGo = rate === 0 ? undefined : (): number => ((performance.now() - start) / 1000) * (rate / CONNECTIONS);
  await Promise.all(floods.map((one, index) => one.send(index * each, each, properties, mayGo)));
  const refused = floods.reduce((sum, one) => sum + one.refused, 0);
  for (const one of floods) one.close();
  if (refused > 0) throw new Error(`${refused} of ${count} sends were refused`);
  return each * CONNECTIONS;
}

/** Processor time that these processes have used so far, user and system. */
export function cpuSeconds(pids: readonly number[]): number {
  return pids.reduce((sum, pid) => {
    const fields = readFileSync(`/proc/${pid}/stat`, 'utf8').split(') ')[1]!.split(' ');
    return sum + (Number(fields[11]) + Number(fields[12])) / TICKS;
  }, 0);
}

/** Messages that the topic has. */
export async function stored(client: RemotingClient, topic: string): Promise<number> {
  let sum = 0;
  for (let queue = 0; queue < QUEUES; queue++) sum += await queueOffset(client, 30, topic, queue);
  return sum;
}

/** Makes a topic of `QUEUES` queues. */
export async function makeTopic(client: RemotingClient, topic: string): Promise<void> {
  const ext = {
    topic,
    defaultTopic: 'TBW102',
    readQueueNums: QUEUES,
    writeQueueNums: QUEUES,
    perm: 6,
    topicFilterType: 'SINGLE_TAG',
    order: false,
  };
  const { code, remark } = await client.request(17, { ...ext, topicSysFlag: 0 });
  if (code !== 0) throw new Error(`the topic was not made: ${code} ${remark}`);
}

/** The commit of the half message that this answer's header tells of, one-way, as Java clients send it. */
function endFrame(header: Buffer): Buffer {
  const { extFields } = JSON.parse(header.toString()) as { extFields: Record<string, string> };
  const ext = {
    commitLogOffset: String(Number.parseInt(extFields['msgId']!.slice(-16), 16)),
    commitOrRollback: '8',
    fromTransactionCheck: 'false',
    msgId: extFields['transactionId']!,
    producerGroup: GROUP,
    topic: '',
    tranStateTableOffset: extFields['queueOffset']!,
    transactionId: extFields['transactionId']!,
  };
  return encodeRawFrame({ code: 37, opaque: 0, ext, flag: 2, body: new Uint8Array(0) });
}
