/**
 * Tickets: numbers by which a thread knows the answers to what it has asked. Answers that a dead thread was to get still come to its successor,
 * which begins elsewhere, so that none of them is taken for one of its own. Pure.
 */

/** Further apart than what a thread ever has asked at once. */
const LIFE_TICKETS = 0x0100_0000;
/** What the engine keeps without an object. */
const TICKET_MASK = 0x3fff_ffff;

export class Tickets {
  #next: number;

  /** @param generation of the thread */
  constructor(generation: number) {
    this.#next = Math.imul(generation, LIFE_TICKETS) & TICKET_MASK;
  }

  next(): number {
    const ticket = this.#next;
    this.#next = (ticket + 1) & TICKET_MASK;
    return ticket;
  }
}
