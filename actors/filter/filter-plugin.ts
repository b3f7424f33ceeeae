/**
 * What the author of a filter plugin writes and is given. Types only: a plugin imports them with `import type` and nothing else of this package.
 * See docs/plugins.md.
 */

/** One message, as it lies in the log. Valid during the call it was given to: keep what you need of it, not the message. */
export interface FilterMessage {
  readonly topic: string;
  readonly queueId: number;
  /** In the queue. */
  readonly offset: number;
  readonly tags: string | undefined;
  /** In the order they were given in. */
  readonly keys: readonly string[];
  /** All properties, the system's own (`TAGS`, `KEYS`, `UNIQ_KEY` …) included; an object without a prototype. Made when first read. */
  readonly properties: Readonly<Record<string, string>>;
  /** One property: dearer than `properties` only when many are asked for. */
  property(name: string): string | undefined;
  readonly bodyBytes: number;
  /** A copy, made when read: as it was sent, compressed if `isCompressed`. */
  readonly body: Uint8Array;
  /** The body as UTF-8. */
  readonly text: string;
  readonly isCompressed: boolean;
  /** Milliseconds since 1970. */
  readonly bornAt: number;
  readonly storedAt: number;
  /** Times that the message was given back for another try. */
  readonly reconsumeTimes: number;
}

/** For whom the message is. One object a group, the same from call to call. */
export interface FilterContext {
  /** The consumer group that pulls. */
  readonly group: string;
  /** The plugin's name: its file's name without the extension. */
  readonly plugin: string;
}

/** What becomes of the messages while a plugin that has failed too often is parked: given to all, or held back until its file is replaced. */
export type ParkPolicy = 'pass' | 'hold';

/** A filter. Its file exports it as `default`; a function alone is one, too. */
export interface FilterPlugin {
  /** Shown by tools. */
  readonly description?: string;
  /** Default: `pluginPolicy` of the broker. */
  readonly whenParked?: ParkPolicy;
  /** Runs once, before the first message; the version before goes on until it has ended, within 5 s. */
  readonly start?: () => void | Promise<void>;
  /** True: the group is given the message; false: not. Anything else, a promise too, is a fault. May take `pluginCallMs` at most. */
  filter(message: FilterMessage, context: FilterContext): boolean;
}
