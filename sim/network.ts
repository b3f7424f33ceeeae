/**
 * Simulated network between clients and the broker's shards: connections whose bytes come in order, late, in pieces of any size, or
 * never: either end may be gone without the other knowing (half open). A frame that a client sends again is its own business. The
 * broker's end is what its gateway takes for a socket. Bounded by what clients ask.
 */
import type { ClientSocket, Listen, ListenOptions } from '../actors/gateway/client-socket.ts';
import type { SeededRandom } from '../runtime/random.ts';
import type { SimulatedTime } from '../runtime/simulated-time.ts';

export type NetworkMoods = {
  /** Usual delay of bytes, at most. */
  readonly delayMs: number;
  /** Of 1000 deliveries, those that come late, by up to `lateMs`. */
  readonly latePer1000: number;
  readonly lateMs: number;
  /** Of 1000 deliveries, those at which the connection breaks: seen by both ends, or by one. */
  readonly breaksPer1000: number;
};

/** Runs something of a shard's outside its turns, as its event loop would. */
type Enter = (run: () => void) => void;
type Listener = { readonly options: ListenOptions; readonly shard: string; readonly enter: Enter };

export class Network {
  readonly time: SimulatedTime;
  readonly random: SeededRandom;
  moods: NetworkMoods;
  /** Hears of what clients cannot read. */
  readonly problem: (text: string) => void;
  #listeners: Listener[] = [];
  readonly #open: Set<Link> = new Set();
  #nextPort = 1024;
  /** Numbers clients in the trace. */
  nextClient = 0;

  constructor(time: SimulatedTime, random: SeededRandom, moods: NetworkMoods, problem: (text: string) => void) {
    this.time = time;
    this.random = random;
    this.moods = moods;
    this.problem = problem;
  }

  /** What a shard listens with. @param isDead its thread has ended: what is left of its promises opens nothing */
  listenAs(shard: string, enter: Enter, isDead: () => boolean): Listen {
    return (options) => {
      if (isDead()) return new Promise(() => {});
      const listener = { options, shard, enter };
      this.#listeners.push(listener);
      const close = (): Promise<void> => {
        this.#listeners = this.#listeners.filter((each) => each !== listener);
        return Promise.resolve();
      };
      return Promise.resolve({ port: options.port, close });
    };
  }

  /** A shard, or all of the process (null), is gone: its listeners, and its connections, which the clients may or may not hear of. */
  gone(shard: string | null): void {
    this.#listeners = this.#listeners.filter((each) => shard !== null && each.shard !== shard);
    for (const link of [...this.#open]) if (shard === null || link.shard === shard) link.brokerGone();
  }

  /** Connects to any shard; null: nobody listens. */
  connect(events: LinkEvents): Link | null {
    if (this.#listeners.length === 0) return null;
    const listener = this.#listeners[this.random.below(this.#listeners.length)]!;
    const port = this.#nextPort++ & 0xffff;
    const link = new Link(this, listener.shard, port, listener.enter, events, () => this.#open.delete(link));
    this.#open.add(link);
    listener.enter(() => {
      const reader = listener.options.accepted(link.socket);
      if (reader === null) link.socket.destroy();
      else link.readBy((chunk) => reader.received(chunk, chunk.length));
    });
    return link;
  }

  /** Delay of the next piece of a link. */
  delayMs(): number {
    const { delayMs, latePer1000, lateMs } = this.moods;
    return this.random.next() * (this.random.next() * 1000 < latePer1000 ? lateMs : delayMs);
  }
}

export type LinkEvents = {
  received(bytes: Uint8Array): void;
  closed(): void;
};

/** One connection; the client holds it, the broker its `socket`. */
export class Link {
  readonly socket: BrokerSocket;
  readonly shard: string;
  readonly #network: Network;
  readonly #events: LinkEvents;
  readonly #ended: () => void;
  readonly #enter: Enter;
  #read: ((chunk: Uint8Array) => void) | null = null;
  readonly #kept: Uint8Array[] = [];
  #isClientOpen = true;
  #isBrokerOpen = true;
  /** No byte passes any more, whatever the ends believe. */
  #isCut = false;
  #toBrokerMs = 0;
  #toClientMs = 0;

  constructor(network: Network, shard: string, port: number, enter: Enter, events: LinkEvents, ended: () => void) {
    this.#network = network;
    this.shard = shard;
    this.#events = events;
    this.#ended = ended;
    this.#enter = enter;
    this.socket = new BrokerSocket(this, port);
  }

  get isOpen(): boolean {
    return this.#isClientOpen;
  }

  /** The client sends. False: it has closed. */
  send(bytes: Uint8Array): boolean {
    if (!this.#isClientOpen) return false;
    const { random } = this.#network;
    for (let at = 0; at < bytes.length; ) {
      const size = random.below(8) === 0 ? 1 + random.below(bytes.length - at) : bytes.length - at;
      const piece = new Uint8Array(bytes.subarray(at, at + size));
      at += size;
      this.#toBrokerMs = this.#later(this.#toBrokerMs, () => this.#toBroker(piece));
    }
    return true;
  }

  /** The client closes, and hears nothing more. */
  close(): void {
    this.#clientGone(false);
    this.#toBrokerMs = this.#later(this.#toBrokerMs, () => this.#brokerClosed());
  }

  readBy(read: (chunk: Uint8Array) => void): void {
    this.#read = read;
  }

  /** For the socket: the broker sends. */
  fromBroker(bytes: Uint8Array): void {
    const copy = new Uint8Array(bytes);
    this.#toClientMs = this.#later(this.#toClientMs, () => {
      if (this.#isCut || !this.#isClientOpen || this.#breaks()) return;
      this.#network.time.note(11, copy.length);
      this.#events.received(copy);
    });
  }

  /** For the socket: the broker closes. */
  fromBrokerClosed(): void {
    this.#toClientMs = this.#later(this.#toClientMs, () => this.#clientGone(true));
    this.#network.time.after(0, () => this.#brokerClosed());
  }

  /** For the socket: it reads again. */
  readOn(): void {
    this.#network.time.after(0, () => {
      if (!this.#isBrokerOpen) return;
      this.#enter(() => {
        while (this.#kept.length > 0 && !this.socket.isPaused) this.#read?.(this.#kept.shift()!);
      });
    });
  }

  /** The broker's end vanished with its thread. The client mostly hears of it. */
  brokerGone(): void {
    this.#isBrokerOpen = false;
    this.#isCut = true;
    this.#ended();
    if (this.#network.random.below(10) > 0) this.#network.time.after(this.#network.delayMs(), () => this.#clientGone(true));
  }

  #toBroker(piece: Uint8Array): void {
    if (this.#isCut || !this.#isBrokerOpen || this.#breaks()) return;
    this.#network.time.note(10, piece.length);
    if (this.socket.isPaused || this.#kept.length > 0) this.#kept.push(piece);
    else this.#enter(() => this.#read?.(piece));
  }

  /** By chance the connection breaks here. */
  #breaks(): boolean {
    const { random, moods, time } = this.#network;
    if (random.next() * 1000 >= moods.breaksPer1000) return false;
    time.tell(() => `connection ${this.socket.remotePort} breaks`);
    this.#isCut = true;
    const who = random.below(3);
    if (who !== 0) this.#clientGone(true);
    if (who !== 1) this.#brokerClosed();
    // Half open: the end that does not know finds out by its own time-outs only.
    return true;
  }

  #clientGone(isTold: boolean): void {
    if (!this.#isClientOpen) return;
    this.#isClientOpen = false;
    if (isTold) this.#events.closed();
  }

  #brokerClosed(): void {
    if (!this.#isBrokerOpen) return;
    this.#isBrokerOpen = false;
    this.#ended();
    this.#enter(() => this.socket.tellClosed());
  }

  /** Never before what was sent before. */
  #later(lastMs: number, run: () => void): number {
    const atMs = Math.max(lastMs, this.#network.time.nowMs + this.#network.delayMs());
    this.#network.time.after(atMs - this.#network.time.nowMs, run);
    return atMs;
  }
}

class BrokerSocket implements ClientSocket {
  readonly remoteAddress = '10.0.0.1';
  readonly remotePort: number;
  readonly localAddress = '10.0.0.2';
  readonly localPort = 10911;
  readonly writableLength = 0;
  isPaused = false;
  readonly #link: Link;
  readonly #closed: (() => void)[] = [];
  #isDestroyed = false;

  constructor(link: Link, port: number) {
    this.#link = link;
    this.remotePort = port;
  }

  write(bytes: Uint8Array, done?: () => void): boolean {
    if (!this.#isDestroyed) this.#link.fromBroker(bytes);
    done?.();
    return true;
  }

  pause(): void {
    this.isPaused = true;
  }

  resume(): void {
    this.isPaused = false;
    this.#link.readOn();
  }

  cork(): void {}
  uncork(): void {}

  end(): void {
    this.destroy();
  }

  destroy(): void {
    if (this.#isDestroyed) return;
    this.#isDestroyed = true;
    this.#link.fromBrokerClosed();
  }

  on(event: 'end' | 'close' | 'drain' | 'error', listener: (() => void) | ((error: Error) => void)): void {
    if (event === 'close') this.#closed.push(listener as () => void);
  }

  tellClosed(): void {
    this.#isDestroyed = true;
    for (const listener of this.#closed) listener();
  }
}
