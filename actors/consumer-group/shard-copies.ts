/**
 * Which shards have which revision of what one actor copies to all of them. Pure. A shard that took no message or lost one is
 * `stale` and must be sent everything; until it has confirmed that it is `syncing`, and then `good`.
 */

type Copy = { phase: 'good' | 'stale' | 'syncing'; acked: number; sentWhole: number; sentMs: number; isLost: boolean };

/** A full sending that is not confirmed by then is sent again. */
const CONFIRM_MS = 1_000;

export class ShardCopies {
  readonly #copies: Map<string, Copy> = new Map();
  #revision: number;

  /**
   * All shards begin as `good`: as empty as the sender.
   * @param revision the first one is the next.
   */
  constructor(shards: readonly string[], revision: number) {
    this.#revision = revision;
    for (const shard of shards) this.#copies.set(shard, { phase: 'good', acked: revision, sentWhole: 0, sentMs: 0, isLost: false });
  }

  get revision(): number {
    return this.#revision;
  }

  next(): number {
    return ++this.#revision;
  }

  /** Shards that take a change as it happens. */
  *current(): IterableIterator<string> {
    for (const [shard, copy] of this.#copies) if (copy.phase !== 'stale') yield shard;
  }

  /** Shards that must be sent everything now. @param now milliseconds that never go back. */
  *due(now: number): IterableIterator<string> {
    for (const [shard, copy] of this.#copies) {
      if (copy.phase === 'stale' || (copy.phase === 'syncing' && now - copy.sentMs >= CONFIRM_MS)) yield shard;
    }
  }

  get isAllGood(): boolean {
    for (const copy of this.#copies.values()) if (copy.phase !== 'good') return false;
    return true;
  }

  /** A message to the shard found no room, or what it has is not what it should have. */
  refused(shard: string): void {
    const copy = this.#copies.get(shard);
    if (copy !== undefined) copy.phase = 'stale';
  }

  allRefused(): void {
    for (const copy of this.#copies.values()) copy.phase = 'stale';
  }

  /** The shard died; nobody waits for it until it says something again. */
  lost(shard: string): void {
    const copy = this.#copies.get(shard);
    if (copy === undefined) return;
    copy.phase = 'stale';
    copy.isLost = true;
  }

  /** Everything as of `revision` was sent to the shard. */
  sentWhole(shard: string, revision: number, now: number): void {
    const copy = this.#copies.get(shard);
    if (copy === undefined) return;
    copy.phase = 'syncing';
    copy.sentWhole = revision;
    copy.sentMs = now;
  }

  /** True: the shard was lost, and is back. */
  acked(shard: string, revision: number): boolean {
    const copy = this.#copies.get(shard);
    if (copy === undefined) return false;
    if (revision > copy.acked) copy.acked = revision;
    if (copy.phase === 'syncing' && copy.acked >= copy.sentWhole) copy.phase = 'good';
    const wasLost = copy.isLost;
    copy.isLost = false;
    return wasLost;
  }

  /** Every shard that lives has `revision`. */
  isEverywhere(revision: number): boolean {
    for (const copy of this.#copies.values()) if (copy.acked < revision && !copy.isLost) return false;
    return true;
  }
}
