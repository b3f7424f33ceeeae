/**
 * RESUME_CHECK_HALF_MESSAGE (323): a half message that was given up, and is kept in TRANS_CHECK_MAX_TIME_TOPIC, is to be asked about anew.
 * Refused with 1 (no such id, no half message that was given up lies there, it is resumed or ended already), 2 (nobody answers in time), 14
 * (the broker stops, its disk is full or failed). Unlike the Java broker, which makes a half message of whatever lies there.
 * Source: RocketMQ 5.4 `AdminBrokerProcessor.resumeCheckHalfMessage`.
 */
import { MessageTextError } from '../../../../model/errors.ts';
import { parseMessageId } from '../../../../model/message-id.ts';
import { decodeResumeCheckHalfMessageRequest } from '../../../../protocol/remoting/requests/resume-check-half-message.ts';
import { SYSTEM_BUSY, SYSTEM_ERROR } from '../../../../protocol/remoting/response-code.ts';
import type { ThreadContext } from '../../../../runtime/thread/thread-context.ts';
import { TRANSACTION_PATH } from '../../../broker/actor-paths.ts';
import type { ResumeCheck, TransactionAnswered } from '../../../transaction/transaction-messages.ts';
import type { Handler } from '../../request.ts';

const ANSWER_MAX_MS = 10_000;

export function resumeCheckHalfMessage(thread: ThreadContext): Handler {
  return (request) => {
    const { msgId } = decodeResumeCheckHalfMessageRequest(request.command.ext);
    const physical = placeOf(msgId ?? '');
    if (physical === null) {
      const shown = JSON.stringify((msgId ?? '').slice(0, 64));
      request.answer(SYSTEM_ERROR, `the msgId ${shown} is no offset message id: 32 or 56 hexadecimal characters, as tools show it`);
      return;
    }
    thread.ask<TransactionAnswered, ResumeCheck>(
      thread.ref(TRANSACTION_PATH),
      (replyTo) => ({ kind: 'resume-check', physical, replyTo }),
      ANSWER_MAX_MS,
      (answered) => {
        if (answered === undefined) request.answer(SYSTEM_BUSY, `nobody answered within ${ANSWER_MAX_MS} ms; try again`);
        else request.answer(answered.code, answered.remark === '' ? null : answered.remark);
        thread.requestTurn();
      },
    );
  };
}

function placeOf(messageId: string): number | null {
  try {
    return parseMessageId(messageId).physicalOffset;
  } catch (error) {
    if (error instanceof MessageTextError) return null;
    throw error;
  }
}
