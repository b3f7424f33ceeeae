/**
 * What consumer groups were given, by topic: counted a pull, not a message, and told to the broker's statistics a second later. Owns the
 * counts that are not told yet; a shard that dies takes those of one second with it. Bounded: more groups and topics than that in one
 * second are not told apart, and not counted.
 * Source: RocketMQ 5.3 `BrokerStatsManager.incGroupGetNums`.
 */
import type { ThreadContext } from '../../runtime/thread/thread-context.ts';
import { BROKER_STATS_PATH } from '../broker/actor-paths.ts';
import type { GroupsPulled } from '../broker-stats/broker-stats-actor.ts';

const TELL_AFTER_MS = 1_000;
const ROWS_MAX = 16_384;
/** Rows of one message: it has to fit a ring record. */
const ROWS_A_MESSAGE = 64;

type Row = { readonly topic: string; readonly group: string; messages: number; pulls: number };

export class PullCounts {
  readonly #thread: ThreadContext;
  readonly #rows: Map<string, Map<string, Row>> = new Map();
  #count = 0;
  #isScheduled = false;

  constructor(thread: ThreadContext) {
    this.#thread = thread;
  }

  /** One pull of `group` was answered with so many messages of `topic`. */
  add(topic: string, group: string, messages: number): void {
    const row = this.#rows.get(group)?.get(topic) ?? this.#row(topic, group);
    if (row === null) return;
    row.messages += messages;
    row.pulls++;
  }

  #row(topic: string, group: string): Row | null {
    if (!this.#isScheduled) {
      this.#isScheduled = true;
      this.#thread.schedule(TELL_AFTER_MS, () => this.#tell());
    }
    if (this.#count === ROWS_MAX) return null;
    let rows = this.#rows.get(group);
    if (rows === undefined) {
      rows = new Map();
      this.#rows.set(group, rows);
    }
    const row: Row = { topic, group, messages: 0, pulls: 0 };
    rows.set(topic, row);
    this.#count++;
    return row;
  }

  #tell(): void {
    this.#isScheduled = false;
    const rows = [...this.#rows.values()].flatMap((byTopic) => [...byTopic.values()]);
    this.#rows.clear();
    this.#count = 0;
    const stats = this.#thread.ref<GroupsPulled>(BROKER_STATS_PATH);
    for (let from = 0; from < rows.length; from += ROWS_A_MESSAGE) {
      const part = rows.slice(from, from + ROWS_A_MESSAGE);
      stats.tell({
        kind: 'groups-pulled',
        topics: part.map((row) => row.topic),
        groups: part.map((row) => row.group),
        messages: part.map((row) => row.messages),
        pulls: part.map((row) => row.pulls),
      });
    }
  }
}
