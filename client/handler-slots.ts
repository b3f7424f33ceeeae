/**
 * How many handlers run at once: a job that finds no slot waits, first come first served. Bounded by what the queues hold. While it is paused,
 * no job begins. Pure but for the promises.
 */
export class HandlerSlots {
  readonly #slotsMax: number;
  #waiting: (() => void)[] = [];
  #first = 0;
  #running = 0;
  #isPaused = false;
  #idle: (() => void)[] = [];

  constructor(slotsMax: number) {
    this.#slotsMax = slotsMax;
  }

  get running(): number {
    return this.#running;
  }

  /** Resolves when there is a slot; `leave` gives it back. */
  enter(): Promise<void> {
    if (!this.#isPaused && this.#running < this.#slotsMax && this.#first === this.#waiting.length) {
      this.#running++;
      return Promise.resolve();
    }
    return new Promise((resolve) => this.#waiting.push(resolve));
  }

  leave(): void {
    this.#running--;
    this.#admit();
    if (this.#running > 0) return;
    const idle = this.#idle;
    this.#idle = [];
    for (const resolve of idle) resolve();
  }

  pause(): void {
    this.#isPaused = true;
  }

  resume(): void {
    this.#isPaused = false;
    this.#admit();
  }

  /** Resolves when no handler runs. */
  idle(): Promise<void> {
    return this.#running === 0 ? Promise.resolve() : new Promise((resolve) => this.#idle.push(resolve));
  }

  #admit(): void {
    while (!this.#isPaused && this.#running < this.#slotsMax && this.#first < this.#waiting.length) {
      const next = this.#waiting[this.#first++];
      if (this.#first === this.#waiting.length) {
        this.#waiting = [];
        this.#first = 0;
      }
      this.#running++;
      next?.();
    }
  }
}
