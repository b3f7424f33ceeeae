/**
 * Time, timers, chance and the machine's name, as the client needs them: given from outside, so that a test runs the same client on a virtual
 * clock from a seed. `systemEnvironment` is the real one; nothing else in this room reads a clock.
 */
import { networkInterfaces } from 'node:os';

export interface ClientEnvironment {
  /** Milliseconds since 1970; may jump. For times that travel. */
  now(): number;
  /** Milliseconds that never go back. For time limits. */
  monotonicMs(): number;
  /** When the month of `nowMs` began, in the machine's time zone: Java's unique keys count from there. */
  monthStart(nowMs: number): number;
  /** Calls `run` once, `delayMs` later at the earliest; returns what takes that back. */
  schedule(delayMs: number, run: () => void): () => void;
  /** In [0, 1). */
  random(): number;
  /** This machine's IPv4 address, 4 bytes: part of client ids and of unique keys. */
  readonly hostAddress: Uint8Array;
  readonly processId: number;
}

/** setTimeout fires at once beyond this. */
const DELAY_MS_MAX = 0x7fff_ffff;

/** The first IPv4 address that others can reach; loopback where there is none. */
function firstAddress(): Uint8Array {
  for (const addresses of Object.values(networkInterfaces())) {
    for (const { address, family, internal } of addresses ?? []) {
      if (family === 'IPv4' && !internal) return Uint8Array.from(address.split('.'), Number);
    }
  }
  return Uint8Array.of(127, 0, 0, 1);
}

let address: Uint8Array | null = null;

/** The machine's. */
export const systemEnvironment: ClientEnvironment = {
  now: () => Date.now(),
  monotonicMs: () => performance.now(),
  monthStart: (nowMs) => {
    const date = new Date(nowMs);
    return new Date(date.getFullYear(), date.getMonth(), 1).getTime();
  },
  schedule: (delayMs, run) => {
    const timer = setTimeout(run, Math.min(delayMs, DELAY_MS_MAX));
    return () => clearTimeout(timer);
  },
  random: () => Math.random(),
  get hostAddress() {
    address ??= firstAddress();
    return address;
  },
  processId: process.pid,
};
