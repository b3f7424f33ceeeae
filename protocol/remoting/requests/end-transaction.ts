/**
 * END_TRANSACTION (37): commits (8) or rolls back (12) a half message; 0: not known yet.
 * Decoding fails with a FieldError that names the field.
 * Source: RocketMQ 5.3 `EndTransactionRequestHeader`.
 */
import type { ExtFields } from '../command.ts';
import { FieldReader } from '../field-reader.ts';

/** Its header fields; null: not sent. */
export type EndTransactionRequest = {
  readonly producerGroup: string;
  readonly tranStateTableOffset: number;
  readonly commitLogOffset: number;
  readonly commitOrRollback: number;
  readonly msgId: string;
  readonly topic: string | null;
  readonly fromTransactionCheck: boolean;
  readonly transactionId: string | null;
};

export function decodeEndTransactionRequest(ext: ReadonlyMap<string, string>): EndTransactionRequest {
  const fields = new FieldReader(ext);
  return {
    producerGroup: fields.string('producerGroup'),
    tranStateTableOffset: fields.long('tranStateTableOffset'),
    commitLogOffset: fields.long('commitLogOffset'),
    commitOrRollback: fields.int('commitOrRollback'),
    msgId: fields.string('msgId'),
    topic: fields.optionalString('topic'),
    fromTransactionCheck: fields.optionalBoolean('fromTransactionCheck') ?? false,
    transactionId: fields.optionalString('transactionId'),
  };
}

/** Header fields to send; null ones are left out. */
export function encodeEndTransactionRequest(request: EndTransactionRequest): ExtFields {
  return { ...request };
}
