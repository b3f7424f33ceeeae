/**
 * PULL_MESSAGE (11), LITE_PULL_MESSAGE (361): messages of a queue from an offset on. A broker reads this header with pull-scanner.ts; this is the client's side and the tests'.
 * Decoding fails with a FieldError that names the field.
 * Source: RocketMQ 5.3 `PullMessageRequestHeader`.
 */
import type { ExtFields } from '../command.ts';
import { FieldReader } from '../field-reader.ts';

/** Its header fields; null: not sent. */
export type PullMessageRequest = {
  readonly consumerGroup: string;
  readonly topic: string;
  readonly queueId: number;
  readonly queueOffset: number;
  readonly maxMsgNums: number;
  readonly sysFlag: number;
  readonly commitOffset: number;
  readonly suspendTimeoutMillis: number;
  readonly subscription: string | null;
  readonly subVersion: number;
  readonly expressionType: string | null;
  readonly maxMsgBytes: number | null;
};

export function decodePullMessageRequest(ext: ReadonlyMap<string, string>): PullMessageRequest {
  const fields = new FieldReader(ext);
  return {
    consumerGroup: fields.string('consumerGroup'),
    topic: fields.string('topic'),
    queueId: fields.int('queueId'),
    queueOffset: fields.long('queueOffset'),
    maxMsgNums: fields.int('maxMsgNums'),
    sysFlag: fields.int('sysFlag'),
    commitOffset: fields.long('commitOffset'),
    suspendTimeoutMillis: fields.time('suspendTimeoutMillis'),
    subscription: fields.optionalString('subscription'),
    subVersion: fields.time('subVersion'),
    expressionType: fields.optionalString('expressionType'),
    maxMsgBytes: fields.optionalInt('maxMsgBytes'),
  };
}

/** Header fields to send; null ones are left out. */
export function encodePullMessageRequest(request: PullMessageRequest): ExtFields {
  return { ...request };
}

/** The header fields of its answer; null: not sent. */
export type PullMessageResponse = {
  readonly suggestWhichBrokerId: number;
  readonly nextBeginOffset: number;
  readonly minOffset: number;
  readonly maxOffset: number;
  readonly offsetDelta: number | null;
  readonly topicSysFlag: number | null;
  readonly groupSysFlag: number | null;
  readonly forbiddenType: number | null;
};

export function decodePullMessageResponse(ext: ReadonlyMap<string, string>): PullMessageResponse {
  const fields = new FieldReader(ext);
  return {
    suggestWhichBrokerId: fields.long('suggestWhichBrokerId'),
    nextBeginOffset: fields.long('nextBeginOffset'),
    minOffset: fields.long('minOffset'),
    maxOffset: fields.long('maxOffset'),
    offsetDelta: fields.optionalLong('offsetDelta'),
    topicSysFlag: fields.optionalInt('topicSysFlag'),
    groupSysFlag: fields.optionalInt('groupSysFlag'),
    forbiddenType: fields.optionalInt('forbiddenType'),
  };
}

export function encodePullMessageResponse(response: PullMessageResponse): ExtFields {
  return { ...response };
}
