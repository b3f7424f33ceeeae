/**
 * Control link: calls from the root to an event thread for what is rare (configure, inspect), by comlink over a port of their own. One an event thread
 * and generation. Never for the message path: a call costs tens of microseconds.
 * Fails by rejecting: a comlink call that is pending when its worker dies would hang for ever, so every call is raced against the thread's death and a
 * time limit.
 */
import type { MessagePort } from 'node:worker_threads';
import { workerData } from 'node:worker_threads';
import type * as comlink from 'comlink';
import { RuntimeError } from './errors.ts';
import type { ThreadContext } from './thread/thread-context.ts';
import type { ThreadBirth } from './thread/thread-words.ts';

export type Remote<T> = comlink.Remote<T>;

/** What a thread exposes: methods whose arguments and results can be cloned. */
export type ControlApi = object;

const CALLS_MAX = 1024;

/** Node's ports speak the web's interface, which is all that comlink needs. */
function endpoint(port: MessagePort): comlink.Endpoint {
  return port as unknown as comlink.Endpoint;
}

/** Makes `api` callable from the root; once, in an event thread's `main`. */
export async function exposeControl(thread: ThreadContext, api: ControlApi): Promise<void> {
  const port = (workerData as ThreadBirth | null)?.control;
  if (thread.loop !== 'event' || port === undefined) {
    throw new RuntimeError('MQ_RUNTIME_BAD_SPEC', `Thread '${thread.name}' takes no control calls: its event loop never turns`, {
      thread: thread.name,
    });
  }
  await exposeOn(port, api);
}

/** The same over a port of the caller's own: for a worker that is no thread of a system. */
export async function exposeOn(port: MessagePort, api: ControlApi): Promise<void> {
  // Loaded when first used: no thread pays for it at its start.
  const lib = await import('comlink');
  lib.expose(api, endpoint(port));
}

export class ControlLink {
  readonly #thread: string;
  readonly #port: MessagePort;
  #remote: Promise<Remote<ControlApi>> | undefined;
  #isDead = false;
  /** Rejects of the calls under way. */
  readonly #pending: Set<(error: Error) => void> = new Set();

  /** @param port the root's end; not used, and not keeping the process alive, before the first call. */
  constructor(thread: string, port: MessagePort) {
    this.#thread = thread;
    this.#port = port;
    port.unref();
  }

  /** Rejects with THREAD_DIED, CALL_TIMEOUT, LIMIT, or what the far method threw. */
  call<T extends ControlApi, R>(use: (api: Remote<T>) => Promise<R>, timeoutMs: number): Promise<R> {
    if (this.#isDead) return Promise.reject(this.#death());
    if (this.#pending.size >= CALLS_MAX) {
      return Promise.reject(
        new RuntimeError('MQ_RUNTIME_LIMIT', `No more than ${CALLS_MAX} control calls to '${this.#thread}' at once`, {
          thread: this.#thread,
        }),
      );
    }
    this.#remote ??= this.#connect();
    const remote = this.#remote;
    return new Promise<R>((resolve, reject) => {
      const settle = (run: () => void): void => {
        clearTimeout(timer);
        this.#pending.delete(onDeath);
        run();
      };
      const onDeath = (error: Error): void => settle(() => reject(error));
      const timer = setTimeout(() => {
        onDeath(
          new RuntimeError('MQ_RUNTIME_CALL_TIMEOUT', `Thread '${this.#thread}' did not answer a control call within ${timeoutMs} ms`, {
            thread: this.#thread,
            timeoutMs,
          }),
        );
      }, timeoutMs);
      this.#pending.add(onDeath);
      remote
        .then((api) => use(api as Remote<T>))
        .then(
          (result) => settle(() => resolve(result)),
          (error: unknown) => settle(() => reject(error as Error)),
        );
    });
  }

  /** The thread has ended: every call under way is rejected, as is every later one. */
  died(): void {
    this.#isDead = true;
    for (const reject of this.#pending) reject(this.#death());
    this.#port.close();
  }

  #death(): RuntimeError {
    return new RuntimeError('MQ_RUNTIME_THREAD_DIED', `Thread '${this.#thread}' died before it answered a control call`, {
      thread: this.#thread,
    });
  }

  async #connect(): Promise<Remote<ControlApi>> {
    const lib = await import('comlink');
    const remote = lib.wrap<ControlApi>(endpoint(this.#port));
    this.#port.unref();
    // A comlink proxy has every property, `then` too: wrapped, so that a promise does not call it.
    return new Proxy({} as Remote<ControlApi>, {
      get: (_, name) => (name === 'then' ? undefined : (remote as unknown as Record<string | symbol, unknown>)[name]),
    });
  }
}
