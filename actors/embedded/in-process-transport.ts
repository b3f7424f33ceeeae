/**
 * In-process transport: a client's links to the nodes of a cluster in its own process, without a socket. Joins a node as its guest when the
 * first link is opened, and again after the node was stopped, killed or has failed. One a cluster and thread.
 */

import type { DirectPath, Link, LinkEvents } from '../../protocol/remoting/link.ts';
import { threadHeap } from '../../runtime/thread/heap.ts';
import type { GuestInvitation } from '../broker/running-broker.ts';
import { GuestNode, type GuestNodeHooks } from './guest-node.ts';

/** What the transport asks of its cluster; a node is named by its place in the plan. */
export type TransportParts = {
  /** −1: no node has this address. */
  readonly nodeAt: (address: string) => number;
  readonly invite: (node: number) => Promise<GuestInvitation>;
  /** The guest of a node has gone by itself. */
  readonly left: (node: number) => void;
  readonly log: GuestNodeHooks['log'];
};

export class InProcessTransport {
  readonly #parts: TransportParts;
  readonly #guests: Map<number, Promise<GuestNode>> = new Map();
  #hasEnded = false;
  /** This thread has had shared memory of a node. */
  #hasJoined = false;

  constructor(parts: TransportParts) {
    this.#parts = parts;
  }

  open(address: string, events: LinkEvents): Link {
    const link = new JoiningLink();
    const node = this.#hasEnded ? -1 : this.#parts.nodeAt(address);
    if (node < 0) queueMicrotask(() => link.failed(events, `no node of this cluster has the address ${address}`));
    else {
      this.#join(node).then(
        (guest) => link.joined(guest, events),
        (error: unknown) => link.failed(events, error instanceof Error ? error.message : String(error)),
      );
    }
    return link;
  }

  /** The node is about to end, or has: its links are closed, in order or at once. */
  async leave(node: number, isOrderly: boolean, reason: string): Promise<void> {
    const guest = this.#guests.get(node);
    this.#guests.delete(node);
    // One that could not join has nothing to leave.
    const joined = await guest?.catch(() => undefined);
    await joined?.leave(isOrderly, reason);
  }

  /** The cluster has ended. */
  async end(reason: string): Promise<void> {
    this.#hasEnded = true;
    await Promise.all([...this.#guests.keys()].map((node) => this.leave(node, false, reason)));
    if (!this.#hasJoined) return;
    // V8 does not count shared memory as its own: unreferenced, it would stay until this thread's heap has grown for other reasons.
    setImmediate(() => threadHeap.collect());
  }

  #join(node: number): Promise<GuestNode> {
    let guest = this.#guests.get(node);
    if (guest === undefined) {
      const failed = (): void => {
        this.#guests.delete(node);
        this.#parts.left(node);
      };
      guest = this.#parts.invite(node).then((invitation) => new GuestNode(invitation, { log: this.#parts.log, failed }));
      this.#guests.set(node, guest);
      this.#hasJoined = true;
      // It may be tried again with the next link.
      guest.catch(() => this.#guests.delete(node));
    }
    return guest;
  }
}

/** A link whose guest may still have to join. */
class JoiningLink implements Link {
  #inner: Link | null = null;
  #isClosed = false;

  joined(guest: GuestNode, events: LinkEvents): void {
    if (!this.#isClosed) this.#inner = guest.open(events);
  }

  failed(events: LinkEvents, reason: string): void {
    if (!this.#isClosed) events.closed(reason);
  }

  get direct(): DirectPath | null {
    return this.#inner?.direct ?? null;
  }

  send(head: Uint8Array, body: Uint8Array | null): boolean {
    return this.#inner?.send(head, body) ?? true;
  }

  close(): void {
    this.#isClosed = true;
    this.#inner?.close();
  }
}
