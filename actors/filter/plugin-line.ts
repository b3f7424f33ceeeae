/**
 * Plugin line: who waits, without records, for room at a filter plugin, in the order of their coming; each with its own deadline. One a door. Cannot
 * fail; bounded by those who ask, each of whom waits once.
 */

/** Runs once: the plugins are ready, or the deadline (monotonic ms) has passed. */
export type Waiter = { readonly plugins: readonly string[]; readonly deadlineMs: number; readonly run: (isReady: boolean) => void };

export class PluginLine {
  /** By the plugin that they wait for. */
  readonly #line: Map<string, Waiter[]> = new Map();

  get isEmpty(): boolean {
    return this.#line.size === 0;
  }

  /** Plugins that somebody waits for. */
  names(): string[] {
    return [...this.#line.keys()];
  }

  add(name: string, waiter: Waiter): void {
    const line = this.#line.get(name);
    if (line === undefined) this.#line.set(name, [waiter]);
    else line.push(waiter);
  }

  /** Takes the first ones, as many as there is room for. */
  take(name: string, room: number): Waiter[] {
    const line = this.#line.get(name);
    if (line === undefined) return [];
    const taken = line.splice(0, room);
    if (line.length === 0) this.#line.delete(name);
    return taken;
  }

  /** Takes those whose time is over. */
  takeLate(name: string, nowMs: number): Waiter[] {
    const line = this.#line.get(name) ?? [];
    const late = line.filter((waiter) => waiter.deadlineMs <= nowMs);
    if (late.length === 0) return late;
    const left = line.filter((waiter) => waiter.deadlineMs > nowMs);
    if (left.length === 0) this.#line.delete(name);
    else this.#line.set(name, left);
    return late;
  }
}
