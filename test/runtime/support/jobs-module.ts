/** Jobs for the test of the pool. */

export function double(value: number): number {
  return value * 2;
}

export function fail(): never {
  throw new Error('told to fail');
}

export function spin(): never {
  for (;;);
}

export function eatMemory(): never {
  const eaten: number[][] = [];
  for (;;) eaten.push(new Array(10_000).fill(eaten.length));
}
