/**
 * One peer's connection: requests in flight matched to answers by opaque, each with a time limit of its own; opened when it is first needed,
 * opened again after it broke, with pauses that grow. One an address. Bounded: requests that wait for an answer, or for room.
 * Fails per request, by ClientError; a peer that breaks the protocol loses its link, never the process.
 * Source: RocketMQ `NettyRemotingAbstract`, `NettyRemotingClient`.
 */
import {
  type CommandFields,
  decodeCommand,
  encodeCommandHead,
  isOneway,
  isResponse,
  ONEWAY_FLAG,
  type RemotingCommand,
} from '../protocol/remoting/command.ts';
import { FrameError } from '../protocol/remoting/errors.ts';
import type { DirectPath, Link } from '../protocol/remoting/link.ts';
import type { ClientEnvironment } from './environment.ts';
import { ClientError } from './errors.ts';
import type { Transport } from './transport.ts';

/** A request to send; opaque and flag are the connection's. */
export type Request = Omit<CommandFields, 'opaque' | 'flag'>;

/** A request of the peer; its body may be kept. */
export type PeerRequest = RemotingCommand;

export type ConnectionOptions = {
  readonly transport: Transport;
  readonly environment: ClientEnvironment;
  /** Requests that wait at once, for room or for an answer; one more is refused. */
  readonly inFlightMax: number;
  /** Called for each request of the peer; answers by `Connection.respond`. */
  readonly onRequest: (request: PeerRequest, connection: Connection) => void;
  /** Called each time that the link opens. */
  readonly onOpen: (connection: Connection) => void;
};

/** Pauses between attempts to connect: doubled up to the most, the last half of each by chance. */
const BACKOFF_MS_MIN = 100;
const BACKOFF_MS_MAX = 10_000;

/** A peer that says nothing at all for this long while it is asked is taken for dead. */
const SILENT_MS = 2_500;

const NO_BYTES = new Uint8Array(0);

const SENT = 0;
/** Sent, and what comes next has to wait. */
const SENT_LAST = 1;
/** Not sent: there is no room. */
const NO_ROOM = 2;
type Sent = typeof SENT | typeof SENT_LAST | typeof NO_ROOM;
type Transmit = (link: Link, opaque: number) => Sent;

type Waiting = {
  readonly what: string;
  readonly deadlineMs: number;
  readonly timeoutMs: number;
  readonly settle: (answer: unknown) => void;
  readonly fail: (error: ClientError) => void;
  /** What takes a direct request back; null: nothing to take back. */
  drop: (() => void) | null;
  framesBefore: number;
};

export class Connection {
  readonly address: string;
  readonly #options: ConnectionOptions;
  #link: Link | null = null;
  #isOpen = false;
  #isFull = false;
  #isClosed = false;
  #failures = 0;
  #retryAtMs = 0;
  #lastReason = '';
  #nextOpaque = 1;
  #frames = 0;
  #usedAtMs = 0;
  readonly #waiting: Map<number, Waiting> = new Map();
  /** Waits for the link to open or to have room. */
  #outbox: { readonly opaque: number; readonly transmit: Transmit }[] = [];
  #cancelTimer: (() => void) | null = null;
  #timerAtMs = Number.POSITIVE_INFINITY;

  constructor(address: string, options: ConnectionOptions) {
    this.address = address;
    this.#options = options;
  }

  get isOpen(): boolean {
    return this.#isOpen;
  }

  get inFlight(): number {
    return this.#waiting.size;
  }

  /** When something was last asked of it, on the monotonic clock. */
  get usedAtMs(): number {
    return this.#usedAtMs;
  }

  /** 0: a request would be sent, or wait for the link to open; else how long connecting is not tried, in milliseconds. */
  get pauseMs(): number {
    return this.#link === null ? Math.max(0, this.#retryAtMs - this.#options.environment.monotonicMs()) : 0;
  }

  /** Sends a request and resolves with the answer, whatever its code. Its body is a copy. Rejects with ClientError. */
  request(request: Request, timeoutMs: number): Promise<RemotingCommand> {
    return this.#submit(`code ${request.code}`, timeoutMs, (link, opaque) => sendFrame(link, { ...request, opaque }));
  }

  /** Sends a one-way request; resolves when the link has it, which is no promise that it arrives. */
  oneway(request: Request, timeoutMs: number): Promise<void> {
    return this.#submit(`one-way code ${request.code}`, timeoutMs, (link, opaque) => {
      const sent = sendFrame(link, { ...request, opaque, flag: ONEWAY_FLAG });
      this.#take(opaque)?.settle(undefined);
      return sent;
    });
  }

  /**
   * A request that takes the link's direct path where there is one, else goes as a frame. `direct` returns false when there was no room, or
   * what takes the request back.
   */
  either<A>(
    request: () => Request,
    decode: (answer: RemotingCommand) => A,
    direct: (path: DirectPath, done: (answer: A) => void) => boolean | (() => void),
    timeoutMs: number,
  ): Promise<A> {
    let isFrame = false;
    const answer = this.#submit<A | RemotingCommand>('the request', timeoutMs, (link, opaque) => {
      if (link.direct === null) {
        isFrame = true;
        return sendFrame(link, { ...request(), opaque });
      }
      const taken = direct(link.direct, (given) => this.#take(opaque)?.settle(given));
      if (taken === false) return NO_ROOM;
      const waiting = this.#waiting.get(opaque);
      if (typeof taken === 'function' && waiting !== undefined) waiting.drop = taken;
      return SENT;
    });
    return answer.then((given) => (isFrame ? decode(given as RemotingCommand) : (given as A)));
  }

  /** Answers a request of the peer; dropped for one-way ones and when the link has gone. */
  respond(request: PeerRequest, answer: Omit<CommandFields, 'opaque' | 'flag'>): void {
    if (isOneway(request.flag) || this.#link === null || !this.#isOpen) return;
    sendFrame(this.#link, { ...answer, opaque: request.opaque, flag: 1, serializeType: request.serializeType });
  }

  /** Ends the link; what waits fails with MQ_CLIENT_CLOSED, and so does what comes. */
  close(): void {
    this.#isClosed = true;
    this.#link?.close();
    this.#link = null;
    this.#isOpen = false;
    this.#failAll(new ClientError('MQ_CLIENT_CLOSED', `The connection to ${this.address} was closed`, { address: this.address }));
  }

  #submit<A>(what: string, timeoutMs: number, transmit: Transmit): Promise<A> {
    const { environment, inFlightMax } = this.#options;
    const { address } = this;
    if (this.#isClosed) {
      return Promise.reject(new ClientError('MQ_CLIENT_CLOSED', `The connection to ${address} is closed`, { address }));
    }
    if (this.#waiting.size >= inFlightMax) {
      const text = `${this.#waiting.size} requests to ${address} wait already, ${inFlightMax} are allowed: wait for answers`;
      return Promise.reject(new ClientError('MQ_CLIENT_LIMIT', text, { address }));
    }
    const nowMs = environment.monotonicMs();
    if (this.#link === null && nowMs < this.#retryAtMs) return Promise.reject(this.#notConnected());
    this.#usedAtMs = nowMs;
    return new Promise<A>((resolve, reject) => {
      const opaque = this.#nextOpaque;
      this.#nextOpaque = (opaque + 1) | 0;
      const deadlineMs = nowMs + timeoutMs;
      const settle = resolve as (answer: unknown) => void;
      this.#waiting.set(opaque, { what, deadlineMs, timeoutMs, settle, fail: reject, drop: null, framesBefore: this.#frames });
      this.#watch(deadlineMs, nowMs);
      if (this.#isOpen && !this.#isFull && this.#outbox.length === 0) {
        this.#transmit(opaque, transmit);
        return;
      }
      this.#outbox.push({ opaque, transmit });
      if (this.#link === null) this.#open();
    });
  }

  #transmit(opaque: number, transmit: Transmit): void {
    const sent = transmit(this.#link as Link, opaque);
    if (sent === SENT) return;
    this.#isFull = true;
    if (sent === NO_ROOM) this.#outbox.unshift({ opaque, transmit });
  }

  #open(): void {
    // A link of before may still have something to tell: what it says no longer counts.
    let isCurrent = true;
    const ended = (reason: string): void => {
      if (!isCurrent) return;
      isCurrent = false;
      this.#onClosed(reason);
    };
    this.#link = this.#options.transport.open(this.address, {
      opened: () => {
        if (!isCurrent || this.#isClosed) return;
        this.#isOpen = true;
        this.#isFull = false;
        // Before anything that waits: a broker should know a client before it is asked by it.
        const waiting = this.#outbox;
        this.#outbox = [];
        this.#options.onOpen(this);
        this.#outbox.push(...waiting);
        this.#flush();
      },
      frame: (bytes, start, end) => {
        if (isCurrent && !this.#isClosed) this.#onFrame(bytes, start, end, ended);
      },
      drained: () => {
        if (!isCurrent) return;
        this.#isFull = false;
        this.#flush();
      },
      closed: ended,
    });
  }

  #flush(): void {
    while (this.#isOpen && !this.#isFull) {
      const next = this.#outbox.shift();
      if (next === undefined) return;
      // What has timed out meanwhile is not sent any more.
      if (this.#waiting.has(next.opaque)) this.#transmit(next.opaque, next.transmit);
    }
  }

  #onFrame(bytes: Uint8Array, start: number, end: number, ended: (reason: string) => void): void {
    let command: RemotingCommand;
    try {
      command = decodeCommand(bytes, start, end);
    } catch (error) {
      if (!(error instanceof FrameError)) throw error;
      const link = this.#link;
      ended(error.message);
      link?.close();
      return;
    }
    this.#failures = 0;
    this.#frames++;
    // The frame's bytes are only lent. (A Buffer's own `slice` would not copy.)
    command.body = command.body.length === 0 ? NO_BYTES : new Uint8Array(command.body);
    if (isResponse(command.flag)) this.#take(command.opaque)?.settle(command);
    else this.#options.onRequest(command, this);
  }

  #onClosed(reason: string): void {
    const wasOpen = this.#isOpen;
    this.#link = null;
    this.#isOpen = false;
    this.#isFull = false;
    this.#lastReason = reason;
    const { environment } = this.#options;
    const pauseMs = Math.min(BACKOFF_MS_MAX, BACKOFF_MS_MIN * 2 ** Math.min(this.#failures, 16));
    this.#retryAtMs = environment.monotonicMs() + pauseMs / 2 + (environment.random() * pauseMs) / 2;
    this.#failures++;
    const { address } = this;
    const lost = new ClientError('MQ_CLIENT_CONNECTION_LOST', `The connection to ${address} was lost: ${reason}`, { address });
    this.#failAll(wasOpen ? lost : this.#notConnected());
  }

  #notConnected(): ClientError {
    const { address } = this;
    return new ClientError('MQ_CLIENT_NOT_CONNECTED', `No connection to ${address}: ${this.#lastReason}`, { address });
  }

  #take(opaque: number): Waiting | undefined {
    const waiting = this.#waiting.get(opaque);
    if (waiting !== undefined) this.#waiting.delete(opaque);
    return waiting;
  }

  #failAll(error: ClientError): void {
    this.#outbox = [];
    const all = [...this.#waiting.values()];
    this.#waiting.clear();
    this.#cancelTimer?.();
    this.#cancelTimer = null;
    this.#timerAtMs = Number.POSITIVE_INFINITY;
    for (const waiting of all) waiting.fail(error);
  }

  /** One timer for all that waits: it stands at the earliest limit, or earlier. */
  #watch(deadlineMs: number, nowMs: number): void {
    if (deadlineMs >= this.#timerAtMs) return;
    this.#cancelTimer?.();
    this.#timerAtMs = deadlineMs;
    this.#cancelTimer = this.#options.environment.schedule(Math.max(0, deadlineMs - nowMs), () => this.#expire());
  }

  #expire(): void {
    this.#cancelTimer = null;
    this.#timerAtMs = Number.POSITIVE_INFINITY;
    const nowMs = this.#options.environment.monotonicMs();
    let nextMs = Number.POSITIVE_INFINITY;
    let isSilent = false;
    const expired: Waiting[] = [];
    for (const [opaque, waiting] of this.#waiting) {
      // Timers may fire a fraction early.
      if (waiting.deadlineMs - nowMs > 1) {
        nextMs = Math.min(nextMs, waiting.deadlineMs);
        continue;
      }
      this.#waiting.delete(opaque);
      expired.push(waiting);
      if (waiting.framesBefore === this.#frames && waiting.timeoutMs >= SILENT_MS) isSilent = true;
    }
    if (nextMs !== Number.POSITIVE_INFINITY) this.#watch(nextMs, nowMs);
    const { address } = this;
    for (const { what, timeoutMs, fail, drop } of expired) {
      drop?.();
      fail(new ClientError('MQ_CLIENT_TIMEOUT', `No answer to ${what} from ${address} after ${timeoutMs} ms`, { address }));
    }
    // Its socket may not know yet.
    if (isSilent && this.#isOpen) {
      const link = this.#link;
      this.#onClosed('nothing came within a time limit');
      link?.close();
    }
  }
}

function sendFrame(link: Link, fields: CommandFields): Sent {
  const body = fields.body ?? null;
  return link.send(encodeCommandHead(fields, body === null ? 0 : body.length), body) ? SENT : SENT_LAST;
}
