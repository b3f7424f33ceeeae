/**
 * What the timing wheel is made of and how much of it there may be. Types only.
 */
import type { Place } from '../message/record-source.ts';
import type { QueueTable } from '../queue/queue-table.ts';
import type { WheelCounts } from './wheel-counts.ts';
import type { DeliveryParts } from './wheel-delivery.ts';
import type { WindowLimits } from './wheel-window.ts';

export type WheelParts = Pick<DeliveryParts, 'topics' | 'append' | 'rollAfterMs'> & {
  readonly table: QueueTable;
  /** End of what readers see of the log. */
  readonly visibleEnd: () => number;
  /** The records at these places, in the log's order, those that are no more left out; null: ask again. Calls back at once or later. */
  readonly view: (places: readonly Place[], onRecords: (records: Uint8Array | null) => void) => void;
  /** From now on `arrived` is told when something comes to the queue. */
  readonly watch: (handle: number) => void;
  /** The parsed table as it was saved last; null: there is none. Throws when it cannot be read. */
  readonly load: () => unknown;
  /** The bytes of a Java broker's timercheck; null: there is none. */
  readonly loadJavaCheck: () => Uint8Array | null;
  readonly sync: boolean;
  readonly saveEveryMs: number;
  readonly reader: string;
  readonly files: string;
  readonly store?: string;
  /** Written by the wheel, read by who counts for the metrics. */
  readonly counts: WheelCounts;
  readonly limits?: WheelLimits;
};

export type WheelLimits = WindowLimits & {
  /** Units that are in no file. */
  readonly indexLeast: number;
};
