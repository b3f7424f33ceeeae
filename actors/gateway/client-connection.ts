/**
 * One accepted socket: cuts its bytes into frames, collects what is to be written during a turn and writes it once at the
 * turn's end. Stops reading when told to (a full lane, too much unsent), so that a slow client costs a bounded amount of memory
 * and nobody else anything.
 */
import type { Host } from '../../model/message-record.ts';
import { encodeCommand, ONEWAY_FLAG } from '../../protocol/remoting/command.ts';
import { FrameReader } from '../../protocol/remoting/frame-reader.ts';
import type { ClientSocket } from './client-socket.ts';
import type { BufferHolder, OutputBuffer, OutputPool } from './output-pool.ts';
import type { Connection } from './request.ts';

/** Unsent bytes at which pushes to the client are dropped. */
const PUSH_UNSENT_BYTES_MAX = 1024 * 1024;
const FIRST_BUFFER_BYTES = 4 * 1024;
const NEXT_BUFFER_BYTES = 64 * 1024;

/** What a connection asks of its gateway. */
export interface ConnectionOwner {
  readonly shard: number;
  readonly pool: OutputPool;
  /** Unsent bytes at which a connection is to be read no further, now. */
  readonly unsentAllowance: number;
  /** Output buffers of all connections have as much memory as they may: large answers are to wait a moment. */
  readonly isCrowded: boolean;
  nextOpaque(): number;
  /** The connection has output: it wants `flush` at the turn's end. */
  dirty(connection: ClientConnection): void;
  frame(connection: ClientConnection, bytes: Uint8Array, start: number, end: number): boolean;
  protocolError(connection: ClientConnection, reason: string): void;
  closed(connection: ClientConnection, reason: string): void;
  /** The memory of its unfinished requests was `before` and is another now. */
  inputChanged(connection: ClientConnection, before: number): void;
}

export class ClientConnection implements Connection, BufferHolder {
  readonly id: number;
  /** Index in the gateway's table, reused; `id` is not. */
  readonly slot: number;
  readonly shard: number;
  readonly remoteAddress: string;
  readonly remotePort: number;
  readonly localAddress: string;
  readonly localPort: number;
  /** Born host as the record has it: 4 or 16 bytes of address, then the port. */
  readonly hostBytes: Uint8Array;
  /** Requests whose answers are outstanding outside the log lane (pulls, control requests). */
  inFlight = 0;
  /** Monotonic ms of the last frame. */
  lastReadAt = 0;
  isOpen = true;
  isDirty = false;
  /** Memory of the buffers that hold its answers. */
  heldBytes = 0;
  /** Memory of its waiting-room for unfinished requests, and since when it waits for the rest of one. */
  inputBytes = 0;
  inputSinceMs = 0;
  /** Frames that wait for something else than the socket (a topic in creation). */
  parked = 0;
  /** Its last message was parked for its time. */
  isParking = false;
  #host: Host | null = null;
  readonly #owner: ConnectionOwner;
  readonly #socket: ClientSocket;
  readonly #frames = new FrameReader();
  readonly #onFrame: (bytes: Uint8Array, start: number, end: number) => boolean;
  readonly #closeListeners: (() => void)[] = [];
  #output: OutputBuffer | null = null;
  /** Why reading is stopped: bits of `HOLD_…`. */
  #held = 0;
  #reason = 'closed by the client';

  constructor(owner: ConnectionOwner, id: number, slot: number, socket: ClientSocket) {
    this.#owner = owner;
    this.id = id;
    this.slot = slot;
    this.shard = owner.shard;
    this.#socket = socket;
    this.remoteAddress = plainAddress(socket.remoteAddress ?? '0.0.0.0');
    this.remotePort = socket.remotePort ?? 0;
    this.localAddress = plainAddress(socket.localAddress ?? '0.0.0.0');
    this.localPort = socket.localPort ?? 0;
    this.hostBytes = hostBytes(this.remoteAddress, this.remotePort);
    this.#onFrame = (bytes, start, end) => this.isOpen && owner.frame(this, bytes, start, end);
    socket.on('error', (error) => {
      this.#reason = error.message;
    });
    socket.on('end', () => socket.end());
    socket.on('close', () => this.#closed());
    socket.on('drain', () => this.resume(HOLD_UNSENT));
  }

  /** `hostBytes` as an object. */
  get host(): Host {
    this.#host ??= hostOfBytes(this.hostBytes);
    return this.#host;
  }

  /** Bytes from the socket; they are only valid during the call. */
  received(chunk: Uint8Array, length: number): void {
    const error = this.#frames.push(chunk, length, this.#onFrame);
    if (error !== null) this.violate(error.message);
    if (this.#frames.heldBytes !== this.inputBytes) this.#inputChanged();
  }

  #inputChanged(): void {
    const before = this.inputBytes;
    this.inputBytes = this.isOpen ? this.#frames.heldBytes : 0;
    this.#owner.inputChanged(this, before);
  }

  /** Bytes of requests that wait, and those that the unfinished one still wants. */
  get waitingBytes(): number {
    return this.#frames.keptBytes;
  }

  get missingBytes(): number {
    return this.#frames.missingBytes;
  }

  /** Gives back a waiting-room that is empty. */
  trimInput(): void {
    this.#frames.trim();
    if (this.#frames.heldBytes !== this.inputBytes) this.#inputChanged();
  }

  /** Closes it and gives its waiting-room back at once, with what is there. Not while it is being read. */
  closeWithInput(reason: string): void {
    this.close(reason);
    this.#frames.drop();
    this.#inputChanged();
  }

  /** The client broke the protocol: counted, logged, closed. */
  violate(reason: string): void {
    if (!this.isOpen) return;
    this.#owner.protocolError(this, reason);
    this.close(reason);
  }

  get isHeld(): boolean {
    return this.#held !== 0;
  }

  isHeldFor(reasons: number): boolean {
    return (this.#held & reasons) !== 0;
  }

  /** A frame of it waits for room in the lane. */
  get isStalled(): boolean {
    return (this.#held & HOLD_LANE) !== 0;
  }

  /** Stops reading for one more reason. A frame that is being handled is the last one until `resume`. */
  hold(reason: number): void {
    if (this.#held === 0 && this.isOpen) this.#socket.pause();
    this.#held |= reason;
  }

  resume(reason: number): void {
    if ((this.#held & reason) === 0) return;
    this.#held &= ~reason;
    if (this.#held !== 0 || !this.isOpen) return;
    const error = this.#frames.resume(this.#onFrame);
    if (error !== null) this.violate(error.message);
    else if (this.#held === 0) this.#socket.resume();
    if (this.#frames.heldBytes !== this.inputBytes) this.#inputChanged();
  }

  /** Room for `bytes` of output at the returned buffer's `length`, which the caller moves on. */
  output(bytes: number): OutputBuffer {
    if (!this.isDirty) {
      this.isDirty = true;
      this.#owner.dirty(this);
    }
    let output = this.#output;
    if (output !== null && output.room >= bytes) return output;
    const first = output === null;
    if (output !== null) this.#send(output);
    output = this.#owner.pool.take(first ? Math.max(bytes, FIRST_BUFFER_BYTES) : Math.max(bytes, NEXT_BUFFER_BYTES), this);
    this.#output = output;
    return output;
  }

  write(frame: Uint8Array): void {
    if (!this.isOpen) return;
    const output = this.output(frame.length);
    output.bytes.set(frame, output.length);
    output.length += frame.length;
  }

  /**
   * Writes bytes that are not ours to keep, behind what was collected; `release` is called when the kernel has them all, or the
   * connection is gone. A slow socket keeps them for long.
   */
  writeLent(bytes: Uint8Array, release: () => void): void {
    this.#socket.cork();
    this.flush();
    this.#socket.write(bytes, release);
    this.#socket.uncork();
  }

  /** The turn's end: hands what was collected to the socket. */
  flush(): void {
    this.isDirty = false;
    const output = this.#output;
    if (output === null) return;
    this.#output = null;
    this.#send(output);
  }

  #send(output: OutputBuffer): void {
    if (!this.isOpen || output.length === 0) {
      output.release();
      return;
    }
    const whole = output.length === output.bytes.length ? output.bytes : output.bytes.subarray(0, output.length);
    const taken = this.#socket.write(whole, output.release);
    if (!taken && this.isOverfull) this.hold(HOLD_UNSENT);
  }

  push(code: number, ext: Record<string, string>, body?: Uint8Array): void {
    if (!this.isOpen || this.#socket.writableLength > PUSH_UNSENT_BYTES_MAX) return;
    this.write(encodeCommand({ code, opaque: this.#owner.nextOpaque(), flag: ONEWAY_FLAG, ext, body: body ?? null }));
  }

  /** As `push`, for a request that the client is to answer: gives its opaque; −1: too much waits to be written, nothing was sent. */
  call(code: number, ext: Record<string, string>, body: Uint8Array | null): number {
    if (!this.isOpen || this.#socket.writableLength > PUSH_UNSENT_BYTES_MAX) return -1;
    const opaque = this.#owner.nextOpaque();
    this.write(encodeCommand({ code, opaque, flag: 0, ext, body }));
    return opaque;
  }

  close(reason: string): void {
    if (!this.isOpen) return;
    this.#reason = reason;
    this.#socket.destroy();
  }

  onClose(run: () => void): void {
    this.#closeListeners.push(run);
  }

  #closed(): void {
    if (!this.isOpen) return;
    this.isOpen = false;
    this.#output?.release();
    this.#output = null;
    for (const listener of this.#closeListeners) listener();
    this.#closeListeners.length = 0;
    if (this.inputBytes > 0) this.#inputChanged();
    this.#owner.closed(this, this.#reason);
  }

  /** As many unsent bytes as it may have now, or more. */
  get isOverfull(): boolean {
    return this.unsentBytes >= this.#owner.unsentAllowance;
  }

  get isCrowded(): boolean {
    return this.#owner.isCrowded;
  }

  /** The kernel takes no more: what is written waits in memory. */
  get isBackedUp(): boolean {
    return this.#socket.writableLength > 0;
  }

  /** Unsent bytes. */
  get unsentBytes(): number {
    return this.#socket.writableLength + (this.#output?.length ?? 0);
  }
}

/** Reasons to read no further. */
export const HOLD_LANE = 1;
export const HOLD_UNSENT = 2;
export const HOLD_PARKED = 4;
export const HOLD_INPUT = 8;

/** IPv4 in IPv6 is IPv4: clients read hosts of four bytes. */
function plainAddress(address: string): string {
  return address.startsWith('::ffff:') && address.includes('.') ? address.slice(7) : address;
}

/** An address and port as a record carries them: 8 bytes for IPv4, 20 for IPv6. */
export function hostBytes(address: string, port: number): Uint8Array {
  if (!address.includes(':')) {
    const parts = address.split('.').map(Number);
    const bytes = new Uint8Array(8);
    for (let i = 0; i < 4; i++) bytes[i] = parts[i] ?? 0;
    new DataView(bytes.buffer).setInt32(4, port);
    return bytes;
  }
  const [head = '', tail = ''] = address.split('%')[0]!.split('::');
  const left = head === '' ? [] : head.split(':');
  const right = tail === '' ? [] : tail.split(':');
  const groups = [...left, ...new Array<string>(Math.max(0, 8 - left.length - right.length)).fill('0'), ...right];
  const bytes = new Uint8Array(20);
  const view = new DataView(bytes.buffer);
  groups.slice(0, 8).forEach((group, i) => {
    view.setUint16(i * 2, Number.parseInt(group, 16));
  });
  view.setInt32(16, port);
  return bytes;
}

/** The same as a record's host. */
export function hostOfBytes(bytes: Uint8Array): Host {
  const address = bytes.subarray(0, bytes.length - 4);
  return { address, port: new DataView(bytes.buffer, bytes.byteOffset).getInt32(address.length) };
}
