/** Planted bugs: all of them. That seeds find each is how we know that the checkers look. */
import { diskBugs } from './disk-bugs.ts';
import { kindBugs } from './kind-bugs.ts';
import { methodBugs } from './method-bugs.ts';
import type { PlantedBug } from './planted-bug.ts';

export const plantedBugs: readonly PlantedBug[] = [...diskBugs, ...methodBugs, ...kindBugs];
