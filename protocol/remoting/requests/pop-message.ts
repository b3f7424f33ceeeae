/**
 * POP_MESSAGE (200050): messages that nobody else of the group gets until they are acknowledged or their invisible time is over.
 * Decoding fails with a FieldError that names the field.
 * Source: RocketMQ 5.3 `PopMessageRequestHeader`, `PopMessageResponseHeader`.
 */
import type { ExtFields } from '../command.ts';
import { FieldReader } from '../field-reader.ts';

/** Its header fields; null: not sent. Times in ms; `queueId` −1: any queue; `initMode` 0: a new group begins at the first message, 1: at the last. */
export type PopMessageRequest = {
  readonly consumerGroup: string;
  readonly topic: string;
  readonly queueId: number;
  readonly maxMsgNums: number;
  readonly invisibleTime: number;
  readonly pollTime: number;
  readonly bornTime: number;
  readonly initMode: number;
  readonly expType: string | null;
  readonly exp: string | null;
  readonly order: boolean;
  readonly attemptId: string | null;
};

export function decodePopMessageRequest(ext: ReadonlyMap<string, string>): PopMessageRequest {
  const fields = new FieldReader(ext);
  return {
    consumerGroup: fields.string('consumerGroup'),
    topic: fields.string('topic'),
    queueId: fields.int('queueId'),
    maxMsgNums: fields.int('maxMsgNums'),
    invisibleTime: fields.time('invisibleTime'),
    pollTime: fields.time('pollTime'),
    bornTime: fields.time('bornTime'),
    initMode: fields.int('initMode'),
    expType: fields.optionalString('expType'),
    exp: fields.optionalString('exp'),
    order: fields.optionalBoolean('order') ?? false,
    attemptId: fields.optionalString('attemptId'),
  };
}

/** Header fields to send; null ones are left out. */
export function encodePopMessageRequest(request: PopMessageRequest): ExtFields {
  return { ...request };
}

/** The header fields of its answer; null: not sent. */
export type PopMessageResponse = {
  readonly popTime: number;
  readonly invisibleTime: number;
  readonly reviveQid: number;
  readonly restNum: number;
  readonly startOffsetInfo: string | null;
  readonly msgOffsetInfo: string | null;
  readonly orderCountInfo: string | null;
};

export function decodePopMessageResponse(ext: ReadonlyMap<string, string>): PopMessageResponse {
  const fields = new FieldReader(ext);
  return {
    popTime: fields.time('popTime'),
    invisibleTime: fields.time('invisibleTime'),
    reviveQid: fields.int('reviveQid'),
    restNum: fields.long('restNum'),
    startOffsetInfo: fields.optionalString('startOffsetInfo'),
    msgOffsetInfo: fields.optionalString('msgOffsetInfo'),
    orderCountInfo: fields.optionalString('orderCountInfo'),
  };
}

export function encodePopMessageResponse(response: PopMessageResponse): ExtFields {
  return { ...response };
}
