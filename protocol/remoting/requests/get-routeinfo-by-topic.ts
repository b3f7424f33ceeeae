/**
 * GET_ROUTEINFO_BY_TOPIC (105): where a topic lives (bodies/topic-route.ts).
 * Decoding fails with a FieldError that names the field.
 * Source: RocketMQ 5.3 `GetRouteInfoRequestHeader`.
 */
import type { ExtFields } from '../command.ts';
import { FieldReader } from '../field-reader.ts';

/** Its header fields; null: not sent. */
export type GetRouteinfoByTopicRequest = {
  readonly topic: string;
  readonly acceptStandardJsonOnly: boolean | null;
};

export function decodeGetRouteinfoByTopicRequest(ext: ReadonlyMap<string, string>): GetRouteinfoByTopicRequest {
  const fields = new FieldReader(ext);
  return {
    topic: fields.string('topic'),
    acceptStandardJsonOnly: fields.optionalBoolean('acceptStandardJsonOnly'),
  };
}

/** Header fields to send; null ones are left out. */
export function encodeGetRouteinfoByTopicRequest(request: GetRouteinfoByTopicRequest): ExtFields {
  return { ...request };
}
