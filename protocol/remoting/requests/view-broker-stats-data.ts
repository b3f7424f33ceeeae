/**
 * VIEW_BROKER_STATS_DATA (315): one item of the broker's statistics (bodies/broker-stats-data.ts).
 * Decoding fails with a FieldError that names the field.
 * Source: RocketMQ 5.3 `ViewBrokerStatsDataRequestHeader`.
 */
import type { ExtFields } from '../command.ts';
import { FieldReader } from '../field-reader.ts';

/** Its header fields. */
export type ViewBrokerStatsDataRequest = {
  /** TOPIC_PUT_NUMS and the like. */
  readonly statsName: string;
  /** A topic, `topic@group`, a cluster. */
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
