/**
 * A world for the client on one thread: a clock that moves when told to, chance from a seed, and peers at addresses that answer as the test
 * says. The very classes of `client/` run in it. Frames cross it after a millisecond; nothing real is opened.
 */
import type { ClientEnvironment } from '../../client/environment.ts';
import type { Transport } from '../../client/transport.ts';
import { type CommandFields, decodeCommand, encodeCommand, type RemotingCommand } from '../../protocol/remoting/command.ts';
import type { Link, LinkEvents } from '../../protocol/remoting/link.ts';
import { SeededRandom } from '../../runtime/random.ts';

type Timer = { readonly atMs: number; readonly order: number; readonly run: () => void };

/** One request at a peer, and what can be done with it. */
export type PeerCall = {
  readonly request: RemotingCommand;
  answer(fields: Omit<CommandFields, 'opaque' | 'flag'>): void;
  /** Frames of the peer's own. */
  push(fields: Omit<CommandFields, 'opaque'>): void;
  /** Bytes as they are, taken for a frame. */
  raw(bytes: Uint8Array): void;
  hangUp(reason: string): void;
};

export type Peer = (call: PeerCall) => void;

const START_MS = 1_600_000_000_000;
const MONTH_START_MS = 1_598_918_400_000;
/** How long a frame is under way. */
const TRAVEL_MS = 1;

export class ClientWorld {
  readonly environment: ClientEnvironment;
  readonly transport: Transport;
  /** Links opened so far, by address. */
  readonly opened: Map<string, number> = new Map();
  /** Addresses where nobody listens. */
  readonly down: Set<string> = new Set();
  /** Links that take no more until this is cleared. */
  readonly full: Set<string> = new Set();
  readonly #peers: Map<string, Peer> = new Map();
  readonly #open: Map<string, Set<{ readonly events: LinkEvents; end(reason: string): void }>> = new Map();
  readonly #random: SeededRandom;
  #timers: Timer[] = [];
  #nowMs = 0;
  #order = 0;

  constructor(seed: number = 1) {
    this.#random = new SeededRandom(seed);
    this.environment = {
      now: () => START_MS + Math.floor(this.#nowMs),
      monotonicMs: () => this.#nowMs,
      monthStart: () => MONTH_START_MS,
      schedule: (delayMs, run) => this.#schedule(delayMs, run),
      random: () => this.#random.next(),
      hostAddress: Uint8Array.of(10, 0, 0, 1),
      processId: 4711,
    };
    this.transport = { open: (address, events) => this.#openLink(address, events) };
  }

  get nowMs(): number {
    return this.#nowMs;
  }

  /** Timers that stand, those of frames under way included. */
  get timers(): number {
    return this.#timers.length;
  }

  listen(address: string, peer: Peer): void {
    this.#peers.set(address, peer);
  }

  /** Ends all links to an address, as a peer that dies. */
  cut(address: string, reason: string = 'cut'): void {
    for (const link of [...(this.#open.get(address) ?? [])]) link.end(reason);
  }

  /** Tells all links to an address that there is room again. */
  drain(address: string): void {
    this.full.delete(address);
    for (const link of this.#open.get(address) ?? []) link.events.drained();
  }

  /** Sends a frame to every client that is connected to `address`. */
  push(address: string, fields: Omit<CommandFields, 'opaque'>): void {
    for (const link of this.#open.get(address) ?? []) deliver(link.events, encodeCommand({ opaque: 1, ...fields }));
  }

  /** Moves the clock on by `ms`, timer by timer, with all that promises do in between. */
  async advance(ms: number): Promise<void> {
    const endMs = this.#nowMs + ms;
    await settle();
    for (;;) {
      const next = this.#timers.reduce<Timer | null>((least, timer) => (least === null || isBefore(timer, least) ? timer : least), null);
      if (next === null || next.atMs > endMs) break;
      this.#timers = this.#timers.filter((timer) => timer !== next);
      this.#nowMs = Math.max(this.#nowMs, next.atMs);
      next.run();
      await settle();
    }
    this.#nowMs = endMs;
  }

  /** Moves the clock on until `promise` settles, at most `maxMs`. */
  async until<T>(promise: Promise<T>, maxMs: number = 600_000): Promise<T> {
    let isSettled = false;
    const mark = (): void => {
      isSettled = true;
    };
    promise.then(mark, mark);
    await settle();
    for (const endMs = this.#nowMs + maxMs; !isSettled; await this.advance(1)) {
      if (this.#nowMs >= endMs) throw new Error(`Not settled after ${maxMs} virtual ms`);
      const nextMs = this.#timers.reduce((least, timer) => Math.min(least, timer.atMs), endMs);
      if (nextMs > this.#nowMs + 1) await this.advance(Math.floor(nextMs - this.#nowMs));
      if (isSettled) break;
    }
    return await promise;
  }

  #schedule(delayMs: number, run: () => void): () => void {
    const timer = { atMs: this.#nowMs + Math.max(0, delayMs), order: this.#order++, run };
    this.#timers.push(timer);
    return () => {
      this.#timers = this.#timers.filter((each) => each !== timer);
    };
  }

  #openLink(address: string, events: LinkEvents): Link {
    this.opened.set(address, (this.opened.get(address) ?? 0) + 1);
    let isOpen = false;
    let isEnded = false;
    let isLost = false;
    const links = this.#open.get(address) ?? new Set();
    this.#open.set(address, links);
    const handle = {
      events,
      end: (reason: string): void => {
        if (isEnded) return;
        isEnded = true;
        isLost = true;
        links.delete(handle);
        events.closed(reason);
      },
    };
    this.#schedule(TRAVEL_MS, () => {
      if (isEnded) return;
      if (this.down.has(address) || !this.#peers.has(address)) {
        handle.end('nobody listens');
        return;
      }
      isOpen = true;
      links.add(handle);
      events.opened();
    });
    return {
      direct: null,
      send: (head, body) => {
        if (!isOpen || isEnded) return true;
        const frame = Buffer.concat(body === null ? [head] : [head, body]);
        this.#schedule(TRAVEL_MS, () => {
          // What was sent before an orderly close still arrives.
          if (!isLost) this.#receive(address, frame, handle);
        });
        return !this.full.has(address);
      },
      close: () => {
        isEnded = true;
        links.delete(handle);
      },
    };
  }

  #receive(address: string, frame: Uint8Array, handle: { readonly events: LinkEvents; end(reason: string): void }): void {
    const request = decodeCommand(frame, 0, frame.length);
    const send = (bytes: Uint8Array): void => {
      this.#schedule(TRAVEL_MS, () => {
        if (this.#open.get(address)?.has(handle as never)) deliver(handle.events, bytes);
      });
    };
    this.#peers.get(address)?.({
      request,
      answer: (fields) => send(encodeCommand({ ...fields, opaque: request.opaque, flag: 1 })),
      push: (fields) => send(encodeCommand({ opaque: 1, ...fields })),
      raw: send,
      hangUp: (reason) => handle.end(reason),
    });
  }
}

/** As FrameReader lends it: overwritten after the call. */
function deliver(events: LinkEvents, bytes: Uint8Array): void {
  const lent = Buffer.from(bytes);
  events.frame(lent, 0, lent.length);
  lent.fill(0x55);
}

function isBefore(a: Timer, b: Timer): boolean {
  return a.atMs === b.atMs ? a.order < b.order : a.atMs < b.atMs;
}

/** Lets all that promises do come to its end. */
async function settle(): Promise<void> {
  for (let round = 0; round < 8; round++) await new Promise<void>((resolve) => setImmediate(resolve));
}
