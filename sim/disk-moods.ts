/**
 * Disk moods: how the simulated disk treats each call, from the scenario and a seed of its own: how long it takes, whether it fails,
 * whether its thread or the process dies in it. Once healed, calls are short and work.
 */
import type { SeededRandom } from '../runtime/random.ts';
import type { DiskCall } from '../storage/errors.ts';
import type { CrashKind, Scenario } from './scenario.ts';
import type { CallFate, DiskFates } from './thread-disk.ts';

const GOOD: CallFate = { latencyMs: 0, errno: null, doneBytes: 0, death: 'none' };
/** Of 1000 syncs, those that take long. */
const SLOW_SYNCS_PER_1000 = 5;
const SLOW_SYNC_MS = 400;
/** A crash waits for one of these. */
const CHANGING: ReadonlySet<DiskCall> = new Set(['write', 'sync', 'truncate', 'rename', 'remove', 'sync-directory', 'open']);

export class DiskMoods implements DiskFates {
  readonly #scenario: Scenario;
  readonly #random: SeededRandom;
  readonly #onStill: (ms: number) => void;
  readonly #onDeath: () => void;
  #isHealed = false;
  /** Syncs of the log so far, in all lives. */
  #syncs = 0;
  #isLogFull = false;
  #armed: { readonly kind: CrashKind; calls: number } | null = null;

  /** @param onStill hears of calls that take long */
  constructor(scenario: Scenario, random: SeededRandom, onStill: (ms: number) => void, onDeath: () => void) {
    this.#scenario = scenario;
    this.#random = random;
    this.#onStill = onStill;
    this.#onDeath = onDeath;
  }

  /** No write of the log finds room, or it does again. */
  setLogFull(isFull: boolean): void {
    this.#isLogFull = isFull;
  }

  heal(): void {
    this.#isHealed = true;
    this.#isLogFull = false;
    this.#armed = null;
  }

  /** The process ends in the changing call number `calls` from now on. */
  armCrash(kind: CrashKind, calls: number): void {
    if (!this.#isHealed) this.#armed = { kind, calls };
  }

  /** The kind of the crash that has just come. */
  takeCrash(): CrashKind {
    const kind = this.#armed?.kind ?? 'kill';
    this.#armed = null;
    // An orderly stop does not begin in the middle of a call.
    return kind === 'stop' ? 'kill' : kind;
  }

  processDies(): void {
    this.#onDeath();
  }

  /** Whether a thread dies where it makes no call. */
  diesAtProbe(): boolean {
    return !this.#isHealed && this.#random.next() * 10_000 < this.#scenario.threadDeathsPer10000;
  }

  fateOf(thread: string, call: DiskCall, path: string, bytes: number): CallFate {
    const random = this.#random;
    if (this.#isHealed) return GOOD;
    const { syncMs, writeMs, threadDeathsPer10000, diskErrorsPer10000 } = this.#scenario;
    let latencyMs = 0;
    if (call === 'sync') latencyMs = random.next() * (random.next() * 1000 < SLOW_SYNCS_PER_1000 ? SLOW_SYNC_MS : syncMs);
    else if (writeMs > 0 && CHANGING.has(call) && random.below(4) === 0) latencyMs = random.next() * writeMs;
    if (latencyMs > 1) this.#onStill(latencyMs);
    // Of a sync: whether it failed before its thread died.
    const doneBytes = bytes > 0 ? random.below(bytes + 1) : call === 'sync' ? random.below(2) : 0;
    const armed = this.#armed;
    if (armed !== null && CHANGING.has(call) && armed.calls-- <= 0) return { latencyMs, errno: null, doneBytes, death: 'process' };
    if (this.#isLogFull && thread === 'log' && call === 'write') return { latencyMs, errno: 'ENOSPC', doneBytes, death: 'none' };
    if (thread === 'sync' && call === 'sync' && this.#syncs++ === this.#scenario.failedSync)
      return { latencyMs, errno: 'EIO', doneBytes: 0, death: 'none' };
    const luck = random.next() * 10_000;
    const mayDie = !thread.startsWith('shard');
    if (mayDie && luck < threadDeathsPer10000) return { latencyMs, errno: null, doneBytes, death: 'thread' };
    if (luck > 10_000 - diskErrorsPer10000) {
      const errno = errnoOf(call, path, random);
      if (errno !== null) return { latencyMs, errno, doneBytes: errno === 'EIO' && random.below(2) === 0 ? 0 : doneBytes, death: 'none' };
    }
    return latencyMs === 0 ? GOOD : { latencyMs, errno: null, doneBytes: 0, death: 'none' };
  }
}

/** What a call may fail with; null: it does not. */
function errnoOf(call: DiskCall, path: string, random: SeededRandom): string | null {
  switch (call) {
    case 'write':
      return random.below(3) > 0 ? 'ENOSPC' : random.below(2) === 0 ? 'EINTR' : 'EIO';
    case 'sync':
    case 'sync-directory':
      return 'EIO';
    case 'rename':
      return path.includes('/config/') ? 'ENOSPC' : 'EIO';
    default:
      return null;
  }
}
