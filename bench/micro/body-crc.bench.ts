/**
 * What a body's CRC costs by its size, by table and by zlib: where model/crc32.ts should change from one to the other.
 * Run: node bench/micro/body-crc.bench.ts
 */
import { crc32 } from 'node:zlib';
import { bodyCrc32, shortCrc32 } from '../../model/crc32.ts';

const lane = new Uint8Array(new SharedArrayBuffer(1 << 16));
for (let at = 0; at < lane.length; at++) lane[at] = at * 31;
let sum = 0;

function measure(run: (start: number) => number): string {
  const rounds = 400_000;
  for (let round = 0; round < rounds / 4; round++) sum += run(round & 1023);
  const before = process.cpuUsage();
  for (let round = 0; round < rounds; round++) sum += run(round & 1023);
  const used = process.cpuUsage(before);
  return (((used.user + used.system) * 1000) / rounds).toFixed(0).padStart(7);
}

console.log('  bytes  table   zlib  bodyCrc32 (ns)');
for (const size of [16, 64, 128, 200, 256, 384, 512, 1024, 4096]) {
  const table = measure((start) => shortCrc32(lane, start, start + size));
  const zlib = measure((start) => crc32(lane.subarray(start, start + size)));
  const body = measure((start) => bodyCrc32(lane, start, start + size));
  console.log(`${String(size).padStart(7)}${table}${zlib}${body}`);
}
if (sum === 0) throw new Error('nothing was summed');
