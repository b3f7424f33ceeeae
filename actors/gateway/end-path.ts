/**
 * End path of one shard: takes the ends of transactions (37) out of their frames as clients send them, one-way and with a word that ends. What
 * comes in one turn goes to the transaction actor in one message, before the turn's actors run. Everything else of that code is for its handler
 * (handlers/transaction/end-transaction.ts). Where the actor takes no more, nothing is said: the producer group will be asked.
 * Source: RocketMQ 5.4 `EndTransactionProcessor`.
 */
import { TRANSACTION_COMMIT, TRANSACTION_ROLLBACK } from '../../model/system-flag.ts';
import { utf8Text } from '../../model/utf8.ts';
import { ONEWAY_FLAG, RESPONSE_FLAG } from '../../protocol/remoting/command.ts';
import { END_FOUND_REQUIRED, EndHeader, scanEndHeader } from '../../protocol/remoting/end-scanner.ts';
import type { ActorRef } from '../../runtime/actor.ts';
import type { PollSource, ThreadContext } from '../../runtime/thread/thread-context.ts';
import { TRANSACTION_PATH } from '../broker/actor-paths.ts';
import { END_COMMITS, END_FROM_CHECK, ENDS_MAX, type EndTransactions } from '../transaction/transaction-messages.ts';

/** A longer group name is for the handler. */
const GROUP_BYTES_MAX = 255;

export class EndPath implements PollSource {
  readonly #thread: ThreadContext;
  readonly #transactions: ActorRef<EndTransactions>;
  readonly #header = new EndHeader();
  #groups: string[] = [];
  #numbers: number[] = [];
  /** The group that was named last. */
  #group = '';
  #groupBytes: Uint8Array = new Uint8Array(0);

  constructor(thread: ThreadContext) {
    this.#thread = thread;
    this.#transactions = thread.ref(TRANSACTION_PATH);
    thread.addSource(this);
  }

  /** Takes a frame with code 37. False: it is for the handler. */
  frame(bytes: Uint8Array, start: number, end: number): boolean {
    const header = this.#header;
    if (!scanEndHeader(bytes, start, end, header) || header.found !== END_FOUND_REQUIRED) return false;
    const { flag, outcome, groupStart, groupEnd } = header;
    if ((flag & (ONEWAY_FLAG | RESPONSE_FLAG)) !== ONEWAY_FLAG || groupEnd - groupStart > GROUP_BYTES_MAX) return false;
    if (outcome !== TRANSACTION_COMMIT && outcome !== TRANSACTION_ROLLBACK) return false;
    const word = (outcome === TRANSACTION_COMMIT ? END_COMMITS : 0) | (header.isFromCheck ? END_FROM_CHECK : 0);
    this.#groups.push(this.#groupOf(bytes, groupStart, groupEnd));
    this.#numbers.push(header.halfOffset, header.physical, word, header.transactionIdHash, header.messageIdHash);
    if (this.#groups.length === ENDS_MAX) this.poll();
    this.#thread.requestTurn();
    return true;
  }

  #groupOf(bytes: Uint8Array, start: number, end: number): string {
    const last = this.#groupBytes;
    let same = 0;
    if (last.length === end - start) while (same < last.length && last[same] === bytes[start + same]) same++;
    if (same !== last.length || same !== end - start) {
      this.#groupBytes = Uint8Array.from(bytes.subarray(start, end));
      this.#group = utf8Text(bytes, start, end);
    }
    return this.#group;
  }

  poll(): boolean {
    if (this.#groups.length === 0) return false;
    this.#transactions.tell({ kind: 'end-transactions', groups: this.#groups, numbers: this.#numbers });
    this.#groups = [];
    this.#numbers = [];
    return true;
  }
}
