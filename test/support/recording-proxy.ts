/**
 * A TCP proxy that keeps every remoting frame that passes, in both directions, in order: the source of the golden
 * frames. Owns its listener and sockets. Fails by ending the connection whose stream is no sequence of frames.
 */
import { type AddressInfo, connect, createServer, type Server, type Socket } from 'node:net';
import { FrameCutter } from './raw-frame.ts';

export type RecordedFrame = { direction: 'to-server' | 'to-client'; connection: number; bytes: Buffer };

/** Changes a frame on its way to the client; what is recorded is the frame as the server sent it. */
export type Rewrite = (frame: Buffer) => Buffer;

export class RecordingProxy {
  readonly frames: RecordedFrame[] = [];
  readonly #server: Server;
  readonly #sockets: Set<Socket> = new Set();
  #connections = 0;

  private constructor(target: string, rewrite: Rewrite | undefined) {
    const colon = target.lastIndexOf(':');
    const host = target.slice(0, colon);
    const port = Number(target.slice(colon + 1));
    this.#server = createServer((client) => {
      const connection = this.#connections++;
      const upstream = connect({ host, port });
      this.#pipe(client, upstream, 'to-server', connection, undefined);
      this.#pipe(upstream, client, 'to-client', connection, rewrite);
    });
  }

  /** @param target host:port of the server behind */
  static async start(target: string, rewrite?: Rewrite): Promise<RecordingProxy> {
    const proxy = new RecordingProxy(target, rewrite);
    await new Promise<void>((resolve, reject) => {
      proxy.#server.once('error', reject);
      proxy.#server.listen(0, '127.0.0.1', resolve);
    });
    return proxy;
  }

  get address(): string {
    return `127.0.0.1:${(this.#server.address() as AddressInfo).port}`;
  }

  async close(): Promise<void> {
    for (const socket of this.#sockets) socket.destroy();
    await new Promise<void>((resolve) => this.#server.close(() => resolve()));
  }

  #pipe(from: Socket, to: Socket, direction: RecordedFrame['direction'], connection: number, rewrite: Rewrite | undefined): void {
    const cutter = new FrameCutter();
    this.#sockets.add(from);
    from.setNoDelay(true);
    from.on('data', (chunk) => {
      try {
        for (const bytes of cutter.push(chunk)) {
          this.frames.push({ direction, connection, bytes });
          to.write(rewrite === undefined ? bytes : rewrite(bytes));
        }
      } catch {
        from.destroy();
        to.destroy();
      }
    });
    from.on('error', () => to.destroy());
    from.once('close', () => {
      this.#sockets.delete(from);
      to.end();
    });
  }
}
