/**
 * CHECK_TRANSACTION_STATE (39): from broker to producer, one-way: what became of this half message (body)?
 * Decoding fails with a FieldError that names the field.
 * Source: RocketMQ 5.3 `CheckTransactionStateRequestHeader`.
 */
import type { ExtFields } from '../command.ts';
import { FieldReader } from '../field-reader.ts';

/** Its header fields; null: not sent. */
export type CheckTransactionStateRequest = {
  readonly tranStateTableOffset: number;
  readonly commitLogOffset: number;
  readonly topic: string | null;
  readonly msgId: string | null;
  readonly transactionId: string | null;
  readonly offsetMsgId: string | null;
};

export function decodeCheckTransactionStateRequest(ext: ReadonlyMap<string, string>): CheckTransactionStateRequest {
  const fields = new FieldReader(ext);
  return {
    tranStateTableOffset: fields.long('tranStateTableOffset'),
    commitLogOffset: fields.long('commitLogOffset'),
    topic: fields.optionalString('topic'),
    msgId: fields.optionalString('msgId'),
    transactionId: fields.optionalString('transactionId'),
    offsetMsgId: fields.optionalString('offsetMsgId'),
  };
}

/** Header fields to send; null ones are left out. */
export function encodeCheckTransactionStateRequest(request: CheckTransactionStateRequest): ExtFields {
  return { ...request };
}
