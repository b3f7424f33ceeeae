/**
 * Waiting answers: those whom a consumer-group actor answers when all living shards have what they changed: clients (heartbeats, which also wait for the
 * retry topic) and tools. One an actor; bounded by what clients have under way. A shard that says nothing is waited for so long and no longer.
 * Source: none; a single process needs no copies.
 */
import type { ActorRef } from '../../runtime/actor.ts';
import type { HeartbeatTaken, OffsetsReset } from './consumer-group-messages.ts';
import type { MemberEffects } from './members.ts';

/** How long an answer waits for shards that say nothing: one that died is replaced sooner. */
const COPIED_MAX_MS = 500;

type Waiting = { readonly revision: number; readonly untilMs: number };
type WaitingTool = Waiting & { readonly replyTo: ActorRef<OffsetsReset> };
type WaitingClient = Waiting & { readonly replyTo: ActorRef<HeartbeatTaken>; readonly effects: MemberEffects };

export class WaitingAnswers {
  /** Oldest first. */
  #clients: WaitingClient[] = [];
  #tools: WaitingTool[] = [];

  addClient(replyTo: ActorRef<HeartbeatTaken>, effects: MemberEffects, revision: number, now: number): void {
    this.#clients.push({ replyTo, effects, revision, untilMs: now + COPIED_MAX_MS });
  }

  addTool(replyTo: ActorRef<OffsetsReset>, revision: number, now: number): void {
    this.#tools.push({ replyTo, revision, untilMs: now + COPIED_MAX_MS });
  }

  /** Answers whom it can. @param hasRetryTopic without it clients wait. Gives after how many ms to call again, −1: not by time. */
  answer(isEverywhere: (revision: number) => boolean, hasRetryTopic: boolean, wantsNotices: boolean, now: number): number {
    const isReady = ({ revision, untilMs }: Waiting): boolean => isEverywhere(revision) || now >= untilMs;
    let tools = 0;
    while (tools < this.#tools.length && isReady(this.#tools[tools]!)) {
      this.#tools[tools++]!.replyTo.tell({ kind: 'offsets-reset', code: 0, remark: '' });
    }
    if (tools > 0) this.#tools = this.#tools.slice(tools);
    let clients = 0;
    while (hasRetryTopic && clients < this.#clients.length && isReady(this.#clients[clients]!)) {
      const { replyTo, effects } = this.#clients[clients++]!;
      const mustNotify = effects.mustNotify && wantsNotices;
      replyTo.tell({ kind: 'heartbeat-taken', code: 0, remark: '', mustNotify, wantsFull: effects.wantsFull });
    }
    if (clients > 0) this.#clients = this.#clients.slice(clients);
    const firstClient = hasRetryTopic ? this.#clients[0] : undefined;
    const untilMs = Math.min(this.#tools[0]?.untilMs ?? Number.POSITIVE_INFINITY, firstClient?.untilMs ?? Number.POSITIVE_INFINITY);
    return untilMs === Number.POSITIVE_INFINITY ? -1 : Math.max(1, untilMs - now);
  }

  /** The retry topic cannot be made: all clients hear why. */
  refuseClients(code: number, remark: string): void {
    const clients = this.#clients;
    this.#clients = [];
    for (const { replyTo, effects } of clients) {
      replyTo.tell({ kind: 'heartbeat-taken', code, remark, mustNotify: effects.mustNotify, wantsFull: effects.wantsFull });
    }
  }
}
