/**
 * Fuzzing: what every test of decoders against broken input shares: children of a corpus that are cut, mutated, spliced, oversized or
 * random, and the run over them. Nothing may throw but the declared errors, take long, or keep memory. FUZZ_INPUTS sets the number of
 * inputs, FUZZ_SEED replays a run.
 */
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import tap, { test } from 'tap';
import { SeededRandom } from '../../runtime/random.ts';

const FIXED_SEED = 20_261_121;
const FRESH_SEED = Number(process.env['FUZZ_SEED'] ?? Math.floor(Math.random() * 0x7fff_ffff));
const SLOW_MS = 100;
const GROWTH_BYTES_MAX = 16 * 1024 * 1024;

/** `parent`: the member of the corpus that the input was made of. */
type Run = (bytes: Uint8Array, parent: Uint8Array) => void;

export type FuzzTarget = { readonly name: string; readonly corpus: readonly Uint8Array[]; readonly run: Run };

/** A broken child of the corpus. */
export function broken(random: SeededRandom, corpus: readonly Uint8Array[], seed: Uint8Array = oneOf(random, corpus)): Uint8Array {
  const kind = random.below(8);
  if (kind === 0) return seed.slice(0, random.below(seed.length + 1));
  if (kind === 1) return randomBytes(random, random.below(300));
  if (kind === 2) {
    const other = corpus[random.below(corpus.length)] as Uint8Array;
    return Buffer.concat([seed.subarray(0, random.below(seed.length)), other.subarray(random.below(other.length))]);
  }
  const copy = Uint8Array.from(seed);
  if (kind === 3) {
    // A length field, or what stands where one might, made extreme.
    const at = random.below(Math.max(1, copy.length - 4));
    const extreme = [0, 1, 0x7fff_ffff, 0x8000_0000, 0xffff_ffff, 0x0100_0000][random.below(6)] as number;
    for (let index = 0; index < 4 && at + index < copy.length; index++) copy[at + index] = extreme >>> (24 - index * 8);
    return copy;
  }
  if (kind === 4) {
    const at = random.below(copy.length);
    const repeat = copy.subarray(at, at + 1 + random.below(8));
    return Buffer.concat([copy.subarray(0, at), ...Array.from({ length: random.below(60) }, () => repeat), copy.subarray(at)]);
  }
  for (let count = 1 + random.below(kind === 5 ? 1 : 12); count > 0; count--) {
    const at = random.below(copy.length);
    copy[at] = kind === 6 ? (INTERESTING[random.below(INTERESTING.length)] as number) : random.below(256);
  }
  return copy;
}

export function oneOf(random: SeededRandom, corpus: readonly Uint8Array[]): Uint8Array {
  return corpus[random.below(corpus.length)] as Uint8Array;
}

const INTERESTING: Uint8Array = Buffer.from('{}[]":,\\u0019-+.eE \u0000\u007f\u00ff');

function randomBytes(random: SeededRandom, length: number): Uint8Array {
  return Uint8Array.from({ length }, () => random.below(256));
}

setFlagsFromString('--expose-gc');
const collect = runInNewContext('gc') as () => void;

async function usedBytes(): Promise<number> {
  for (let round = 0; round < 3; round++) {
    await new Promise(setImmediate);
    collect();
  }
  const { heapUsed, external } = process.memoryUsage();
  return heapUsed + external;
}

/**
 * Runs the targets in turn over broken input, half of it by a fixed seed, half by a fresh one.
 * @param inputsDefault inputs without FUZZ_INPUTS; @param inputMicrosMax what an input takes at most on a busy machine, only to catch what hangs
 * @param declared true: the input was taken; false: a declared error; throws what is none of them
 */
export function fuzz(
  what: string,
  targets: readonly FuzzTarget[],
  declared: (run: () => void) => boolean,
  { inputsDefault, inputMicrosMax }: { readonly inputsDefault: number; readonly inputMicrosMax: number },
): void {
  const all = Math.ceil(Number(process.env['FUZZ_INPUTS'] ?? 1_000_000) * (inputsDefault / 1_000_000));
  const timeout = Math.max(60_000, (all * inputMicrosMax) / 1000);
  tap.setTimeout(2 * timeout);
  for (const [index, seed] of [FIXED_SEED, FRESH_SEED].entries()) {
    const inputs = Math.ceil(all / 2);
    test(`${what} survive ${inputs} broken inputs (${index === 0 ? 'fixed' : 'fresh'} seed ${seed}; FUZZ_SEED replays)`, {
      timeout,
    }, async (t) => {
      const random = new SeededRandom(seed);
      let taken = 0;
      let before = 0;
      let slowest = 0;
      for (let count = 0; count < inputs; count++) {
        const target = targets[count % targets.length] as FuzzTarget;
        const parent = oneOf(random, target.corpus);
        const bytes = broken(random, target.corpus, parent);
        const started = performance.now();
        try {
          if (declared(() => target.run(bytes, parent))) taken++;
        } catch (error) {
          t.fail(`${target.name}, input ${count}: ${Buffer.from(bytes).toString('hex')}: ${(error as Error).stack}`);
          return;
        }
        const elapsed = performance.now() - started;
        slowest = Math.max(slowest, elapsed);
        if (elapsed > SLOW_MS && isSlow(target, bytes, parent, declared))
          t.fail(`${target.name} takes over ${SLOW_MS} ms for ${Buffer.from(bytes).toString('hex')}`);
        // As in a broker, the event loop turns now and then: zlib gives its memory back there.
        if (count % 1000 === 0) await new Promise(setImmediate);
        if (count === Math.floor(inputs / 4)) before = await usedBytes();
      }
      const growth = (await usedBytes()) - before;
      t.ok(growth < GROWTH_BYTES_MAX, `memory grew by ${growth} bytes`);
      t.ok(taken > inputs / 20, `${taken} inputs were taken: the rest of the way is reached too`);
      t.equal(Object.keys(Object.prototype).length, 0, 'no prototype was touched');
      t.comment(`slowest ${slowest.toFixed(1)} ms`);
    });
  }
}

/** Whether it is the input that is slow and not the machine: processor time, the least of three runs. */
function isSlow(target: FuzzTarget, bytes: Uint8Array, parent: Uint8Array, declared: (run: () => void) => boolean): boolean {
  let least = Number.POSITIVE_INFINITY;
  for (let round = 0; round < 3; round++) {
    const before = process.cpuUsage();
    declared(() => target.run(bytes, parent));
    const { user, system } = process.cpuUsage(before);
    least = Math.min(least, (user + system) / 1000);
  }
  return least > SLOW_MS;
}
