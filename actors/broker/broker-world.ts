/**
 * Broker world: what of its surroundings a broker's threads use beside the runtime: a disk, a listener for sockets, the process's number.
 * A thread's `main` is given it, and in production its parts are those of this machine; a simulation gives its own, and says what the
 * root is to use. No thread keeps state here.
 */
import type { Machine } from '../../runtime/machine.ts';
import type { Disk } from '../../storage/file.ts';
import { NodeDisk } from '../../storage/node-disk.ts';
import type { allocateBrokerMemory } from './broker-memory.ts';

/** What a thread that stores or reads has. */
export type ThreadWorld = {
  readonly disk: Disk;
  readonly processId: number;
};

/** What the root has; absent: this machine, and memory of the usual size. */
export type RootWorld = {
  readonly machine: Machine;
  readonly disk: Disk;
  readonly allocateMemory: typeof allocateBrokerMemory;
  /** Of each ring between two threads. */
  readonly ringBytes: number;
};

/** This machine, for a thread that is just starting. */
export function thisWorld(): ThreadWorld {
  return { disk: new NodeDisk(), processId: process.pid };
}
