/**
 * A client in the simulated world: one connection, requests matched to answers by their opaque, time-outs, and a new connection when the
 * old one is gone. It tells the difference that a client can tell: an answer, or none. Owns nothing of the broker's.
 */
import { decodeCommand, encodeCommand, ONEWAY_FLAG, RESPONSE_FLAG, type RemotingCommand } from '../protocol/remoting/command.ts';
import { FrameReader } from '../protocol/remoting/frame-reader.ts';
import type { Link, Network } from './network.ts';

/** null: no answer came in time, or the connection broke. */
export type OnAnswer = (answer: RemotingCommand | null) => void;

type Waiting = { readonly onAnswer: OnAnswer; readonly takeBack: () => void };

export class SimClient {
  readonly #network: Network;
  readonly #waiting: Map<number, Waiting> = new Map();
  #link: Link | null = null;
  #nextOpaque = 1;
  readonly #number: number;

  constructor(network: Network) {
    this.#network = network;
    this.#number = network.nextClient++;
  }

  /** Hears of what the broker sends by itself. */
  onPush: (command: RemotingCommand) => void = () => {};
  /** Told when a connection was made anew. */
  onConnected: () => void = () => {};

  get isConnected(): boolean {
    return this.#link?.isOpen === true;
  }

  /** Makes a connection if there is none: what is sent next goes by it. */
  connect(): void {
    this.#connected();
  }

  /** Sends a request. It may be answered by `onAnswer(null)` at once. */
  request(code: number, ext: Record<string, string>, body: Uint8Array | null, timeoutMs: number, onAnswer: OnAnswer): void {
    const link = this.#connected();
    const opaque = this.#nextOpaque++;
    this.#network.time.tell(() => `  client ${this.#number} asks ${code}${link === null ? ', nobody listens' : ''}`);
    if (link === null) {
      onAnswer(null);
      return;
    }
    const takeBack = this.#network.time.after(timeoutMs, () => {
      this.#waiting.delete(opaque);
      // Nothing heard on it for so long: a client gives the connection up.
      if (link === this.#link) this.drop();
      onAnswer(null);
    });
    this.#waiting.set(opaque, { onAnswer, takeBack });
    link.send(encodeCommand({ code, opaque, flag: 0, ext, body }));
  }

  oneway(code: number, ext: Record<string, string>, body: Uint8Array | null): void {
    const opaque = this.#nextOpaque++;
    this.#connected()?.send(encodeCommand({ code, opaque, flag: ONEWAY_FLAG, ext, body }));
  }

  /** Answers what the broker has asked, by the connection that there is now. */
  answer(command: RemotingCommand, code: number): void {
    if (this.#link?.isOpen === true) this.#link.send(encodeCommand({ code, opaque: command.opaque, flag: RESPONSE_FLAG, ext: {} }));
  }

  /** Closes the connection; the next request makes another. What waits is answered by null. */
  drop(): void {
    const link = this.#link;
    this.#link = null;
    link?.close();
    this.#failAll();
  }

  #connected(): Link | null {
    if (this.#link?.isOpen === true) return this.#link;
    const frames = new FrameReader();
    let link: Link | null = null;
    link = this.#network.connect({
      received: (bytes) => {
        try {
          const error = frames.push(bytes, bytes.length, (frame, start, end) => {
            this.#answered(decodeCommand(frame, start, end));
            return true;
          });
          if (error !== null) throw error;
        } catch (thrown) {
          // What a client cannot read is the broker's mistake.
          this.#network.problem(`client ${this.#number} cannot read what it got: ${String(thrown)}`);
          this.drop();
        }
      },
      closed: () => {
        if (this.#link !== link) return;
        this.#link = null;
        this.#failAll();
      },
    });
    this.#link = link;
    if (link !== null) this.onConnected();
    return this.#link;
  }

  #answered(command: RemotingCommand): void {
    if ((command.flag & RESPONSE_FLAG) === 0) {
      this.onPush(command);
      return;
    }
    const waiting = this.#waiting.get(command.opaque);
    if (waiting === undefined) return;
    this.#waiting.delete(command.opaque);
    waiting.takeBack();
    this.#network.time.tell(() => `  client ${this.#number} is answered ${command.code} ${command.remark ?? ''}`);
    // The frame's bytes are the reader's.
    waiting.onAnswer({ ...command, body: new Uint8Array(command.body) });
  }

  #failAll(): void {
    const waiting = [...this.#waiting.values()];
    this.#waiting.clear();
    for (const { takeBack, onAnswer } of waiting) {
      takeBack();
      onAnswer(null);
    }
  }
}
