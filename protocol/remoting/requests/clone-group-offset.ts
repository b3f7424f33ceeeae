/**
 * CLONE_GROUP_OFFSET (314): one group goes on where another is.
 * Decoding fails with a FieldError that names the field.
 * Source: RocketMQ 5.3 `CloneGroupOffsetRequestHeader`.
 */
import type { ExtFields } from '../command.ts';
import { FieldReader } from '../field-reader.ts';

/** Its header fields; null: not sent. */
export type CloneGroupOffsetRequest = {
  readonly srcGroup: string;
  readonly destGroup: string;
  readonly topic: string | null;
  readonly offline: boolean;
};

export function decodeCloneGroupOffsetRequest(ext: ReadonlyMap<string, string>): CloneGroupOffsetRequest {
  const fields = new FieldReader(ext);
  return {
    srcGroup: fields.string('srcGroup'),
    destGroup: fields.string('destGroup'),
    topic: fields.optionalString('topic'),
    offline: fields.boolean('offline'),
  };
}

/** Header fields to send; null ones are left out. */
export function encodeCloneGroupOffsetRequest(request: CloneGroupOffsetRequest): ExtFields {
  return { ...request };
}
