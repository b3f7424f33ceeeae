/** The machine that figures were taken on, in one line: processor, cores, Node. Owns nothing. */
import { availableParallelism, cpus } from 'node:os';

export function machineName(): string {
  return `${cpus()[0]?.model.trim() ?? 'unknown CPU'}, ${availableParallelism()} cores, Node ${process.versions.node}`;
}
