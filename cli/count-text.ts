/** Numbers of things as text. */

/** An integer in groups of three digits. */
export function formatCount(value: number): string {
  return value.toLocaleString('en-US', { maximumFractionDigits: 0 });
}

/** `1 queue`, `1,200 queues`. @param thing one of them; several have an s */
export function counted(value: number, thing: string): string {
  return `${formatCount(value)} ${thing}${value === 1 ? '' : 's'}`;
}

/** `1 member of "billing" is on line`, `2 members … are on line`. */
export function membersOnLine(count: number, group: string): string {
  return `${counted(count, 'member')} of "${group}" ${count === 1 ? 'is' : 'are'} on line`;
}
