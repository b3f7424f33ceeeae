/**
 * Transaction ledger: what is known of the half messages: which are ended, which are being ended or stored again at the moment, which one
 * stands for another that it was stored again for, and how those of late ended. Pure; decides that a half message ends once.
 * A half message is known by its origin, the queue offset that it had first. What stands for it now is its current offset.
 */
import assert from 'node:assert/strict';
import { EndedOffsets } from './ended-offsets.ts';

export type Outcome = 'committed' | 'rolled-back' | 'given-up';
/** `busy`: ask again when what is under way is settled. `ended`: with its outcome where that is remembered. */
export type Standing =
  | { readonly kind: 'open'; readonly current: number }
  | { readonly kind: 'busy' }
  | { readonly kind: 'ended'; readonly outcome: Outcome | null };

/** Half messages that were stored again and can still be ended by the places that they had before. */
const AGAIN_MAX = 262_144;
/** Outcomes remembered: a power of two. */
const OUTCOMES = 65_536;
const OUTCOME_CODES: readonly Outcome[] = ['committed', 'rolled-back', 'given-up'];

export class TransactionLedger {
  readonly #ended: EndedOffsets;
  /** Current offsets that the log has been given a word on, and has not answered. */
  readonly #underWay: Set<number> = new Set();
  /** Current offset by origin, of those that were stored again. */
  readonly #again: Map<number, number> = new Map();
  #origins: Float64Array | null = null;
  #outcomes: Uint8Array | null = null;

  /** @param base half messages below it are ended */
  constructor(base: number) {
    this.#ended = new EndedOffsets(base);
  }

  /** Half messages below it are ended. */
  get base(): number {
    return this.#ended.base;
  }

  /** How many of those below `end` are not ended. */
  pending(end: number): number {
    return Math.max(0, end - this.#ended.base - this.#ended.marked);
  }

  isOpen(offset: number): boolean {
    return !this.#ended.has(offset);
  }

  nextOpen(from: number, end: number): number {
    return this.#ended.nextOpen(from, end);
  }

  /** The current offset of the half message at `offset`, which was first there, when it is open and nothing is under way; −1: see `standing`. */
  openAt(offset: number): number {
    const current = this.#again.size === 0 ? offset : (this.#again.get(offset) ?? offset);
    return this.#ended.has(current) || this.#underWay.has(current) ? -1 : current;
  }

  /** How the half message stands that is at `offset` and was first at `origin`. */
  standing(offset: number, origin: number): Standing {
    const current = this.#again.get(origin) ?? offset;
    if (this.#underWay.has(current)) return { kind: 'busy' };
    if (!this.#ended.has(current)) return { kind: 'open', current };
    return { kind: 'ended', outcome: this.#outcomeOf(origin) };
  }

  /** The log is given the word that `current` is ended, or stored again. */
  begin(current: number): void {
    assert(!this.#ended.has(current), 'What begins to end is open');
    this.#ended.add(current);
    this.#underWay.add(current);
  }

  /** The log has taken it. */
  settle(current: number, origin: number, outcome: Outcome): void {
    assert(this.#underWay.delete(current), 'What is settled was begun');
    this.#again.delete(origin);
    this.#remember(origin, outcome);
  }

  /** The log has refused it: it is open as before. */
  giveBack(current: number): void {
    assert(this.#underWay.delete(current), 'What is given back was begun');
    this.#ended.remove(current);
  }

  /** The log has taken it once more, at `next`. */
  storedAgain(current: number, origin: number, next: number): void {
    assert(this.#underWay.delete(current), 'What was stored again was begun');
    this.standsFor(origin, next);
  }

  /** The half message at `offset` is the one that was first at `origin`. With too many such, one can be ended by its last place only. */
  standsFor(origin: number, offset: number): void {
    this.#forget(origin);
    if (this.#again.size < AGAIN_MAX || this.#again.has(origin)) this.#again.set(origin, offset);
  }

  /** The current offset of what was first at `origin`, where that is another one. */
  currentOf(origin: number): number | undefined {
    return this.#again.get(origin);
  }

  /** Found in the log: it is ended, or another stands for it. */
  markEnded(offset: number): void {
    this.#ended.add(offset);
  }

  /** Moves the base over what is ended for good. `end`: half messages from it on do not exist yet. */
  advance(end: number): void {
    let base = this.#ended.nextOpen(this.#ended.base, end);
    for (const offset of this.#underWay) base = Math.min(base, offset);
    this.#ended.moveTo(base);
  }

  /** Those below `min` were removed with the log's beginning. */
  removeBelow(min: number): void {
    this.#ended.moveTo(min);
  }

  #remember(origin: number, outcome: Outcome): void {
    this.#origins ??= new Float64Array(OUTCOMES).fill(-1);
    this.#outcomes ??= new Uint8Array(OUTCOMES);
    this.#origins[origin & (OUTCOMES - 1)] = origin;
    this.#outcomes[origin & (OUTCOMES - 1)] = OUTCOME_CODES.indexOf(outcome);
  }

  #forget(origin: number): void {
    const at = origin & (OUTCOMES - 1);
    if (this.#origins !== null && this.#origins[at] === origin) this.#origins[at] = -1;
  }

  #outcomeOf(origin: number): Outcome | null {
    const at = origin & (OUTCOMES - 1);
    return this.#origins === null || this.#origins[at] !== origin ? null : OUTCOME_CODES[this.#outcomes![at]!]!;
  }
}
