/**
 * Pipe socket: the shard's end of a pipe, which a gateway's connection takes for a socket. What comes while the connection is held waits
 * here, at most what was in the ring when the guest was told to pause.
 */
import type { ThreadContext } from '../../runtime/thread/thread-context.ts';
import type { ClientSocket } from '../gateway/client-socket.ts';
import { PIPE_CLOSE, PIPE_PAUSE, PIPE_RESUME, PipeWriter } from './pipe.ts';

export class PipeSocket implements ClientSocket {
  readonly remoteAddress = '127.0.0.1';
  /** Tells the pipes of a guest apart where an address is shown. */
  readonly remotePort: number;
  readonly localAddress = '127.0.0.1';
  readonly localPort: number;
  readonly #writer: PipeWriter;
  readonly #thread: ThreadContext;
  readonly #onEnd: () => void;
  readonly #closed: (() => void)[] = [];
  readonly #drained: (() => void)[] = [];
  readonly #kept: Uint8Array[] = [];
  #received: (chunk: Uint8Array, length: number) => void = () => {};
  #isPaused = false;
  #isDestroyed = false;

  /** @param ended the socket is gone */
  constructor(thread: ThreadContext, peer: number, pipe: number, localPort: number, ended: () => void) {
    this.#thread = thread;
    this.remotePort = pipe & 0xffff;
    this.localPort = localPort;
    this.#onEnd = ended;
    this.#writer = new PipeWriter(thread, peer, pipe, () => {
      for (const listener of this.#drained) listener();
    });
  }

  /** Where the bytes go. */
  readBy(received: (chunk: Uint8Array, length: number) => void): void {
    this.#received = received;
  }

  get writer(): PipeWriter {
    return this.#writer;
  }

  get writableLength(): number {
    return this.#writer.waitingBytes;
  }

  write(bytes: Uint8Array, done?: () => void): boolean {
    if (this.#isDestroyed) {
      done?.();
      return true;
    }
    return this.#writer.data(bytes, done);
  }

  /** Bytes of the ring, valid during the call only. */
  arrived(chunk: Uint8Array): void {
    if (this.#isDestroyed) return;
    if (this.#isPaused) this.#kept.push(new Uint8Array(chunk));
    else this.#received(chunk, chunk.length);
  }

  pause(): void {
    if (this.#isPaused || this.#isDestroyed) return;
    this.#isPaused = true;
    this.#writer.word(PIPE_PAUSE);
  }

  resume(): void {
    if (!this.#isPaused || this.#isDestroyed) return;
    this.#isPaused = false;
    while (this.#kept.length > 0 && !this.#isPaused) {
      const chunk = this.#kept.shift()!;
      this.#received(chunk, chunk.length);
    }
    if (!this.#isPaused) this.#writer.word(PIPE_RESUME);
  }

  // Records leave together at the turn's end anyway.
  cork(): void {}
  uncork(): void {}

  end(): void {
    this.destroy();
  }

  destroy(): void {
    if (this.#isDestroyed) return;
    this.#writer.word(PIPE_CLOSE);
    this.gone();
  }

  /** The guest has closed the pipe, or has gone itself. */
  gone(): void {
    if (this.#isDestroyed) return;
    this.#isDestroyed = true;
    this.#kept.length = 0;
    this.#onEnd();
    // Behind the caller's work, as a socket's close is; the last words go out before.
    this.#thread.schedule(0, () => {
      this.#writer.end();
      for (const listener of this.#closed) listener();
    });
    this.#thread.requestTurn();
  }

  on(event: 'end' | 'close' | 'drain' | 'error', listener: (() => void) | ((error: Error) => void)): void {
    if (event === 'close') this.#closed.push(listener as () => void);
    else if (event === 'drain') this.#drained.push(listener as () => void);
  }
}
