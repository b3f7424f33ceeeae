/**
 * Answer of VIEW_BROKER_STATS_DATA (315): what was counted in the last minute, hour and day. Source: RocketMQ 5.3 `BrokerStatsData`.
 */
import { bodyObject } from './body-reader.ts';
import { jsonBody } from './json-writer.ts';

const SPANS = ['statsMinute', 'statsHour', 'statsDay'] as const;

/** @param spans sum, a second, and at a time, of minute, hour and day: nine numbers */
export function encodeBrokerStatsData(spans: readonly number[]): Uint8Array {
  const [minute, hour, day] = SPANS.map((_, index) => ({
    avgpt: spans[index * 3 + 2]!,
    sum: spans[index * 3]!,
    tps: spans[index * 3 + 1]!,
  }));
  return jsonBody({ statsDay: day, statsHour: hour, statsMinute: minute });
}

/** The nine numbers. */
export function decodeBrokerStatsData(bytes: Uint8Array): number[] {
  const reader = bodyObject(bytes, 'a BrokerStatsData');
  return SPANS.flatMap((name) => {
    const span = reader.object(name);
    return span === null ? [0, 0, 0] : [span.double('sum', 0), span.double('tps', 0), span.double('avgpt', 0)];
  });
}
