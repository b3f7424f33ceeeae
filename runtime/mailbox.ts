/**
 * Mailbox: the messages that wait for one actor. One an actor, on its thread. Bounded: it says no when full and never fails.
 * System messages (own timers, replies to own asks, death notices) go first and are never refused: the actor's own effects bound them.
 */
import type { ActorMessage } from './actor.ts';

const FIRST_SLOTS = 8;
/** An emptied queue larger than this gives its memory back. */
const KEPT_SLOTS = 64;
const NONE: (ActorMessage | undefined)[] = [];

/** First in, first out; memory grows by doubling and is given back when a burst is over. */
class MessageQueue {
  #slots: (ActorMessage | undefined)[] = NONE;
  #first = 0;
  #count = 0;

  get size(): number {
    return this.#count;
  }

  push(message: ActorMessage): void {
    if (this.#count === this.#slots.length) this.#grow();
    this.#slots[(this.#first + this.#count) & (this.#slots.length - 1)] = message;
    this.#count++;
  }

  shift(): ActorMessage | undefined {
    if (this.#count === 0) return undefined;
    const message = this.#slots[this.#first];
    this.#slots[this.#first] = undefined;
    this.#first = (this.#first + 1) & (this.#slots.length - 1);
    this.#count--;
    if (this.#count === 0 && this.#slots.length > KEPT_SLOTS) {
      this.#slots = NONE;
      this.#first = 0;
    }
    return message;
  }

  #grow(): void {
    const grown: (ActorMessage | undefined)[] = new Array(Math.max(FIRST_SLOTS, this.#slots.length * 2)).fill(undefined);
    for (let i = 0; i < this.#count; i++) grown[i] = this.#slots[(this.#first + i) & (this.#slots.length - 1)];
    this.#slots = grown;
    this.#first = 0;
  }
}

export class Mailbox {
  readonly max: number;
  readonly #user = new MessageQueue();
  #system: MessageQueue | undefined;

  /** @param max user messages that may wait, at least 1. */
  constructor(max: number) {
    this.max = max;
  }

  get size(): number {
    return this.#user.size + (this.#system === undefined ? 0 : this.#system.size);
  }

  /** False: full, the message is not taken. */
  push(message: ActorMessage): boolean {
    if (this.#user.size >= this.max) return false;
    this.#user.push(message);
    return true;
  }

  pushSystem(message: ActorMessage): void {
    this.#system ??= new MessageQueue();
    this.#system.push(message);
  }

  shift(): ActorMessage | undefined {
    if (this.#system !== undefined && this.#system.size > 0) return this.#system.shift();
    return this.#user.shift();
  }
}
