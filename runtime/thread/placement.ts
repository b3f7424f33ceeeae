/**
 * Placement (pure): which thread hosts a path. The same answer on every thread and in every generation, without a word between them.
 */
import { RuntimeError } from '../errors.ts';

/** `thread`: all paths with this prefix; `group`: by a stable hash of the whole path over the threads of the group. */
export interface PlacementRule {
  readonly prefix: string;
  readonly thread?: string;
  readonly group?: string;
}

/** The group of threads that join from outside. */
export const GUEST_GROUP = 'guest';

/** A thread's names, in order of index. */
export interface ThreadName {
  readonly name: string;
  readonly group?: string;
}

/** FNV-1a over the UTF-16 units, mixed at the end: the low bits alone depend on few characters. */
export function stableHash(text: string): number {
  let hash = 0x811c9dc5;
  for (let i = 0; i < text.length; i++) hash = Math.imul(hash ^ text.charCodeAt(i), 0x01000193);
  hash = Math.imul(hash ^ (hash >>> 16), 0x85ebca6b);
  hash = Math.imul(hash ^ (hash >>> 13), 0xc2b2ae35);
  return (hash ^ (hash >>> 16)) >>> 0;
}

export class Placement {
  readonly #indexOf: Map<string, number> = new Map();
  readonly #groups: Map<string, number[]> = new Map();
  readonly #rules: { prefix: string; threads: readonly number[] }[] = [];

  /** Throws BAD_PLACEMENT for a rule that names no thread, and BAD_SPEC for two threads of one name. */
  constructor(threads: readonly ThreadName[], rules: readonly PlacementRule[]) {
    threads.forEach((thread, index) => {
      if (!/^[A-Za-z0-9_.-]{1,64}$/.test(thread.name) || this.#indexOf.has(thread.name)) {
        throw new RuntimeError('MQ_RUNTIME_BAD_SPEC', `A thread's name must be unique, 1…64 of A-Z a-z 0-9 _ . -, not '${thread.name}'`, {
          name: thread.name,
        });
      }
      this.#indexOf.set(thread.name, index);
      if (thread.group !== undefined) {
        const members = this.#groups.get(thread.group);
        if (members === undefined) this.#groups.set(thread.group, [index]);
        else members.push(index);
      }
    });
    for (const rule of rules) {
      const threadsOfRule =
        rule.thread !== undefined ? [this.#indexOf.get(rule.thread) ?? -1] : (this.#groups.get(rule.group ?? '') ?? [-1]);
      if (threadsOfRule.includes(-1)) {
        throw new RuntimeError('MQ_RUNTIME_BAD_PLACEMENT', `The placement of '${rule.prefix}' names no thread or group that exists`, {
          prefix: rule.prefix,
        });
      }
      this.#rules.push({ prefix: rule.prefix, threads: threadsOfRule });
    }
    // The longest prefix decides, whatever the order of the rules.
    this.#rules.sort((a, b) => b.prefix.length - a.prefix.length);
  }

  /** Index of the thread that hosts `path`; −1: no rule places it. */
  of(path: string): number {
    const slash = path.indexOf('/');
    if (slash > 0) {
      const index = this.#indexOf.get(path.slice(0, slash));
      if (index !== undefined) return index;
    }
    for (const rule of this.#rules) {
      if (!path.startsWith(rule.prefix)) continue;
      const threads = rule.threads;
      return (threads.length === 1 ? threads[0] : threads[stableHash(path) % threads.length]) as number;
    }
    return -1;
  }

  /** Throws UNKNOWN_THREAD. */
  threadIndex(name: string): number {
    const index = this.#indexOf.get(name);
    if (index === undefined) throw new RuntimeError('MQ_RUNTIME_UNKNOWN_THREAD', `There is no thread '${name}'`, { name });
    return index;
  }

  /** Empty for an unknown group. */
  threadsOf(group: string): readonly number[] {
    return this.#groups.get(group) ?? [];
  }
}
