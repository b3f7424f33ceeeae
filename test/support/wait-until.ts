/**
 * Waiting in tests for what another process does: polls a condition up to a deadline and says what it waited for.
 * Fails by throwing with the description and the last value seen, so that a slow machine and a bug look different.
 */

/** Resolves with the first value of `probe` that is not `undefined`, `null` or `false`. */
export async function waitUntil<T>(
  what: string,
  probe: () => T | Promise<T>,
  timeoutMs: number = 10_000,
  everyMs: number = 20,
): Promise<Exclude<T, undefined | null | false>> {
  const deadline = performance.now() + timeoutMs;
  let last: T;
  for (;;) {
    last = await probe();
    if (last !== undefined && last !== null && last !== false) return last as Exclude<T, undefined | null | false>;
    if (performance.now() >= deadline) break;
    await pause(everyMs);
  }
  throw new Error(`Waited ${timeoutMs} ms for ${what}; last seen: ${String(last)}`);
}

/** Resolves after `ms`. */
export function pause(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms));
}

/** Rejects when `promise` has not settled after `timeoutMs`; the loser's result is dropped. */
export async function within<T>(what: string, promise: Promise<T>, timeoutMs: number): Promise<T> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<never>((_, reject) => {
    timer = setTimeout(() => reject(new Error(`${what} took longer than ${timeoutMs} ms`)), timeoutMs);
  });
  try {
    return await Promise.race([promise, late]);
  } finally {
    clearTimeout(timer);
  }
}
