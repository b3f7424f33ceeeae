/** Delays in ms by level − 1, in every simulated broker: short, so that they come within a seed's time. */
export const DELAYS_MS: readonly number[] = [200, 1_000, 2_000];
