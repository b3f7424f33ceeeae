/**
 * Recalled timers: which messages were taken back, by topic and unique key, from the moment when the word comes to its turn until the
 * last message that it may mean has passed. Pure. A word comes to its turn before the messages of its second, so this is small:
 * it holds what was recalled within about two seconds. A word means messages of the topic that it was sent to, and of no other.
 * Source: RocketMQ 5.4 `TimerMessageStore.buildDeleteKey`, `TimerDequeueGetService`.
 */

type Recall = { readonly name: string; readonly untilMs: number };

export class RecalledTimers {
  /** How many words hold each name. */
  readonly #names: Map<string, number> = new Map();
  #order: Recall[] = [];
  #at = 0;

  get size(): number {
    return this.#names.size;
  }

  /** @param untilMs no message behind it is meant */
  add(name: string, untilMs: number): void {
    this.#names.set(name, (this.#names.get(name) ?? 0) + 1);
    this.#order.push({ name, untilMs });
  }

  /** A message of this topic and unique key. */
  has(topic: string, uniqueKey: string): boolean {
    return this.#names.size > 0 && this.#names.has(recallName(topic, uniqueKey));
  }

  /** All that is due up to `ms` has passed. */
  forget(ms: number): void {
    for (; this.#at < this.#order.length && this.#order[this.#at]!.untilMs < ms; this.#at++) {
      const { name } = this.#order[this.#at]!;
      const held = this.#names.get(name)! - 1;
      if (held === 0) this.#names.delete(name);
      else this.#names.set(name, held);
    }
    if (this.#at < 1024 && this.#at < this.#order.length) return;
    this.#order = this.#order.slice(this.#at);
    this.#at = 0;
  }
}

/** What is taken back. @param word the unique key, or the topic, a plus and that: the two forms of TIMER_DEL_UNIQKEY */
export function recallName(topic: string, word: string): string {
  const prefix = `${topic}+`;
  return word.startsWith(prefix) ? word : prefix + word;
}
