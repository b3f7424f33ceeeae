/**
 * UPDATE_AND_CREATE_TOPIC (17): makes or changes a topic on one broker. `attributes` is a list such as `+message.type=FIFO,-key`.
 * Decoding fails with a FieldError that names the field.
 * Source: RocketMQ 5.3 `CreateTopicRequestHeader`.
 */
import type { ExtFields } from '../command.ts';
import { FieldReader } from '../field-reader.ts';

/** Its header fields; null: not sent. */
export type UpdateAndCreateTopicRequest = {
  readonly topic: string;
  readonly defaultTopic: string;
  readonly readQueueNums: number;
  readonly writeQueueNums: number;
  readonly perm: number;
  readonly topicFilterType: string;
  readonly topicSysFlag: number | null;
  readonly order: boolean;
  readonly attributes: string | null;
  readonly force: boolean | null;
};

export function decodeUpdateAndCreateTopicRequest(ext: ReadonlyMap<string, string>): UpdateAndCreateTopicRequest {
  const fields = new FieldReader(ext);
  return {
    topic: fields.string('topic'),
    defaultTopic: fields.string('defaultTopic'),
    readQueueNums: fields.int('readQueueNums'),
    writeQueueNums: fields.int('writeQueueNums'),
    perm: fields.int('perm'),
    topicFilterType: fields.string('topicFilterType'),
    topicSysFlag: fields.optionalInt('topicSysFlag'),
    order: fields.optionalBoolean('order') ?? false,
    attributes: fields.optionalString('attributes'),
    force: fields.optionalBoolean('force'),
  };
}

/** Header fields to send; null ones are left out. */
export function encodeUpdateAndCreateTopicRequest(request: UpdateAndCreateTopicRequest): ExtFields {
  return { ...request };
}
