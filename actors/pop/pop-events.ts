/**
 * What happens to the messages of one queue in a group that pops it. A ledger changes by these alone, and the journal keeps them: what is
 * replayed is what was lived. Types only. Times are wall-clock ms, offsets those of the queue.
 */

export type PopEvent =
  /** Given out by one pop; `next` is the first offset behind them that no pop has looked at. */
  | {
      readonly kind: 'popped';
      readonly popTime: number;
      readonly invisibleMs: number;
      readonly offsets: readonly number[];
      readonly next: number;
    }
  /** Acknowledged, or stored once more in the retry topic or the dead letters. */
  | { readonly kind: 'settled'; readonly offsets: readonly number[] }
  /** Invisible for another time, under another receipt. */
  | { readonly kind: 'changed'; readonly offset: number; readonly popTime: number; readonly invisibleMs: number }
  /** Nothing is in flight any more; pops go on at `next`. */
  | { readonly kind: 'reset'; readonly next: number }
  /** Given out in order, in place of those that were given out in order before. `attempts`: deliveries that each has had before. */
  | {
      readonly kind: 'ordered';
      readonly popTime: number;
      readonly invisibleMs: number;
      /** Of the client's request; empty: it has none. */
      readonly attemptId: string;
      readonly offsets: readonly number[];
      readonly attempts: readonly number[];
      readonly next: number;
    }
  | { readonly kind: 'ordered-settled'; readonly offset: number }
  | { readonly kind: 'ordered-changed'; readonly offset: number; readonly visibleAt: number };
