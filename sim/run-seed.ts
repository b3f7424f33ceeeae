/**
 * Runs one seed: its scenario, its world, all workloads that the scenario has. The same seed gives the same trace.
 */
import type { PlantedParts } from './production-threads.ts';
import { type Scenario, scenarioOf } from './scenario.ts';
import { Messages } from './workloads/messages.ts';
import { Offsets } from './workloads/offsets.ts';
import { World, type WorldResult } from './world.ts';

export type SeedOptions = {
  readonly planted?: PlantedParts;
  /** Changes of the seed's scenario. */
  readonly scenario?: Partial<Scenario>;
  readonly onTrace?: (atMs: number, text: string) => void;
};

export async function runSeed(seed: number, options: SeedOptions = {}): Promise<WorldResult> {
  const world = new World({ ...scenarioOf(seed), ...options.scenario }, options.planted);
  world.time.onTrace = options.onTrace ?? null;
  world.workloads.push(new Messages(world));
  if (world.scenario.offsets) world.workloads.push(new Offsets(world));
  return await world.run();
}
