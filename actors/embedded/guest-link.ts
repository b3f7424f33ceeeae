/**
 * Guest link: one client's way to one node of its own process: frames through a pipe to a shard, plain sends and pulls directly. One for
 * each connection of a client. Sends keep their order: while one goes by the pipe, those that follow wait or follow it there.
 */

import type { ExtFields, RemotingCommand } from '../../protocol/remoting/command.ts';
import { decodeCommand, encodeCommandHead, peekHeader } from '../../protocol/remoting/command.ts';
import { FrameReader } from '../../protocol/remoting/frame-reader.ts';
import type { DirectPath, DirectPullAnswer, DirectSendAnswer, Link, LinkEvents } from '../../protocol/remoting/link.ts';
import * as requestCode from '../../protocol/remoting/request-code.ts';
import {
  decodePullMessageResponse,
  encodePullMessageRequest,
  type PullMessageRequest,
} from '../../protocol/remoting/requests/pull-message.ts';
import {
  decodeSendMessageResponse,
  encodeSendMessageRequest,
  type SendMessageRequest,
} from '../../protocol/remoting/requests/send-message.ts';
import type { ThreadContext } from '../../runtime/thread/thread-context.ts';
import type { DirectPulls } from './direct-pulls.ts';
import { type DirectSends, SEND_NO_ROOM, SEND_TAKEN } from './direct-sends.ts';
import type { Leases } from './leases.ts';
import { PIPE_CLOSE, PIPE_OPEN, PIPE_PAUSE, PIPE_RESUME, PipeWriter } from './pipe.ts';

/** Bytes that wait before `send` says false. */
const WAITING_BYTES_MAX = 1024 * 1024;
/** More than any broker answers. */
const FRAME_BYTES_MAX = 32 * 1024 * 1024;
/** A shard that says nothing to a new pipe is not there. */
const OPEN_MAX_MS = 1_000;
/** Answers so long after a request that may have changed something make leases doubtful. */
const CHANGING_MS = 10_000;
/** Codes of answers to sends that say that the message is stored, and to pulls that have fields. */
const STORED: ReadonlySet<number> = new Set([0, 10, 11, 12]);
const PULLED: ReadonlySet<number> = new Set([0, 19, 20, 21]);
const NO_BYTES = new Uint8Array(0);

/** Requests that change nothing that a lease says. */
const CHANGES_NOTHING: ReadonlySet<number> = new Set([
  requestCode.SEND_MESSAGE,
  requestCode.SEND_MESSAGE_V2,
  requestCode.SEND_BATCH_MESSAGE,
  requestCode.PULL_MESSAGE,
  requestCode.LITE_PULL_MESSAGE,
  requestCode.QUERY_CONSUMER_OFFSET,
  requestCode.UPDATE_CONSUMER_OFFSET,
  requestCode.SEARCH_OFFSET_BY_TIMESTAMP,
  requestCode.GET_MAX_OFFSET,
  requestCode.GET_MIN_OFFSET,
  requestCode.GET_CONSUMER_LIST_BY_GROUP,
  requestCode.GET_ROUTEINFO_BY_TOPIC,
  requestCode.LOCK_BATCH_MQ,
  requestCode.UNLOCK_BATCH_MQ,
]);

/** What a link uses of its guest; `paths` null on a name server. */
export type LinkParts = {
  readonly thread: ThreadContext;
  readonly shard: number;
  readonly pipe: number;
  readonly events: LinkEvents;
  readonly paths: { readonly sends: DirectSends; readonly pulls: DirectPulls; readonly leases: Leases } | null;
  /** The link is gone. */
  readonly ended: (link: GuestLink) => void;
};

export class GuestLink implements Link {
  readonly pipe: number;
  readonly shard: number;
  readonly direct: DirectPath | null;
  readonly #parts: LinkParts;
  readonly #writer: PipeWriter;
  readonly #frames = new FrameReader(FRAME_BYTES_MAX);
  /** Requests of the direct path that took the pipe, by opaque: negative ones, which clients come to last. */
  readonly #calls: Map<number, (answer: RemotingCommand) => void> = new Map();
  #nextOpaque = -1;
  /** Sends that took the pipe and are not answered. */
  #sendsByPipe = 0;
  /** The client was told that there is no room. */
  #isFull = false;
  #isTelling = false;
  #changingUntil = Number.NEGATIVE_INFINITY;
  #state: 'opening' | 'open' | 'closed' = 'opening';

  constructor(parts: LinkParts) {
    this.#parts = parts;
    this.pipe = parts.pipe;
    this.shard = parts.shard;
    this.#writer = new PipeWriter(parts.thread, parts.shard, parts.pipe, () => this.room());
    this.direct = parts.paths === null ? null : { send: this.#sendDirect.bind(this), pull: this.#pullDirect.bind(this) };
    this.#writer.word(PIPE_OPEN);
    parts.thread.schedule(OPEN_MAX_MS, () => {
      if (this.#state === 'opening') this.gone(`the shard did not answer within ${OPEN_MAX_MS} ms`);
    });
    parts.thread.requestTurn();
  }

  // ---- what the guest hears from the shard

  opened(): void {
    if (this.#state !== 'opening') return;
    this.#state = 'open';
    this.#parts.events.opened();
  }

  /** Bytes of a ring, valid during the call only. */
  arrived(chunk: Uint8Array): void {
    if (this.#state !== 'open') return;
    const error = this.#frames.push(chunk, chunk.length, this.#onFrame);
    if (error !== null) this.gone(error.message);
  }

  /** The shard reads no further, or goes on. */
  paused(type: typeof PIPE_PAUSE | typeof PIPE_RESUME): void {
    this.#writer.pause(type === PIPE_PAUSE);
    if (type === PIPE_RESUME) this.room();
  }

  /** The far end is gone, or the guest is. */
  gone(reason: string): void {
    if (this.#state === 'closed') return;
    this.#end();
    this.#parts.events.closed(reason);
  }

  /** There is room again: for bytes, in the lane, or because a lease has come. Behind the caller's work. */
  room(): void {
    if (!this.#isFull || this.#isTelling) return;
    this.#isTelling = true;
    queueMicrotask(() => {
      this.#isTelling = false;
      if (!this.#isFull || this.#state !== 'open' || this.#writer.waitingBytes >= WAITING_BYTES_MAX) return;
      this.#isFull = false;
      this.#parts.events.drained();
    });
  }

  // ---- what the client says

  send(head: Uint8Array, body: Uint8Array | null): boolean {
    if (this.#state !== 'open') return true;
    const code = peekHeader(head, 0, head.length);
    if (this.#parts.paths !== null && !CHANGES_NOTHING.has(code)) {
      this.#parts.paths.leases.drop();
      this.#changingUntil = this.#parts.thread.monotonicMs() + CHANGING_MS;
    }
    return this.#write(head, body);
  }

  close(): void {
    if (this.#state === 'closed') return;
    this.#writer.word(PIPE_CLOSE);
    this.#end();
  }

  #write(head: Uint8Array, body: Uint8Array | null): boolean {
    this.#writer.data(head);
    if (body !== null && body.length > 0) this.#writer.data(body);
    if (this.#writer.waitingBytes < WAITING_BYTES_MAX) return true;
    this.#isFull = true;
    return false;
  }

  #end(): void {
    this.#state = 'closed';
    this.#calls.clear();
    this.#parts.ended(this);
    // The last words are in the ring, or never will be.
    this.#parts.thread.schedule(OPEN_MAX_MS, () => this.#writer.end());
  }

  readonly #onFrame = (bytes: Uint8Array, start: number, end: number): boolean => {
    if (this.#state !== 'open') return false;
    if (this.#parts.paths !== null && this.#parts.thread.monotonicMs() < this.#changingUntil) this.#parts.paths.leases.drop();
    if (this.#calls.size > 0) {
      const answer = decodeCommand(bytes, start, end);
      const call = this.#calls.get(answer.opaque);
      if (call !== undefined) {
        this.#calls.delete(answer.opaque);
        call(answer);
        return true;
      }
    }
    this.#parts.events.frame(bytes, start, end);
    return true;
  };

  #call(code: number, ext: ExtFields, body: Uint8Array, answered: (answer: RemotingCommand) => void): void {
    const opaque = this.#nextOpaque;
    this.#nextOpaque = opaque === -0x7fff_ffff ? -1 : opaque - 1;
    this.#calls.set(opaque, answered);
    this.#write(encodeCommandHead({ code, opaque, flag: 0, ext }, body.length), body);
  }

  // ---- the direct path

  #sendDirect(request: SendMessageRequest, body: Uint8Array, done: (answer: DirectSendAnswer) => void): boolean {
    const { paths } = this.#parts;
    if (this.#state !== 'open' || paths === null) return true;
    if (request.batch === true) return this.#sendByPipe(requestCode.SEND_BATCH_MESSAGE, request, body, done, true);
    const lease = paths.leases.find(request.topic, '');
    if (lease === undefined) {
      paths.leases.ask(request.topic, '', () => this.room());
      this.#isFull = true;
      return false;
    }
    const { topic } = lease;
    const isPlain =
      topic !== null &&
      lease.isWritable &&
      body.length > 0 &&
      body.length <= lease.bodyBytesMax &&
      request.queueId < Math.max(topic.writeQueues, topic.readQueues);
    if (!isPlain) return this.#sendByPipe(requestCode.SEND_MESSAGE_V2, request, body, done, true);
    if (this.#sendsByPipe > 0) {
      this.#isFull = true;
      return false;
    }
    const outcome = paths.sends.write(topic, request, body, (answer) => {
      if (this.#state === 'open') done(answer);
    });
    if (outcome === SEND_TAKEN) return true;
    if (outcome === SEND_NO_ROOM) {
      this.#isFull = true;
      return false;
    }
    // Delayed, timed or refused: it has no place among the plain ones.
    return this.#sendByPipe(requestCode.SEND_MESSAGE_V2, request, body, done, false);
  }

  #sendByPipe(
    code: number,
    request: SendMessageRequest,
    body: Uint8Array,
    done: (answer: DirectSendAnswer) => void,
    isOrdered: boolean,
  ): boolean {
    if (this.#writer.waitingBytes >= WAITING_BYTES_MAX) {
      this.#isFull = true;
      return false;
    }
    if (isOrdered) this.#sendsByPipe++;
    this.#call(code, encodeSendMessageRequest(request, code), body, (answer) => {
      if (isOrdered && --this.#sendsByPipe === 0) this.room();
      const response = STORED.has(answer.code) ? decodeSendMessageResponse(answer.ext) : null;
      done({ code: answer.code, remark: answer.remark, response });
    });
    return true;
  }

  #pullDirect(request: PullMessageRequest, done: (answer: DirectPullAnswer) => void): () => void {
    const { paths } = this.#parts;
    if (this.#state !== 'open' || paths === null) return () => {};
    let isDropped = false;
    const tell = (answer: DirectPullAnswer): void => {
      if (!isDropped && this.#state === 'open') done(answer);
    };
    const elsewhere = (): void => {
      if (isDropped || this.#state !== 'open') return;
      this.#call(requestCode.PULL_MESSAGE, encodePullMessageRequest(request), NO_BYTES, ({ code, remark, ext, body }) => {
        const response = PULLED.has(code) ? decodePullMessageResponse(ext) : null;
        // The frame is only lent.
        tell({ code, remark, response, body: new Uint8Array(body) });
      });
    };
    const drop = paths.pulls.pull(request, elsewhere, tell);
    return () => {
      isDropped = true;
      drop();
    };
  }
}
