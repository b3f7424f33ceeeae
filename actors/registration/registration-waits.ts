/**
 * Who waits for a change to be known at name servers: each is answered when every name server that it counts on took the change or failed its
 * try, or when its time is up. The registration actor's.
 * Source: RocketMQ 5.3 `BrokerOuterAPI.registerBrokerAll`, whose latch counts the same.
 */
import type { ActorRef } from '../../runtime/actor.ts';
import type { TopicsRegistered } from '../topic/topic-registry-actor.ts';

type Wait = {
  readonly seq: number;
  readonly links: Set<number>;
  readonly replyTo: ActorRef<TopicsRegistered>;
  registered: number;
  failed: number;
};

export class RegistrationWaits {
  readonly #waits: Map<number, Wait> = new Map();
  #next = 1;

  /** @param seq of the change; @param links that count, from now on this object's own. Gives the wait's number. */
  add(seq: number, links: Set<number>, replyTo: ActorRef<TopicsRegistered>): number {
    const id = this.#next++;
    this.#waits.set(id, { seq, links, replyTo, registered: 0, failed: 0 });
    return id;
  }

  /** A link is no longer waited for. */
  count(id: number, link: number, ok: boolean): void {
    const wait = this.#waits.get(id);
    if (wait === undefined || !wait.links.delete(link)) return;
    if (ok) wait.registered++;
    else wait.failed++;
  }

  /** True: nobody waits under this number any more. */
  answerIfDone(id: number): boolean {
    const wait = this.#waits.get(id);
    if (wait === undefined) return true;
    if (wait.links.size > 0) return false;
    this.#answer(id, wait);
    return true;
  }

  /** A link has taken all changes up to this one, or failed with them. */
  settle(link: number, upTo: number, ok: boolean): void {
    for (const [id, wait] of this.#waits) {
      if (wait.seq > upTo || !wait.links.has(link)) continue;
      this.count(id, link, ok);
      this.answerIfDone(id);
    }
  }

  /** Its time is up: those that are missing have failed. */
  expire(id: number): void {
    const wait = this.#waits.get(id);
    if (wait === undefined) return;
    wait.failed += wait.links.size;
    this.#answer(id, wait);
  }

  #answer(id: number, { replyTo, registered, failed }: Wait): void {
    this.#waits.delete(id);
    replyTo.tell({ kind: 'topics-registered', registered, failed });
  }
}
