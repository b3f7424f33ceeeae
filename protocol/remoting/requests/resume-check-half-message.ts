/**
 * RESUME_CHECK_HALF_MESSAGE (323): a half message that was given up is to be asked about anew; `msgId` is the offset message id under which it
 * lies in TRANS_CHECK_MAX_TIME_TOPIC. Decoding fails with a FieldError that names the field.
 * Source: RocketMQ 5.4 `ResumeCheckHalfMessageRequestHeader`.
 */
import type { ExtFields } from '../command.ts';
import { FieldReader } from '../field-reader.ts';

/** Its header fields; null: not sent. */
export type ResumeCheckHalfMessageRequest = { readonly topic: string | null; readonly msgId: string | null };

export function decodeResumeCheckHalfMessageRequest(ext: ReadonlyMap<string, string>): ResumeCheckHalfMessageRequest {
  const fields = new FieldReader(ext);
  return { topic: fields.optionalString('topic'), msgId: fields.optionalString('msgId') };
}

/** Header fields to send; null ones are left out. */
export function encodeResumeCheckHalfMessageRequest(request: ResumeCheckHalfMessageRequest): ExtFields {
  return { ...request };
}
