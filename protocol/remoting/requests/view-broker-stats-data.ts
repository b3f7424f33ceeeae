/**
 * VIEW_BROKER_STATS_DATA (315): one of a broker's statistics.
 * Decoding fails with a FieldError that names the field.
 * Source: RocketMQ 5.3 `ViewBrokerStatsDataRequestHeader`.
 */
import type { ExtFields } from '../command.ts';
import { FieldReader } from '../field-reader.ts';

/** Its header fields. */
export type ViewBrokerStatsDataRequest = {
  readonly statsName: string;
  readonly statsKey: string;
};

export function decodeViewBrokerStatsDataRequest(ext: ReadonlyMap<string, string>): ViewBrokerStatsDataRequest {
  const fields = new FieldReader(ext);
  return {
    statsName: fields.string('statsName'),
    statsKey: fields.string('statsKey'),
  };
}

/** Header fields to send; null ones are left out. */
export function encodeViewBrokerStatsDataRequest(request: ViewBrokerStatsDataRequest): ExtFields {
  return { ...request };
}
