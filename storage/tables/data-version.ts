/**
 * A table's version: clients and slaves compare it to see whether they have the newest. Pure.
 * Source: RocketMQ 5.3 `DataVersion`.
 */
import { integerOf, objectOf } from './json-value.ts';

export type DataVersion = {
  readonly counter: number;
  readonly stateVersion: number;
  /** Wall clock at the last change, in ms. */
  readonly timestamp: number;
};

export const FIRST_DATA_VERSION: DataVersion = { counter: 0, stateVersion: 0, timestamp: 0 };

/** The version after a change at `nowMs`. */
export function nextVersion(version: DataVersion, nowMs: number): DataVersion {
  return { counter: version.counter + 1, stateVersion: version.stateVersion, timestamp: nowMs };
}

export function dataVersionOf(value: unknown): DataVersion {
  const object = objectOf(value);
  if (object === null) return FIRST_DATA_VERSION;
  return {
    counter: integerOf(object['counter'], 0),
    stateVersion: integerOf(object['stateVersion'], 0),
    timestamp: integerOf(object['timestamp'], 0),
  };
}
