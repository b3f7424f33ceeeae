/**
 * Record memory: bytes for the records of one piece that goes to the log, used again for each piece. Pure; bounded: a record for which there is
 * no room gets memory of its own.
 */

const BYTES = 128 * 1024;

export class RecordMemory {
  #memory: Uint8Array | null = null;
  #used = 0;
  /** Where the room that was given last begins. */
  at = 0;

  /** Memory with room for a record of this size, from `at` on. */
  room(size: number): Uint8Array {
    if (this.#used + size > BYTES) {
      this.at = 0;
      return new Uint8Array(size);
    }
    this.#memory ??= new Uint8Array(BYTES);
    this.at = this.#used;
    this.#used += size;
    return this.#memory;
  }

  /** The log has copied what it was given. */
  clear(): void {
    this.#used = 0;
  }
}
