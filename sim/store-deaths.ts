/**
 * Deaths between two stores to shared memory: in a world of any step, threads die there too, each at a moment of its own chance. Replaces what
 * sim/probes.ts calls at every store.
 */
import type { BrokerMemory } from '../actors/broker/broker-memory.ts';
import { SeededRandom } from '../runtime/random.ts';
import type { SimulatedMachine } from '../runtime/simulated-machine.ts';
import { probeStoresWith } from './probes.ts';
import type { Scenario } from './scenario.ts';
import { isHalfChanged } from './shared-memory.ts';

/** Stores to shared memory in which a thread dies once, times the deaths of 10 000 calls of the disk. */
const STORES_PER_DEATH = 200_000;
/** Whose turn it is to die there; some more often. */
const DYING_THREADS = ['log', 'log', 'log', 'store', 'store', 'sync', 'reader', 'shard', 'shard'];

export type StoreDeaths = {
  readonly machine: SimulatedMachine;
  /** Of the process that lives now. */
  memory(): BrokerMemory | null;
  /** Nobody dies any more. */
  isHealed(): boolean;
  /** A thread is about to die. */
  dies(name: string): void;
};

/** @param life number of the broker's life: each has its own chance */
export function killBetweenStores({ seed, threadDeathsPer10000, anyStep }: Scenario, life: number, deaths: StoreDeaths): void {
  const { machine } = deaths;
  const random = new SeededRandom(seed ^ (0x7f4a7c15 + life));
  const mean = anyStep && threadDeathsPer10000 > 0 ? STORES_PER_DEATH / threadDeathsPer10000 : Number.POSITIVE_INFINITY;
  const next = (): number => 1 + random.next() * 2 * mean;
  const pick = (): string => DYING_THREADS[random.below(DYING_THREADS.length)]!;
  let whose = pick();
  probeStoresWith({
    left: next(),
    passed() {
      const { current } = machine;
      // The next one of the thread that is meant. What a thread does when it is told to stop is no turn of it.
      if (machine.isDead || current?.state !== 'running' || current.isDying || !current.name.startsWith(whose)) return;
      // Who reads what is half changed looks again and again: others do not go on meanwhile here.
      const memory = deaths.memory();
      if (memory !== null && isHalfChanged(memory)) return;
      this.left = next();
      whose = pick();
      if (deaths.isHealed()) return;
      deaths.dies(current.name);
      machine.dieHere();
    },
  });
}
