/**
 * UPDATE_AND_GET_GROUP_FORBIDDEN (353): forbids or allows a group to read a topic, or asks whether it may (bodies/group-answers.ts).
 * Decoding fails with a FieldError that names the field.
 * Source: RocketMQ 5.3 `UpdateGroupForbiddenRequestHeader`.
 */
import type { ExtFields } from '../command.ts';
import { FieldReader } from '../field-reader.ts';

/** Its header fields; null: not sent. */
export type UpdateAndGetGroupForbiddenRequest = {
  readonly group: string;
  readonly topic: string;
  readonly readable: boolean | null;
};

export function decodeUpdateAndGetGroupForbiddenRequest(ext: ReadonlyMap<string, string>): UpdateAndGetGroupForbiddenRequest {
  const fields = new FieldReader(ext);
  return {
    group: fields.string('group'),
    topic: fields.string('topic'),
    readable: fields.optionalBoolean('readable'),
  };
}

/** Header fields to send; null ones are left out. */
export function encodeUpdateAndGetGroupForbiddenRequest(request: UpdateAndGetGroupForbiddenRequest): ExtFields {
  return { ...request };
}
