/**
 * Planted bug: a mistake that somebody could make in the broker, put in from outside for the length of one seed: another disk for a
 * thread, other data for it, or another method on one of production's classes. Production has no switch for any of them.
 */
import type { PlantedParts } from '../production-threads.ts';

export type PlantedBug = {
  readonly name: string;
  /** What is wrong, in a few words. */
  readonly what: string;
  readonly parts?: PlantedParts | undefined;
  /** It is one of transactions, which worlds have only when they are asked to. */
  readonly transactions?: boolean;
  /** Changes methods of production's classes; gives what changes them back. */
  readonly patch?: () => () => void;
};
