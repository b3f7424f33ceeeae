/**
 * END_TRANSACTION (37): a producer says what became of its transaction: commit (8), rollback (12), or that it does not know yet (0), which
 * changes nothing: its group will be asked. Clients send it one-way. Refused with 1 (a field, no half message there, another one, of another group,
 * ended before), 2 (too many wait), 14 (the broker stops, its disk is full or failed), 17 (its topic was deleted), 604 (too late, or given up).
 * Source: RocketMQ 5.4 `EndTransactionProcessor`.
 */
import { javaHash } from '../../../../model/java-hash.ts';
import { TRANSACTION_COMMIT, TRANSACTION_NONE, TRANSACTION_ROLLBACK } from '../../../../model/system-flag.ts';
import { ONEWAY_FLAG } from '../../../../protocol/remoting/command.ts';
import { decodeEndTransactionRequest } from '../../../../protocol/remoting/requests/end-transaction.ts';
import { SUCCESS, SYSTEM_BUSY, SYSTEM_ERROR } from '../../../../protocol/remoting/response-code.ts';
import type { ThreadContext } from '../../../../runtime/thread/thread-context.ts';
import { TRANSACTION_PATH } from '../../../broker/actor-paths.ts';
import type { EndTransaction, TransactionAnswered } from '../../../transaction/transaction-messages.ts';
import type { Handler } from '../../request.ts';

const ANSWER_MAX_MS = 10_000;
const BUSY_REMARK = 'too many transactions wait for their end; the producer group will be asked about this one';

export function endTransaction(thread: ThreadContext): Handler {
  const transactions = thread.ref<EndTransaction>(TRANSACTION_PATH);
  return (request) => {
    const { ext, flag } = request.command;
    const {
      producerGroup: group,
      tranStateTableOffset,
      commitLogOffset,
      commitOrRollback,
      fromTransactionCheck,
      transactionId,
      msgId,
    } = decodeEndTransactionRequest(ext);
    if (commitOrRollback === TRANSACTION_NONE) {
      // The Java broker gives no answer at all, which leaves who waits for one to its time-out.
      request.answer(SUCCESS, 'nothing is done: the outcome of the transaction is not known yet');
      return;
    }
    if (commitOrRollback !== TRANSACTION_COMMIT && commitOrRollback !== TRANSACTION_ROLLBACK) {
      const remark = `commitOrRollback field wrong: it is ${commitOrRollback}; send ${TRANSACTION_COMMIT} (commit), ${TRANSACTION_ROLLBACK} (rollback) or ${TRANSACTION_NONE}`;
      request.answer(SYSTEM_ERROR, remark);
      return;
    }
    const end = {
      kind: 'end-transaction' as const,
      group,
      halfOffset: tranStateTableOffset,
      physical: commitLogOffset,
      isCommit: commitOrRollback === TRANSACTION_COMMIT,
      isFromCheck: fromTransactionCheck,
      transactionIdHash: javaHash(transactionId ?? ''),
      messageIdHash: javaHash(msgId),
    };
    if ((flag & ONEWAY_FLAG) !== 0) {
      transactions.tell({ ...end, replyTo: null });
      thread.requestTurn();
      return;
    }
    thread.ask<TransactionAnswered, EndTransaction>(
      transactions,
      (replyTo) => ({ ...end, replyTo }),
      ANSWER_MAX_MS,
      (answered) => {
        if (answered === undefined) request.answer(SYSTEM_BUSY, BUSY_REMARK);
        else request.answer(answered.code, answered.remark === '' ? null : answered.remark);
        thread.requestTurn();
      },
    );
  };
}
