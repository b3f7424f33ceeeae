/**
 * What may be done with a topic's queues. Source: RocketMQ `PermName`.
 */

export const PERM_INHERIT = 1;
export const PERM_WRITE = 2;
export const PERM_READ = 4;
export const PERM_PRIORITY = 8;
export const PERM_READ_WRITE = 6;

export function isReadable(perm: number): boolean {
  return (perm & PERM_READ) !== 0;
}

export function isWriteable(perm: number): boolean {
  return (perm & PERM_WRITE) !== 0;
}

/** True when topics may be created after this one. */
export function isInherited(perm: number): boolean {
  return (perm & PERM_INHERIT) !== 0;
}

/** True for values that a topic may have: no bit that means nothing. */
export function isPermissionValid(perm: number): boolean {
  return Number.isInteger(perm) && perm >= 0 && perm < 16;
}
