/**
 * Remoting gateway of one shard: owns the listeners and sockets there, cuts frames, sends each to its path (send, pull) or its
 * handler, and writes the answers at the turn's end. It is also the actor `gateway/<shard>`, which takes pushes for its clients.
 * A frame that breaks the protocol closes its connection and nothing else; a handler that throws answers 1.
 * Source: RocketMQ 5.3 `NettyRemotingServer`, `NettyRemotingAbstract.processRequestCommand`.
 */
import { decodeCommand, encodeCommand, ONEWAY_FLAG, peekHeader, RESPONSE_FLAG } from '../../protocol/remoting/command.ts';
import { BodyError, FieldError, FrameError } from '../../protocol/remoting/errors.ts';
import {
  LITE_PULL_MESSAGE,
  PULL_MESSAGE,
  SEND_BATCH_MESSAGE,
  SEND_MESSAGE,
  SEND_MESSAGE_V2,
} from '../../protocol/remoting/request-code.ts';
import { FLOW_CONTROL, REQUEST_CODE_NOT_SUPPORTED, SYSTEM_ERROR } from '../../protocol/remoting/response-code.ts';
import type { Actor, ActorContext } from '../../runtime/actor.ts';
import type { ThreadContext } from '../../runtime/thread/thread-context.ts';
import { type AskClient, type AskClientWithBody, ClientCalls, type ClientCallsParts } from './client-calls.ts';
import { ClientConnection, type ConnectionOwner } from './client-connection.ts';
import { type ClientSocket, type Listen, listen } from './client-socket.ts';
import { type FetchAnswer, fetchLong, type LongBody } from './fetch-long.ts';
import { InputRelief } from './input-relief.ts';
import { OutputPool } from './output-pool.ts';
import type { PullPath } from './pull-path.ts';
import type { CloseClient, Handler, HandlerTable, LateHandler, PushToClient, Request } from './request.ts';
import type { SendPath } from './send-path.ts';
import type { InputLimits } from './unfinished-input.ts';
import { chooseHolders, closeFromBytes, crowdedFromBytes, overfullRemark, type UnsentLimits, unsentAllowance } from './unsent-allowance.ts';

const READ_BUFFER_BYTES = 512 * 1024;
/** Control requests of one connection that wait for their answer. */
const REQUESTS_IN_FLIGHT_MAX = 4096;
const IDLE_SCAN_MS = 10_000;
/** Output buffers that are taken, and time that passes, before it is looked again for those that do not read. */
const RELIEVE_STEP_BYTES = 4 * 1024 * 1024;
const RELIEVE_AGAIN_MS = 100;

export type GatewayLimits = {
  /** Open connections of this shard; one more is closed at once. */
  readonly connectionsMax: number;
  /** A connection that says nothing for this long is closed (Java: serverChannelMaxIdleTimeSeconds). */
  readonly idleMs: number;
  /** Connections that may wait to be accepted. */
  readonly backlog: number;
  /** Of answers that clients have not read. */
  readonly unsent: UnsentLimits;
  /** Of requests that have not come to their ends. */
  readonly input: InputLimits;
};

export type GatewayCounters = {
  requests: number;
  connections: number;
  protocolErrors: number;
  unsupported: number;
  handlerErrors: number;
  /** Connections closed because their clients did not read. */
  slowClosed: number;
};

/** Takes a frame to which nobody waits for an answer. False: it is for its handler. */
export type TakeFrame = (bytes: Uint8Array, start: number, end: number) => boolean;

export type GatewayCommand = PushToClient | CloseClient | AskClient | AskClientWithBody | FetchAnswer;

export class RemotingGateway implements ConnectionOwner, Actor<GatewayCommand> {
  readonly #thread: ThreadContext;
  readonly shard: number;
  readonly pool = new OutputPool();
  /** By slot; shared with the send answers. The first slot is never given out: it stands for the broker's own appends. */
  readonly connections: (ClientConnection | null)[] = [null];
  readonly counters: GatewayCounters = { requests: 0, connections: 0, protocolErrors: 0, unsupported: 0, handlerErrors: 0, slowClosed: 0 };
  readonly #limits: GatewayLimits;
  readonly #listen: Listen;
  readonly #byId: Map<number, ClientConnection> = new Map();
  readonly #freeSlots: number[] = [];
  readonly #dirty: ClientConnection[] = [];
  readonly #handlers: Map<number, Handler | LateHandler> = new Map();
  readonly #takers: Map<number, TakeFrame> = new Map();
  readonly #closers: (() => Promise<void>)[] = [];
  readonly #readBuffer = Buffer.allocUnsafeSlow(READ_BUFFER_BYTES);
  #send: SendPath | null = null;
  #pull: PullPath | null = null;
  #view: ClientCallsParts['view'] = (_physical, onMessage) => onMessage(null);
  readonly #calls = new ClientCalls({
    connection: (id) => this.#byId.get(id),
    view: (physical, onMessage) => this.#view(physical, onMessage),
    fetch: (shard, long, onBody) => fetchLong(this.#thread, `gateway/${shard}`, long, onBody),
    schedule: (delayMs, run) => this.#thread.schedule(delayMs, run),
    cancel: (timer) => this.#thread.cancel(timer),
  });
  /** Closed because their clients do not read; their buffers have not all come back. */
  readonly #leaving: Set<ClientConnection> = new Set();
  #isRelieving = false;
  readonly input: InputRelief;
  #nextId = 1;
  #opaque = 0;

  /** @param accept where sockets come from; default: TCP */
  constructor(thread: ThreadContext, shard: number, limits: GatewayLimits, accept: Listen = listen) {
    this.#thread = thread;
    this.#limits = limits;
    this.#listen = accept;
    this.shard = shard;
    this.input = new InputRelief(thread, limits.input, () => this.#byId.values());
    this.pool.pressureAt = closeFromBytes(limits.unsent);
    this.pool.onPressure = () => this.#relieve();
    thread.addTurnEnd(() => this.flush());
    const scan = (): void => {
      this.#closeIdle();
      thread.schedule(IDLE_SCAN_MS, scan);
    };
    thread.schedule(IDLE_SCAN_MS, scan);
  }

  /** The broker's hot paths; a lone name server has none. */
  serve(send: SendPath, pull: PullPath): void {
    this.#send = send;
    this.#pull = pull;
  }

  /** How a stored message is read that goes to a client with a request of ours. */
  viewWith(view: ClientCallsParts['view']): void {
    this.#view = view;
  }

  /** Makes a body ready for a client of any shard; what is too long for one message is kept here for a while. */
  splitBody(body: Uint8Array): LongBody {
    return this.#calls.split(body);
  }

  addHandlers(handlers: HandlerTable): void {
    for (const [requestCode, handler] of handlers) this.#handlers.set(requestCode, handler);
  }

  /** Requests of this code are taken out of their frames, without being decoded; those that `take` leaves go to their handler. */
  takeFrames(requestCode: number, take: TakeFrame): void {
    this.#takers.set(requestCode, take);
  }

  async listen(host: string, port: number, reusePort: boolean): Promise<number> {
    const listener = await this.#listen({
      host,
      port,
      reusePort,
      backlog: this.#limits.backlog,
      readBuffer: this.#readBuffer,
      accepted: (socket) => this.adopt(socket),
      failed: (error) => this.#thread.fail(error),
    });
    this.#closers.push(listener.close);
    return listener.port;
  }

  /** Makes a connection of a socket; null: there are too many. */
  adopt(socket: ClientSocket): ClientConnection | null {
    if (this.counters.connections >= this.#limits.connectionsMax) {
      this.#thread.log('warn', 'A connection was refused', {
        limit: this.#limits.connectionsMax,
        remedy: 'close idle clients or start another broker',
      });
      return null;
    }
    const slot = this.#freeSlots.pop() ?? this.connections.length;
    const connection = new ClientConnection(this, this.#nextId++, slot, socket);
    connection.lastReadAt = this.#thread.monotonicMs();
    this.connections[slot] = connection;
    this.#byId.set(connection.id, connection);
    this.counters.connections++;
    return connection;
  }

  closed(connection: ClientConnection, reason: string): void {
    this.connections[connection.slot] = null;
    this.#byId.delete(connection.id);
    this.#freeSlots.push(connection.slot);
    this.counters.connections--;
    this.#calls.closed(connection.id);
    this.#thread.log('debug', 'A connection was closed', { remote: `${connection.remoteAddress}:${connection.remotePort}`, reason });
    this.#thread.requestTurn();
  }

  inputChanged(connection: ClientConnection, before: number): void {
    this.input.changed(connection, before);
  }

  get unsentAllowance(): number {
    return unsentAllowance(this.pool.outstanding, this.#limits.unsent);
  }

  get isCrowded(): boolean {
    return this.pool.outstanding >= crowdedFromBytes(this.#limits.unsent);
  }

  /** Too much waits to be read: those that hold most of it go. */
  #relieve(): void {
    const { unsent } = this.#limits;
    let outputBytes = this.pool.outstanding;
    for (const connection of this.#leaving) {
      // Its buffers come back when its socket has closed, which is not at once.
      outputBytes -= connection.heldBytes;
      if (connection.heldBytes === 0) this.#leaving.delete(connection);
    }
    if (outputBytes >= closeFromBytes(unsent)) {
      const slow = [...this.#byId.values()].filter((one) => one.isBackedUp && !this.#leaving.has(one));
      for (const connection of chooseHolders(slow, outputBytes, unsent)) {
        this.#leaving.add(connection);
        this.counters.slowClosed++;
        const remote = `${connection.remoteAddress}:${connection.remotePort}`;
        const limit = unsent.shardBytes;
        this.#thread.log('warn', 'A connection that does not read its answers was closed', { remote, bytes: connection.heldBytes, limit });
        connection.close(`its client does not read: ${connection.heldBytes} bytes wait for it, and those of all are ${outputBytes}`);
      }
    }
    this.pool.pressureAt = this.pool.outstanding + RELIEVE_STEP_BYTES;
    if (this.#isRelieving) return;
    this.#isRelieving = true;
    this.#thread.schedule(RELIEVE_AGAIN_MS, () => {
      this.#isRelieving = false;
      this.pool.pressureAt = closeFromBytes(this.#limits.unsent);
    });
  }

  nextOpaque(): number {
    this.#opaque = (this.#opaque + 1) & 0x7fffffff;
    return this.#opaque;
  }

  dirty(connection: ClientConnection): void {
    this.#dirty.push(connection);
    this.#thread.requestTurn();
  }

  /** The turn's end: one write for each socket that has something to say. */
  flush(): void {
    for (let i = 0; i < this.#dirty.length; i++) this.#dirty[i]!.flush();
    this.#dirty.length = 0;
  }

  frame(connection: ClientConnection, bytes: Uint8Array, start: number, end: number): boolean {
    this.counters.requests++;
    connection.lastReadAt = this.#thread.monotonicMs();
    try {
      const requestCode = peekHeader(bytes, start, end);
      switch (requestCode) {
        case SEND_MESSAGE_V2:
        case SEND_MESSAGE:
        case SEND_BATCH_MESSAGE:
          if (this.#send !== null) return this.#send.frame(connection, bytes, start, end);
          break;
        case PULL_MESSAGE:
        case LITE_PULL_MESSAGE:
          if (this.#pull !== null) {
            this.#pull.frame(connection, bytes, start, end);
            return !connection.isHeld;
          }
          break;
      }
      const take = this.#takers.get(requestCode);
      if (take === undefined || !take(bytes, start, end)) this.#control(connection, bytes, start, end);
      return !connection.isHeld;
    } catch (error) {
      if (!(error instanceof FrameError)) throw error;
      connection.violate(error.message);
      return false;
    }
  }

  protocolError(connection: ClientConnection, reason: string): void {
    this.counters.protocolErrors++;
    this.#thread.log('warn', 'A connection broke the protocol and was closed', {
      remote: `${connection.remoteAddress}:${connection.remotePort}`,
      reason,
    });
  }

  #control(connection: ClientConnection, bytes: Uint8Array, start: number, end: number): void {
    const command = decodeCommand(bytes, start, end);
    if ((command.flag & RESPONSE_FLAG) !== 0) {
      this.#calls.answered(connection.id, command);
      return;
    }
    const { opaque, serializeType } = command;
    const isOneway = (command.flag & ONEWAY_FLAG) !== 0;
    let isAnswered = isOneway;
    if (!isOneway) connection.inFlight++;
    const request: Request = {
      thread: this.#thread,
      connection,
      command,
      answer: (responseCode, remark = null, ext = null, body = null) => {
        if (isAnswered) return;
        isAnswered = true;
        connection.inFlight--;
        connection.write(encodeCommand({ code: responseCode, opaque, flag: RESPONSE_FLAG, remark, ext, body, serializeType }));
      },
    };
    if (connection.inFlight > REQUESTS_IN_FLIGHT_MAX) {
      request.answer(FLOW_CONTROL, `the connection has ${REQUESTS_IN_FLIGHT_MAX} requests under way, which is the most; wait for answers`);
      return;
    }
    if (connection.isOverfull) {
      request.answer(FLOW_CONTROL, `${overfullRemark(connection)}; read its answers, then ask again`);
      return;
    }
    const handler = this.#handlers.get(command.code);
    if (handler === undefined) {
      this.counters.unsupported++;
      request.answer(REQUEST_CODE_NOT_SUPPORTED, ` request type ${command.code} not supported; docs/compatibility.md lists what is`);
      return;
    }
    if (typeof handler === 'function') this.#run(handler, request);
    else this.#load(handler, request);
  }

  #run(handler: Handler, request: Request): void {
    try {
      handler(request);
    } catch (error) {
      if (error instanceof FieldError || error instanceof BodyError) request.answer(SYSTEM_ERROR, error.message);
      else this.#failed(request, error);
    }
  }

  #failed(request: Request, error: unknown): void {
    const { code } = request.command;
    this.counters.handlerErrors++;
    const text = error instanceof Error ? (error.stack ?? error.message) : String(error);
    this.#thread.log('error', 'A handler failed', { code, error: text });
    request.answer(SYSTEM_ERROR, `the request ${code} failed inside the broker; its log has the reason`);
  }

  /** The first requests of their kind wait until its code is there; those of other kinds go on meanwhile. */
  #load(late: LateHandler, request: Request): void {
    const { command } = request;
    // The read buffer will hold other frames by then.
    const kept: Request = { ...request, command: { ...command, body: Uint8Array.from(command.body) } };
    const done = (run: () => void): void => {
      run();
      this.#thread.requestTurn();
    };
    late.load().then(
      (handler) =>
        done(() => {
          this.#handlers.set(command.code, handler);
          this.#run(handler, kept);
        }),
      (error: unknown) => done(() => this.#failed(kept, error)),
    );
  }

  receive(message: GatewayCommand, _context: ActorContext): void {
    switch (message.kind) {
      case 'push-to-client':
        this.#byId.get(message.connection)?.push(message.code, message.ext, message.body ?? undefined);
        return;
      case 'close-client':
        this.#byId.get(message.connection)?.close(message.reason);
        return;
      case 'ask-client':
        this.#calls.ask(message);
        return;
      case 'ask-client-with-body':
        this.#calls.askWithBody(message);
        return;
      case 'fetch-answer':
        this.#calls.fetch(message);
        return;
    }
  }

  #closeIdle(): void {
    const now = this.#thread.monotonicMs();
    for (const connection of this.#byId.values()) {
      if (now - connection.lastReadAt >= IDLE_SCAN_MS) connection.trimInput();
      // Held by us or waiting for our answer is not silent.
      if (connection.isHeld || connection.inFlight > 0 || now - connection.lastReadAt < this.#limits.idleMs) continue;
      connection.close(`idle for ${this.#limits.idleMs / 1000} s`);
    }
  }

  /** No new connections; those that are there go on. */
  async stopListening(): Promise<void> {
    const closing = this.#closers.splice(0).map((close) => close());
    // A listener's close waits for its sockets, which are not its own any more.
    await Promise.race([Promise.all(closing), new Promise((resolve) => setImmediate(resolve))]);
  }

  closeAll(reason: string): void {
    this.#pull?.end(`${reason}; pull again`);
    this.flush();
    for (const connection of [...this.#byId.values()]) connection.close(reason);
  }
}
