/**
 * Planted bugs: mistakes that somebody could make in the broker, each put in from outside for the length of one seed: another disk for a
 * thread, other data for it, or another method on one of production's classes. Production has no switch for any of them. That the seeds
 * find each is how we know that the checkers look.
 */
import type { PlantedParts } from '../production-threads.ts';

export type PlantedBug = {
  readonly name: string;
  /** What is wrong, in a few words. */
  readonly what: string;
  readonly parts?: PlantedParts;
  /** Changes methods of production's classes; gives what changes them back. */
  readonly patch?: () => () => void;
};

/** Replaces a method, and gives what puts it back. */
export function replaced<T extends object, K extends keyof T>(target: T, name: K, make: (former: T[K]) => T[K]): () => void {
  const former = target[name];
  target[name] = make(former);
  return () => {
    target[name] = former;
  };
}

export const plantedBugs: readonly PlantedBug[] = [];
