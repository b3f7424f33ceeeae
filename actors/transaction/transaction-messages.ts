/**
 * What the transaction actor hears and says, and what its parts share. Types and the parts' surroundings only.
 */
import type { Host } from '../../model/message-record.ts';
import type { ActorContext, ActorRef } from '../../runtime/actor.ts';
import type { InnerAppend } from '../commit-log/inner-append.ts';
import type { Arrived } from '../queue/queue-actor.ts';
import type { TopicTable } from '../topic/topic-table.ts';
import type { EndRequest } from './decide-end.ts';
import type { StretchParts } from './queue-stretch.ts';

/** A producer says what became of its transaction. `replyTo` is null where nobody waits for the answer. */
export type EndTransaction = EndRequest & { readonly kind: 'end-transaction'; readonly replyTo: ActorRef<TransactionAnswered> | null };
/**
 * The same of several, to which nobody waits for an answer. `numbers` has END_NUMBERS of each: `halfOffset`, `physical`, a word of the bits
 * END_COMMITS and END_FROM_CHECK, `transactionIdHash`, `messageIdHash`. At most ENDS_MAX: it has to fit a ring record.
 */
export type EndTransactions = {
  readonly kind: 'end-transactions';
  readonly groups: readonly string[];
  readonly numbers: readonly number[];
};
export const ENDS_MAX = 128;
export const END_NUMBERS = 5;
export const END_COMMITS = 1;
export const END_FROM_CHECK = 2;

/** The half message that was given up and lies at `physical` is to be asked about once more. */
export type ResumeCheck = { readonly kind: 'resume-check'; readonly physical: number; readonly replyTo: ActorRef<TransactionAnswered> };
/** `code` not 0: a refusal. */
export type TransactionAnswered = { readonly kind: 'transaction-answered'; readonly code: number; readonly remark: string };
/** Half messages that are not ended, from queue offset `from` on, a page of them. */
export type ListHalfMessages = {
  readonly kind: 'list-half-messages';
  readonly from: number;
  readonly replyTo: ActorRef<HalfMessagesListed>;
};
/** Columns of equal length. `next`: where the next page begins; −1: this was the last. `pending`: how many there are in all. */
export type HalfMessagesListed = {
  readonly kind: 'half-messages-listed';
  readonly offsets: readonly number[];
  readonly physicals: readonly number[];
  readonly groups: readonly string[];
  readonly topics: readonly string[];
  readonly ids: readonly string[];
  /** Since when they wait, in wall-clock milliseconds. */
  readonly since: readonly number[];
  /** How often their producers were asked. */
  readonly checks: readonly number[];
  readonly next: number;
  readonly pending: number;
};

export type TransactionCommand = EndTransaction | EndTransactions | ResumeCheck | ListHalfMessages | Arrived;

/** What the actor tells itself: that its time has come, and that something waits for its turn. */
export type TransactionEvent = { readonly kind: 'tick' } | { readonly kind: 'turn' };

/** Runs in one of the actor's turns, soon: how answers from outside come into it. */
export type Later = (run: (context: ActorContext) => void) => void;

export type TransactionSettings = {
  readonly timeoutMs: number;
  readonly checkIntervalMs: number;
  readonly checksMax: number;
  readonly keptMs: number;
};

export type TransactionParts = StretchParts & {
  readonly topics: TopicTable;
  readonly append: Pick<InnerAppend, 'append' | 'appendAll' | 'refusal'>;
  /** The record at a place, a number from outside; empty: none begins there; null: ask again. Calls back at once or later. */
  readonly viewOne: (physical: number, onRecord: (record: Uint8Array | null) => void) => void;
  /** The same at once, and only until the next call; null: its record does not lie where that is possible. */
  readonly peek: (physical: number) => Uint8Array | null;
  readonly writtenEnd: () => number;
  readonly flushedEnd: () => number;
  /** From now on `arrived` is told when something comes to the queue. */
  readonly watch: (handle: number) => void;
  readonly delayLevels: number;
  readonly storeHost: Host;
  readonly brokerName: string;
  /** Read at each use. */
  readonly settings: TransactionSettings;
  readonly reader: string;
  /** For tools and metrics; written by the actor. */
  readonly figures: TransactionFigures;
};

/** Counted since the start, but for `pending` and `oldestSince` (wall-clock milliseconds, 0: nothing waits). */
export type TransactionFigures = {
  pending: number;
  oldestSince: number;
  committed: number;
  rolledBack: number;
  checks: number;
  givenUp: number;
};

export function newFigures(): TransactionFigures {
  return { pending: 0, oldestSince: 0, committed: 0, rolledBack: 0, checks: 0, givenUp: 0 };
}
