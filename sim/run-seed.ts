/**
 * Runs one seed: its scenario, its world, all workloads that the scenario has. The same seed gives the same trace.
 */
import type { PlantedBug } from './planted/planted-bug.ts';
import { type Scenario, scenarioOf } from './scenario.ts';
import { Assignments } from './workloads/assignments.ts';
import { Filters } from './workloads/filters.ts';
import { Messages } from './workloads/messages.ts';
import { Offsets } from './workloads/offsets.ts';
import { Pops } from './workloads/pops.ts';
import { Recalls } from './workloads/recalls.ts';
import { Requests } from './workloads/requests.ts';
import { Resumes } from './workloads/resumes.ts';
import { Retries } from './workloads/retries.ts';
import { Transactions } from './workloads/transactions.ts';
import { World, type WorldResult } from './world.ts';

export type SeedOptions = {
  readonly bug?: PlantedBug | null;
  /** Changes of the seed's scenario. */
  readonly scenario?: Partial<Scenario>;
  readonly onTrace?: (atMs: number, text: string) => void;
};

export async function runSeed(seed: number, options: SeedOptions = {}): Promise<WorldResult> {
  const { bug } = options;
  const world = new World({ ...scenarioOf(seed), ...options.scenario }, bug?.parts);
  world.time.onTrace = options.onTrace ?? null;
  world.workloads.push(new Messages(world));
  if (world.scenario.offsets) world.workloads.push(new Offsets(world));
  if (world.scenario.retries) world.workloads.push(new Retries(world));
  if (world.scenario.pops) world.workloads.push(new Pops(world));
  if (world.scenario.filters) world.workloads.push(new Filters(world));
  if (world.scenario.recalls) world.workloads.push(new Recalls(world));
  if (world.scenario.transactions) {
    const transactions = new Transactions(world);
    world.workloads.push(transactions);
    if (world.scenario.resumes) world.workloads.push(new Resumes(world, transactions));
  }
  if (world.scenario.requests) world.workloads.push(new Requests(world));
  if (world.scenario.assignments) world.workloads.push(new Assignments(world));
  const undo = bug?.patch?.();
  try {
    return await world.run();
  } finally {
    undo?.();
  }
}
